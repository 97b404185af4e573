/** Shapes of events that the provider's documents only mention, or do not mention at all. */

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
      'a channel that only to names',
      { message_uuid: 'u', from: PERSON, to: { type: 'whatsapp', number: '1' }, text: 'STOP' },
      { kind: 'other' },
    ],
    [
      'a channel that only from names',
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
      'an error with only a type',
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
    [
      'a receipt without a number',
      { messageId: 'm', 'err-code': '9' },
      { kind: 'refusal', person: undefined },
    ],
    ['an empty request', {}, { kind: 'other' }],
  ])('reads %s', (_name, values, expected) => {
    expect(read(values)).toMatchObject(expected);
  });

  it.each<[string, object, object | undefined, boolean]>([
    ['complete', { 'concat-ref': '7', 'concat-total': 2, 'concat-part': 1 }, { ref: '7', total: 2 }, false],
    ['a whole message', { concat: 'false' }, undefined, false],
    ['one of one', { 'concat-ref': '7', 'concat-total': '1', 'concat-part': '1' }, undefined, false],
    ['marked, and nothing more', { concat: 'true' }, undefined, true],
    ['past the end', { 'concat-ref': '7', 'concat-total': '2', 'concat-part': '3' }, undefined, true],
    [
      'the first one, counted from 0',
      { 'concat-ref': '7', 'concat-total': '2', 'concat-part': '0' },
      { index: 0 },
      false,
    ],
    [
      'before the first one',
      { 'concat-ref': '7', 'concat-total': '2', 'concat-part': '-1' },
      undefined,
      true,
    ],
    ['a fractional total', { 'concat-ref': '7', 'concat-total': '2.5', 'concat-part': '1' }, undefined, true],
    ['of too many', { 'concat-ref': '7', 'concat-total': '256', 'concat-part': '1' }, undefined, true],
    ['without a reference', { concat: 'TRUE', 'concat-total': '2', 'concat-part': '1' }, undefined, true],
  ])('reads a part: %s', (_name, values, part, isGuessed) => {
    const event = read({ msisdn: PERSON, text: 'STOP', ...values });
    expect(event).toMatchObject({ kind: 'message', isGuessed });
    expect(event).toHaveProperty('part', part === undefined ? undefined : expect.objectContaining(part));
  });
});

it('treats a request as ambiguous only by parameters that are read', () => {
  expect(isAmbiguous(payload({}, ['color']))).toBe(false);
  expect(isAmbiguous(payload({}, ['color', 'msisdn']))).toBe(true);
});

describe('the API of a request', () => {
  const time = { timestamp: '2026-01-01T00:00:00Z', 'message-timestamp': '2025-01-01 00:00:00' };
  const messages = { at: Date.UTC(2026, 0, 1), person: PERSON };
  const sms = { at: Date.UTC(2025, 0, 1), person: undefined };
  it.each<[string, object, object]>([
    ['message_uuid alone', { message_uuid: 'u', from: PERSON }, messages],
    ['a channel alone', { channel: 'sms', from: PERSON }, messages],
    ['from and to', { from: PERSON, to: '1' }, { ...messages, sender: '1' }],
    ['numbers in objects', { from: { number: PERSON }, to: { number: 1 } }, { ...messages, sender: '1' }],
    ['messageId alone', { messageId: 'm' }, { ...sms, messageId: 'm' }],
    ['a time alone', {}, sms],
    ['msisdn', { msisdn: PERSON, message_uuid: 'u', channel: 'x' }, { ...sms, person: PERSON }],
  ])('is recognised by %s', (_name, values, expected) => {
    expect(read({ ...time, text: 'STOP', ...values })).toMatchObject({ kind: 'message', ...expected });
  });

  it('is ignored for other channels than SMS and MMS', () => {
    const values = { message_uuid: 'u', from: PERSON, to: '1', text: 'STOP' };
    expect(read({ ...values, channel: 'whatsapp' })).toEqual({ kind: 'other' });
    expect(read({ ...values, channel: 'Sms' })).toMatchObject({ kind: 'message' });
  });
});

