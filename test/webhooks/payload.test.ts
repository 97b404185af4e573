/** What readPayload takes from shapes that the provider's documents only hint at, or that nobody documents. */

import { describe, expect, it } from 'vitest';
import { isAmbiguous, readPayload } from '../../src/webhooks/payload.ts';

const PERSON = '15551230001';
const payload = (values: object, repeated: readonly string[] = []) => ({
  from: 'json' as const,
  values: new Map<string, unknown>(Object.entries(values)),
  repeated: new Set(repeated),
});
const read = (values: object) => readPayload(payload(values));

describe('readPayload', () => {
  it.each<[string, object, object]>([
    [
      'a message with from and to and nothing that names its API',
      { from: PERSON, to: '73737', text: 'STOP' },
      { kind: 'message', person: PERSON, sender: '73737', texts: ['STOP'], isGuessed: false },
    ],
    ['from alone', { from: PERSON, text: 'STOP' }, { kind: 'other' }],
    ['to alone', { to: PERSON, text: 'STOP' }, { kind: 'other' }],
    [
      'a channel told only by to',
      { message_uuid: 'u', from: PERSON, to: { type: 'whatsapp', number: '1' }, text: 'STOP' },
      { kind: 'other' },
    ],
    [
      'a channel told only by from',
      { message_uuid: 'u', from: { type: 'messenger', number: '1' }, to: '1', text: 'STOP' },
      { kind: 'other' },
    ],
    [
      'a multimedia message',
      { message_uuid: 'u', from: PERSON, to: '1', channel: 'MMS', text: 'stop' },
      { kind: 'message', texts: ['stop'] },
    ],
    [
      'a keyword of the Messages API without its text',
      { message_uuid: 'u', from: PERSON, to: '1', channel: 'sms', sms: { keyword: 'STOP' } },
      { kind: 'message', texts: ['STOP'], isGuessed: true },
    ],
    [
      'a keyword beside it',
      { message_uuid: 'u', from: PERSON, to: '1', keyword: 'STOP' },
      { kind: 'message', texts: ['STOP'], isGuessed: true },
    ],
    [
      'numbers as JSON numbers',
      { msisdn: Number(PERSON), to: 73737, text: 'STOP' },
      { kind: 'message', person: PERSON, sender: '73737' },
    ],
    [
      'binary data beside a text',
      { msisdn: PERSON, text: 'hello', type: 'binary', data: '53544f50' },
      { kind: 'message', isGuessed: true },
    ],
    [
      'binary data of an odd length',
      { msisdn: PERSON, type: 'binary', data: '53544f500a' },
      { kind: 'message', texts: ['STOP\n', 'STOP\n'] },
    ],
    ['binary data that is no hex', { msisdn: PERSON, type: 'binary', data: 'stop' }, { kind: 'other' }],
    ['binary without data', { msisdn: PERSON, type: 'binary' }, { kind: 'other' }],
    [
      'an error told by its type alone',
      { message_uuid: 'u', to: PERSON, from: '1', status: 'rejected', error: { type: 'https://x/#1240' } },
      { kind: 'refusal', person: PERSON, sender: '1' },
    ],
    [
      'an error whose type is no text',
      { message_uuid: 'u', to: PERSON, from: '1', status: 'rejected', error: { type: 1240 } },
      { kind: 'other' },
    ],
    [
      'an error whose type names nothing',
      { message_uuid: 'u', to: PERSON, from: '1', status: 'rejected', error: { type: 'about:blank' } },
      { kind: 'other' },
    ],
    [
      'an error without a status',
      { message_uuid: 'u', to: PERSON, from: '1', error: { title: 1240 } },
      { kind: 'other' },
    ],
    [
      'an error that is a word',
      { message_uuid: 'u', to: PERSON, from: '1', status: 'rejected', error: '1240' },
      { kind: 'other' },
    ],
    ['a receipt by number', { msisdn: PERSON, to: '1', 'err-code': 9 }, { kind: 'refusal', person: PERSON }],
    ['a receipt of nobody', { messageId: 'm', 'err-code': '9' }, { kind: 'refusal', person: undefined }],
    ['an empty request', {}, { kind: 'other' }],
  ])('%s', (_name, values, expected) => {
    expect(read(values)).toMatchObject(expected);
  });

  it.each<[string, object, object | undefined, boolean]>([
    [
      'a sound part',
      { 'concat-ref': '7', 'concat-total': 2, 'concat-part': 1 },
      { ref: '7', total: 2 },
      false,
    ],
    ['a whole message', { concat: 'false' }, undefined, false],
    ['one part of one', { 'concat-ref': '7', 'concat-total': '1', 'concat-part': '1' }, undefined, false],
    ['marked, and nothing more', { concat: 'true' }, undefined, true],
    ['a part past the end', { 'concat-ref': '7', 'concat-total': '2', 'concat-part': '3' }, undefined, true],
    [
      'a first part that counts from 0',
      { 'concat-ref': '7', 'concat-total': '2', 'concat-part': '0' },
      { index: 0 },
      false,
    ],
    [
      'a part before the first',
      { 'concat-ref': '7', 'concat-total': '2', 'concat-part': '-1' },
      undefined,
      true,
    ],
    ['halves', { 'concat-ref': '7', 'concat-total': '2.5', 'concat-part': '1' }, undefined, true],
    ['too many', { 'concat-ref': '7', 'concat-total': '256', 'concat-part': '1' }, undefined, true],
    ['no reference', { concat: 'TRUE', 'concat-total': '2', 'concat-part': '1' }, undefined, true],
  ])('parts: %s', (_name, values, part, isGuessed) => {
    const event = read({ msisdn: PERSON, text: 'STOP', ...values });
    expect(event).toMatchObject({ kind: 'message', isGuessed });
    expect(event).toHaveProperty('part', part === undefined ? undefined : expect.objectContaining(part));
  });
});

it('only parameters that are read make a request ambiguous', () => {
  expect(isAmbiguous(payload({}, ['color']))).toBe(false);
  expect(isAmbiguous(payload({}, ['color', 'msisdn']))).toBe(true);
});
