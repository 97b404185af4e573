import { describe, expect, it } from 'vitest';
import { ProviderError } from '../../src/errors.ts';
import { checkOptedIn, readPage } from '../../src/provider/reply.ts';

const reply = (body: unknown, httpStatus = 200) => ({ httpStatus, body: JSON.stringify(body) });

function codeOf(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(ProviderError);
    return (error as ProviderError).code;
  }
}

describe('a page', () => {
  it.each<[string, unknown, number | undefined]>([
    ['a count as text', { 'opt-in-count': '3', 'opt-in-list': [] }, 3],
    ['a count as number', { 'opt-in-count': 3, 'opt-in-list': [] }, 3],
    ['no count', { 'opt-in-list': [] }, undefined],
    ['a count that is none', { 'opt-in-count': 'many', 'opt-in-list': [] }, undefined],
    ['a status of 0 beside it', { status: '0', 'opt-in-list': [] }, undefined],
    ['a status of null beside it', { status: null, 'opt-in-list': [] }, undefined],
    ['a count in other notation', { 'opt-in-count': '1e3', 'opt-in-list': [] }, undefined],
    ['a count below zero', { 'opt-in-count': -1, 'opt-in-list': [] }, undefined],
    ['a success among its messages', { messages: [{ status: '0' }], 'opt-in-list': [] }, undefined],
    [
      'messages that say nothing',
      { messages: [null, 7, {}, { status: 'ok' }], 'opt-in-list': [] },
      undefined,
    ],
  ])('with %s', (_name, body, total) => {
    expect(readPage(reply(body))).toEqual({ rows: [], total });
  });

  it.each<[string, unknown, number, string]>([
    [
      'an empty list beside an error text',
      { 'opt-in-list': [], 'error-text': 'no' },
      200,
      'provider_bad_reply',
    ],
    [
      'an empty list beside a status in words',
      { 'opt-in-list': [], status: 'error' },
      200,
      'provider_bad_reply',
    ],
    ['an empty list beside an odd status', { 'opt-in-list': [], status: {} }, 200, 'provider_bad_reply'],
    ['an empty list beside odd messages', { 'opt-in-list': [], messages: {} }, 200, 'provider_bad_reply'],
    ['a status as number', { status: 4 }, 200, 'provider_credentials'],
    ['an error beside a list', { status: '5', 'opt-in-list': [] }, 200, 'provider_unavailable'],
    ['an error behind a success', { messages: [{ status: 0 }, { status: 1 }] }, 200, 'provider_throttled'],
    ['a list under 500', { 'opt-in-list': [] }, 500, 'provider_unavailable'],
    ['a list under 404', { 'opt-in-list': [] }, 404, 'provider_rejected'],
    ['103, which is about one number', { status: '103' }, 200, 'provider_rejected'],
    ['a list that is null', { 'opt-in-list': null }, 200, 'provider_bad_reply'],
    ['a list that is an object', { 'opt-in-list': {} }, 200, 'provider_bad_reply'],
    ['an array', [], 200, 'provider_bad_reply'],
    ['null', null, 200, 'provider_bad_reply'],
    ['a word', 'opt-in-list', 200, 'provider_bad_reply'],
    ['an array under 503', [], 503, 'provider_unavailable'],
    ['420', {}, 420, 'provider_throttled'],
    ['408', {}, 408, 'provider_unavailable'],
    ['403', {}, 403, 'provider_credentials'],
  ])('is not %s', (_name, body, httpStatus, code) => {
    expect(codeOf(() => readPage(reply(body, httpStatus)))).toBe(code);
  });

  it.each([
    ['truncated JSON', '{"opt-in-list":[', 200, 'provider_bad_reply'],
    ['nothing', '', 200, 'provider_bad_reply'],
    ['HTML under 502', '<html>', 502, 'provider_unavailable'],
  ])('is not %s', (_name, body, httpStatus, code) => {
    expect(codeOf(() => readPage({ body, httpStatus }))).toBe(code);
  });

  it('that was refused tells when to come again', () => {
    expect(() => readPage({ body: '{}', httpStatus: 429, retryAfterMs: 5 })).toThrow(
      expect.objectContaining({ retryAfterMs: 5, httpStatus: 429, providerStatus: undefined }),
    );
  });
});

describe('an opt-in', () => {
  const said = { msisdn: '15559301529', 'opt-in': 'true', 'opt-out': 'false' };
  it.each<[string, unknown, string | undefined]>([
    ['the published reply', said, undefined],
    ['flags as booleans', { ...said, 'opt-in': true, 'opt-out': false }, undefined],
    ['flags in any case', { ...said, 'opt-in': ' TRUE ', 'opt-out': 'False' }, undefined],
    ['the number as a number', { ...said, msisdn: 15559301529 }, undefined],
    ['no word of opting out', { msisdn: '15559301529', 'opt-in': 'true' }, undefined],
    ['another number', { ...said, msisdn: '15559301528' }, 'provider_bad_reply'],
    ['no number', { 'opt-in': 'true' }, 'provider_bad_reply'],
    ['not opted in', { ...said, 'opt-in': 'false' }, 'provider_bad_reply'],
    ['both', { ...said, 'opt-out': 'true' }, 'provider_bad_reply'],
    ['neither', { msisdn: '15559301529' }, 'provider_bad_reply'],
    ['a bare success', { status: '0' }, 'provider_bad_reply'],
    ['103', { messages: [{ status: '103' }] }, 'provider_number_refused'],
    ['101', { messages: [{ status: '101' }] }, 'provider_rejected'],
  ])('by %s', (_name, body, code) => {
    expect(codeOf(() => checkOptedIn(reply(body), '15559301529'))).toBe(code);
  });
});