describe('the text of a part', () => {
  const part = { msisdn: PERSON, 'concat-ref': '7', 'concat-total': '255', 'concat-part': '255' };
  it.each<[string, object, string | undefined, readonly string[]]>([
    ['a text with its spaces', { text: ' leave me ' }, ' leave me ', ['leave me']],
    ['a text before a keyword', { text: 'a', keyword: 'b' }, 'a', ['a']],
    ['a number', { text: 5 }, '5', ['5']],
    ['only spaces', { text: '  ' }, '  ', []],
    ['nothing at all', { text: '' }, '', []],
    ['a keyword if there is no text', { keyword: 'b' }, 'b', ['b']],
    ['a keyword if the text is blank', { text: ' ', keyword: 'b' }, 'b', ['b']],
    ['binary data', { type: 'binary', data: '53' }, 'S', ['S', 'S']],
    ['a keyword before binary data', { keyword: 'b', type: 'binary', data: '53' }, 'b', ['b', 'S', 'S']],
  ])('is read from %s', (_name, values, text, texts) => {
    expect(read({ ...part, ...values })).toMatchObject({
      ...{ kind: 'message', texts, part: { text, ref: '7', total: 255, index: 255 } },
    });
  });

  it('is missing if there is neither text nor keyword', () => {
    expect(read(part)).toEqual({ kind: 'other' });
    expect(read({ ...part, text: null })).toEqual({ kind: 'other' });
  });
});

describe('the texts of a person', () => {
  const inbound = { message_uuid: 'u', channel: 'mms', from: PERSON, to: '73737' };
  it.each<[string, object, readonly string[]]>([
    ['a text', { text: 'STOP' }, ['STOP']],
    ['the caption of an image', { image: { url: 'x', caption: 'STOP' } }, ['STOP']],
    ['the caption of a video', { video: { url: 'x', caption: 'STOP' } }, ['STOP']],
    ['the caption of a file', { file: { url: 'x', caption: 'STOP', name: 'a' } }, ['STOP']],
    ['the caption of a sound', { audio: { url: 'x', caption: 'STOP' } }, ['STOP']],
    ['the caption of a card', { vcard: { url: 'x', caption: 'STOP' } }, ['STOP']],
    ['a caption by itself', { caption: 'STOP' }, ['STOP']],
    [
      'content in a list',
      {
        content: [
          { type: 'image', url: 'x', caption: 'look' },
          { type: 'text', text: 'STOP' },
        ],
      },
      ['look', 'STOP'],
    ],
    ['content that is no list', { content: { type: 'text', text: 'STOP' } }, ['STOP']],
    ['an image inside content', { content: [{ type: 'image', image: { caption: 'STOP' } }] }, ['STOP']],
    ['a text of the older form', { message: { content: { type: 'text', text: 'STOP' } } }, ['STOP']],
    [
      'a caption of the older form',
      { message: { content: { type: 'image', image: { url: 'x', caption: 'STOP' } } } },
      ['STOP'],
    ],
    ['a file of the older form', { message: { content: { file: { caption: 'STOP' } } } }, ['STOP']],
    ['a list of the older form', { message: { content: [{ video: { caption: 'STOP' } }] } }, ['STOP']],
    ['a text beside a caption', { text: 'hi', image: { caption: 'STOP' } }, ['hi', 'STOP']],
    ['the same text twice', { text: 'STOP', image: { caption: ' STOP ' } }, ['STOP']],
    ['a number', { text: 1 }, ['1']],
    ['a blank text beside a caption', { text: ' ', image: { caption: 'STOP' } }, ['STOP']],
  ])('are read from %s', (_name, values, texts) => {
    expect(read({ ...inbound, ...values })).toEqual({
      ...{ kind: 'message', person: PERSON, sender: '73737', texts, isGuessed: false },
      ...{ at: undefined, messageId: 'u', part: undefined },
    });
  });

  it.each<[string, object]>([
    ['the name or address of a file', { file: { url: 'https://x/STOP', name: 'STOP' } }],
    ['an image that is a text', { image: 'STOP' }],
    ['a caption that is no text', { image: { caption: { text: 'STOP' } } }],
    ['the name of a profile', { profile: { name: 'STOP', text: 'STOP' } }],
    ['nothing', { image: null, content: [], message: 'STOP' }],
  ])('are not read from %s', (_name, values) => {
    expect(read({ ...inbound, ...values })).toEqual({ kind: 'other' });
  });

  it('are read before a keyword', () => {
    const values = { image: { caption: 'hello' }, sms: { keyword: 'STOP' }, keyword: 'STOP' };
    expect(read({ ...inbound, ...values })).toMatchObject({ texts: ['hello'], isGuessed: false });
  });

  it.each(['content', 'message', 'image'])('are searched for to a depth of eight: %s', (name) => {
    const nested = (depth: number): unknown =>
      depth === 0 ? { text: 'STOP' } : { [name]: nested(depth - 1) };
    expect(read({ ...inbound, ...(nested(8) as object) })).toMatchObject({ texts: ['STOP'] });
    expect(read({ ...inbound, ...(nested(9) as object) })).toEqual({ kind: 'other' });
  });

  it('are searched for to the same depth in lists', () => {
    const nested = (depth: number): unknown => (depth === 0 ? { text: 'STOP' } : [nested(depth - 1)]);
    expect(read({ ...inbound, content: nested(7) })).toMatchObject({ texts: ['STOP'] });
    expect(read({ ...inbound, content: nested(8) })).toEqual({ kind: 'other' });
  });
});

