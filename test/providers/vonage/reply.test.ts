import { describe, expect, it } from 'vitest';
import { ProviderError } from '../../../src/errors.ts';
import { checkOptedIn, readPage, type Reply } from '../../../src/providers/vonage/reply.ts';

const reply = (body: unknown, httpStatus = 200) => ({ httpStatus, body: JSON.stringify(body) });

function errorOf(act: () => unknown): ProviderError | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(ProviderError);
    return error as ProviderError;
  }
}

const codeOf = (act: () => unknown): string | undefined => errorOf(act)?.code;

describe('readPage', () => {
  it.each<[string, unknown, number | undefined]>([
    ['a count as text', { 'opt-in-count': '3', 'opt-in-list': [] }, 3],
    ['a count as number', { 'opt-in-count': 3, 'opt-in-list': [] }, 3],
    ['a count of several digits', { 'opt-in-count': '1203', 'opt-in-list': [] }, 1203],
    ['a count with spaces around it', { 'opt-in-count': ' 3 ', 'opt-in-list': [] }, 3],
    ['a count that is a list', { 'opt-in-count': [3], 'opt-in-list': [] }, undefined],
    ['no count', { 'opt-in-list': [] }, undefined],
    ['a count that is no number', { 'opt-in-count': 'many', 'opt-in-list': [] }, undefined],
    ['a status of 0 beside the list', { status: '0', 'opt-in-list': [] }, undefined],
    ['a status of null beside the list', { status: null, 'opt-in-list': [] }, undefined],
    ['a count in other notation', { 'opt-in-count': '1e3', 'opt-in-list': [] }, undefined],
    ['a count below zero', { 'opt-in-count': -1, 'opt-in-list': [] }, undefined],
    ['a success among its messages', { messages: [{ status: '0' }], 'opt-in-list': [] }, undefined],
    [
      'messages without a status other than 0',
      { messages: [{}, { status: 0 }], 'opt-in-list': [] },
      undefined,
    ],
    ['messages of null', { messages: null, 'opt-in-list': [] }, undefined],
    ['messages of an empty text', { messages: '', 'opt-in-list': [] }, undefined],
    ['no messages', { messages: [], 'message-count': '0', 'opt-in-list': [] }, undefined],
    ...[null, '', ' ', false, 'false', 0, '0', []].map((empty): [string, unknown, undefined] => [
      `an error of ${JSON.stringify(empty)} beside the list`,
      { error: empty, 'error-text': empty, errors: empty, 'opt-in-list': [] },
      undefined,
    ]),
    [
      'other members',
      { page: 0, links: { next: '/2' }, success: true, code: 200, 'opt-in-list': [] },
      undefined,
    ],
    [
      'members that tell of a success',
      { success: 'true', ok: null, 'http-status': '200', 'opt-in-list': [] },
      undefined,
    ],
  ])('accepts a list with %s', (_name, body, total) => {
    expect(readPage(reply(body))).toEqual({ rows: [], total });
  });

  describe.each([
    ['an empty list', []],
    ['a list', [{ msisdn: '15558937009', 'opt-out': 'true' }]],
  ])('%s', (_name, list) => {
    it.each<object>([
      ...[
        { 'error-text': 'no' },
        { 'error-text': { text: 'no' } },
        { error_text: 'no' },
        { errorText: 'no' },
      ],
      ...[
        { error: 'no' },
        { error: {} },
        { error: { code: 5 } },
        { error: true },
        { error: 'true' },
        { Error: 'x' },
      ],
      ...[
        { errors: ['no'] },
        { errors: [{}] },
        { errors: { msisdn: 'no' } },
        { 'error-code': '5' },
        { errorCode: 5 },
      ],
      ...[
        { 'err-code': '9' },
        { fault: 'no' },
        { exception: 'no' },
        { failure: 'no' },
        { 'has-error': true },
      ],
      ...[{ status: 'error' }, { status: 'ok' }, { status: '' }, { status: {} }, { status: true }],
      ...[
        { status: '-1' },
        { status: -1 },
        { status: '00' },
        { STATUS: 'failed' },
        { statusCode: 401 },
        { code: '5' },
      ],
      ...[{ success: false }, { success: 'false' }, { ok: false }, { ok: 'no' }],
      ...[
        { messages: {} },
        { messages: 'no' },
        { messages: ['no'] },
        { messages: [null] },
        { messages: [7] },
      ],
      ...[{ messages: [{ status: 'ok' }] }, { messages: [{ status: '0' }, { 'error-text': 'no' }] }],
      ...[{ title: 'Unauthorized' }, { type: 'urn:problem' }, { detail: 'no' }, { message: 'Forbidden' }],
      ...[
        { meta: { error: 'no' } },
        { meta: { deeper: [{ status: 'failed' }] } },
        { _embedded: { errors: ['no'] } },
      ],
      ...[
        { many: Array.from({ length: 2_000 }, () => 0) },
        { many: { ...Array.from({ length: 2_000 }, () => 0) } },
      ],
    ])('is rejected beside %j', (beside) => {
      expect(codeOf(() => readPage(reply({ 'opt-in-list': list, ...beside })))).toBe('provider_bad_reply');
      expect(codeOf(() => readPage(reply({ ...beside, 'opt-in-count': '1', 'opt-in-list': list })))).toBe(
        'provider_bad_reply',
      );
    });

    it.each([
      ['4', 'provider_credentials'],
      [4, 'provider_credentials'],
      ['5', 'provider_unavailable'],
      [1, 'provider_throttled'],
      ['101', 'provider_rejected'],
      ['200', 'provider_rejected'],
    ])('is rejected beside the status %j', (status, code) => {
      expect(codeOf(() => readPage(reply({ 'opt-in-list': list, status })))).toBe(code);
      expect(codeOf(() => readPage(reply({ 'opt-in-list': list, messages: [{ status }] })))).toBe(code);
    });

    it.each([
      ...[201, 202, 203, 204, 205, 206, 207, 226].map((status) => [status, 'provider_bad_reply']),
      ...[300, 301, 302, 303, 304, 307, 308, 400, 404, 410].map((status) => [status, 'provider_rejected']),
      ...[500, 502, 503, 504].map((status) => [status, 'provider_unavailable']),
    ] as [number, string][])('is rejected under HTTP %i', (status, code) => {
      expect(codeOf(() => readPage(reply({ 'opt-in-list': list, 'opt-in-count': '0' }, status)))).toBe(code);
    });

    it.each([
      'application/problem+json',
      'Application/Problem+JSON; charset=utf-8',
      'application/problem+xml',
    ])('is rejected with the content type %s', (contentType) => {
      const body = { 'opt-in-list': list };
      expect(codeOf(() => readPage({ ...reply(body), contentType }))).toBe('provider_bad_reply');
      expect(readPage({ ...reply(body), contentType: 'application/json' }).rows).toEqual(list);
    });
  });

  it('rejects a list with HTTP 206 and a provider status', () => {
    expect(codeOf(() => readPage(reply({ status: '101', 'opt-in-list': [] }, 206)))).toBe(
      'provider_rejected',
    );
  });

  it.each<[string, unknown, number, string]>([
    ['a status as number', { status: 4 }, 200, 'provider_credentials'],
    ['a status beside a list', { status: '5', 'opt-in-list': [] }, 200, 'provider_unavailable'],
    ['an error after a success', { messages: [{ status: 0 }, { status: 1 }] }, 200, 'provider_throttled'],
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
    ['401', {}, 401, 'provider_credentials'],
    ['403', {}, 403, 'provider_credentials'],
    ['429', {}, 429, 'provider_throttled'],
    ['a status of its own under 500', { status: '101' }, 500, 'provider_unavailable'],
    ['a status in a list', { status: [4] }, 200, 'provider_bad_reply'],
    ['a status of seven digits', { status: '1000000' }, 200, 'provider_bad_reply'],
    ['a status with spaces around it', { status: ' 4 ' }, 200, 'provider_credentials'],
  ])('rejects %s', (_name, body, httpStatus, code) => {
    expect(codeOf(() => readPage(reply(body, httpStatus)))).toBe(code);
  });

  it.each([
    ['truncated JSON', '{"opt-in-list":[', 200, 'provider_bad_reply'],
    ['an empty body', '', 200, 'provider_bad_reply'],
    ['HTML under 502', '<html>', 502, 'provider_unavailable'],
  ])('rejects %s', (_name, body, httpStatus, code) => {
    expect(codeOf(() => readPage({ body, httpStatus }))).toBe(code);
  });

  it('gives the time of Retry-After in its error', () => {
    expect(() => readPage({ body: '{}', httpStatus: 429, retryAfterMs: 5 })).toThrow(
      expect.objectContaining({ retryAfterMs: 5, httpStatus: 429, providerStatus: undefined }),
    );
  });
});