describe('a refusal', () => {
  const status = { message_uuid: 'u', to: PERSON, from: '1', status: 'rejected' };
  it.each<[string, object]>([
    ['an error', { error: { title: 1240 } }],
    ['an error whose title is text', { error: { title: ' 1240 ' } }],
    ['an error by its code', { error: { code: '1240', reason: 'x' } }],
    ['an error in an error', { error: { error: { title: 1240 } } }],
    ['an error beside an error', { error: { title: 1000, error: { type: 'https://x/#1240' } } }],
    ['an error deep in errors', { error: { error: { error: { code: 1240 } } } }],
  ])('is read from %s', (_name, values) => {
    expect(read({ ...status, ...values })).toEqual({
      ...{ kind: 'refusal', person: PERSON, sender: '1', at: undefined, messageId: 'u' },
    });
  });

  it.each<[string, object]>([
    ['another error in an error', { error: { error: { title: 1241 } } }],
    ['an error in something else', { error: { detail: { title: 1240 } } }],
    ['an error without a status', { status: ' ', error: { title: 1240 } }],
    ['a code with more digits', { error: { title: 12_400, code: '01240', type: 'x#1240x' } }],
    ['null', { error: null }],
    ['no error', {}],
  ])('is not read from %s', (_name, values) => {
    expect(read({ ...status, ...values })).toEqual({ kind: 'other' });
  });

  it('is searched for to a depth of eight', () => {
    const nested = (depth: number): unknown => (depth === 0 ? { title: 1240 } : { error: nested(depth - 1) });
    expect(read({ ...status, error: nested(8) })).toMatchObject({ kind: 'refusal' });
    expect(read({ ...status, error: nested(9) })).toEqual({ kind: 'other' });
  });

  it.each([
    ...([
      ['9', true],
      ['09', true],
      ['009', true],
      [' 09 ', true],
      [9, true],
    ] as const),
    ...([
      ['90', false],
      ['19', false],
      ['0x9', false],
      ['9.0', false],
      ['99', false],
      ['0', false],
    ] as const),
    ...([
      ['9a', false],
      ['-9', false],
      ['９', false],
      ['', false],
      [null, false],
      [[9], false],
    ] as const),
  ])('is read from err-code %j: %s', (code, isRefusal) => {
    const event = read({ msisdn: PERSON, to: '1', messageId: 'm', 'err-code': code });
    expect(event.kind).toBe(isRefusal ? 'refusal' : 'other');
  });
});

describe('blank values', () => {
  it('are treated as missing', () => {
    const blank = { text: ' ', keyword: ' STOP ', to: ' 73737 ', messageId: ' m ', type: '' };
    expect(read({ msisdn: ` ${PERSON} `, ...blank })).toEqual({
      ...{ kind: 'message', person: PERSON, sender: '73737', texts: ['STOP'], isGuessed: true },
      ...{ at: undefined, messageId: 'm', part: undefined },
    });
    expect(read({ message_uuid: ' ', channel: '', from: PERSON, text: 'STOP' })).toEqual({ kind: 'other' });
  });
});

describe('binary data', () => {
  const binary = (data: string) => read({ msisdn: PERSON, type: 'Binary', data });
  it('is decoded as UTF-8, Latin-1 and UTF-16', () => {
    const bytes = Buffer.from('Arrêt', 'latin1');
    expect(binary(bytes.toString('hex'))).toMatchObject({ texts: ['Arr\uFFFDt', 'Arrêt'], isGuessed: true });
    const utf16 = Buffer.from('СТОП', 'utf16le').swap16();
    expect(binary(utf16.toString('hex').toUpperCase())).toMatchObject({
      texts: [utf16.toString('utf8'), utf16.toString('latin1'), 'СТОП'],
    });
  });

  it.each(['', '5', '53g4', ' 53 54', '0x5354', '5354\n5'])('is ignored if it is no hex: %j', (data) => {
    expect(binary(data)).toEqual({ kind: 'other' });
  });
});