describe('an error of a reply', () => {
  const query = 'the provider refused the query: HTTP';
  const manage = 'the provider refused the manage: HTTP';
  const page = readPage;
  const optIn = (received: Reply) => checkOptedIn(received, '15559301529');

  it.each<[string, (received: Reply) => unknown, string, number, string, string | undefined]>([
    ['a status', page, '{"status":"101"}', 200, `${query} 200, status 101`, '101'],
    ['a status beside 503', page, '{"status":5}', 503, `${query} 503, status 5`, '5'],
    ['no status', page, '{}', 404, `${query} 404`, undefined],
    ['HTML', page, '<html>', 502, `${query} 502`, undefined],
    ['an array', page, '["no"]', 403, `${query} 403`, undefined],
    ['a status', optIn, '{"status":"103"}', 200, `${manage} 200, status 103`, '103'],
    ['no status', optIn, '{}', 401, `${manage} 401`, undefined],
    ['HTML under 200', page, '<html>', 200, 'the reply is not JSON (HTTP 200)', undefined],
    ['a list', page, '[]', 200, 'the reply is not an object (HTTP 200)', undefined],
    ['a text', page, '"no"', 200, 'the reply is not an object (HTTP 200)', undefined],
    ['null', optIn, 'null', 200, 'the reply is not an object (HTTP 200)', undefined],
    ['no list', page, '{"opt-in-count":"0"}', 200, 'the reply holds no list (HTTP 200)', undefined],
    ['an error', page, '{"error":"no"}', 200, 'the reply speaks of an error (HTTP 200)', undefined],
    ['-1', page, '{"status":"-1"}', 200, 'the reply speaks of an error (HTTP 200)', undefined],
    [
      'another number',
      optIn,
      '{"msisdn":"15559301528","opt-in":"true"}',
      200,
      'the reply does not say that the number is opted in (HTTP 200)',
      undefined,
    ],
  ])(
    'has the message and the status codes for %s',
    (_name, read, body, httpStatus, message, providerStatus) => {
      expect(errorOf(() => read({ body, httpStatus }))).toMatchObject({
        message,
        httpStatus,
        providerStatus,
        retryAfterMs: undefined,
      });
    },
  );
});

describe('checkOptedIn', () => {
  const optedIn = { msisdn: '15559301529', 'opt-in': 'true', 'opt-out': 'false' };
  it.each<[string, unknown, string | undefined]>([
    ['the published reply', optedIn, undefined],
    ['flags as booleans', { ...optedIn, 'opt-in': true, 'opt-out': false }, undefined],
    ['flags in any case', { ...optedIn, 'opt-in': ' TRUE ', 'opt-out': 'False' }, undefined],
    ['flags with spaces around them', { ...optedIn, 'opt-in': ' true', 'opt-out': ' false ' }, undefined],
    ['the number as a number', { ...optedIn, msisdn: 15559301529 }, undefined],
    ['no opt-out flag', { msisdn: '15559301529', 'opt-in': 'true' }, undefined],
    ['another number', { ...optedIn, msisdn: '15559301528' }, 'provider_bad_reply'],
    ['no number', { 'opt-in': 'true' }, 'provider_bad_reply'],
    ['not opted in', { ...optedIn, 'opt-in': 'false' }, 'provider_bad_reply'],
    ['both flags true', { ...optedIn, 'opt-out': 'true' }, 'provider_bad_reply'],
    ['neither flag', { msisdn: '15559301529' }, 'provider_bad_reply'],
    ['a bare success', { status: '0' }, 'provider_bad_reply'],
    ['103', { messages: [{ status: '103' }] }, 'provider_number_refused'],
    ['101', { messages: [{ status: '101' }] }, 'provider_rejected'],
    ['a sign of an error', { ...optedIn, 'error-text': 'no' }, 'provider_bad_reply'],
    [
      'an opt-out flag that is neither true nor false',
      { ...optedIn, 'opt-out': 'maybe' },
      'provider_bad_reply',
    ],
    ['an opt-out flag of 1', { ...optedIn, 'opt-out': 1 }, 'provider_bad_reply'],
    ['an opt-out flag of null', { ...optedIn, 'opt-out': null }, undefined],
    ['an empty opt-out flag', { ...optedIn, 'opt-out': '' }, undefined],
  ])('checks a reply with %s', (_name, body, code) => {
    expect(codeOf(() => checkOptedIn(reply(body), '15559301529'))).toBe(code);
  });

  it.each([201, 202, 206])('rejects a reply with HTTP %i', (status) => {
    expect(codeOf(() => checkOptedIn(reply(optedIn, status), '15559301529'))).toBe('provider_bad_reply');
  });

  it.each<[unknown, object]>([
    ['2014-08-21 17:34:47', { optInDate: Date.UTC(2014, 7, 21, 17, 34, 47) }],
    ['soon', {}],
    [undefined, {}],
  ])('returns the date of the opt-in %j', (date, proof) => {
    expect(checkOptedIn(reply({ ...optedIn, 'opt-in-date': date }), '15559301529')).toStrictEqual(proof);
  });
});
