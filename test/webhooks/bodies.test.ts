/** Which bodies are read. Every other body is refused, so that the provider repeats it, and reported by an event. */

import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readParameters } from '../../src/webhooks/parameters.ts';
import { answered, startReceiver } from './receiver-harness.ts';

const PERSON = '15551230001';
const FORM = `msisdn=${PERSON}&to=73737&text=STOP&messageId=m`;
const JSON_BODY = JSON.stringify({ msisdn: PERSON, to: '73737', text: 'STOP', messageId: 'm' });
const form = 'application/x-www-form-urlencoded';
const json = 'application/json';
const OPEN = { unsigned: 'block_only' } as const;
const utf16 = (text: string) => Buffer.from(`\uFEFF${text}`, 'utf16le');

const multipart = [
  ['--x', 'Content-Disposition: form-data; name="msisdn"', '', PERSON],
  ['--x', 'Content-Disposition: form-data; name="text"', '', 'STOP&text=STOP'],
  ['--x--', ''],
]
  .flat()
  .join('\r\n');
const xml = `<message msisdn="${PERSON}" text="STOP"/>`;

describe('an opt-out', () => {
  it.each<[string, string | Uint8Array, string | undefined]>([
    ['a form', FORM, form],
    ['a form with its charset', FORM, `${form}; charset=UTF-8`],
    ['a form without a type', FORM, undefined],
    ['a form that is called JSON', FORM, json],
    ['a form that is called text', FORM, 'text/plain'],
    ['a form that is called XML', FORM, 'text/xml'],
    ['a form that is called multipart', FORM, 'multipart/form-data; boundary=x'],
    ['a form with a line end behind it', `${FORM}\r\n`, form],
    ['a form behind a byte order mark', `\uFEFF${FORM}`, form],
    ['a form with another application’s parameter', `${FORM}&a b=1`, form],
    ['JSON', JSON_BODY, json],
    ['JSON of a problem type', JSON_BODY, 'application/cloudevents+json; charset=utf-8'],
    ['JSON that is called a form', JSON_BODY, form],
    ['JSON that is called an image', JSON_BODY, 'image/png'],
    ['JSON behind a byte order mark and lines', `\uFEFF\r\n ${JSON_BODY}\n`, json],
    ['JSON in Latin-1', Buffer.from(JSON_BODY.replace('STOP', 'Arrêt'), 'latin1'), json],
    ['a form in Latin-1', Buffer.from(FORM.replace('STOP', 'Arrêt'), 'latin1'), form],
  ])('is read from %s', async (_name, body, type) => {
    const { post, changes } = startReceiver(OPEN);
    expect(answered(await post(body, type === undefined ? {} : { 'content-type': type }))).toEqual([
      200,
      'recorded',
    ]);
    expect(changes).toMatchObject([{ direction: 'out', msisdn: PERSON }]);
  });

  it('is read from a body that a parser has decompressed', async () => {
    const { post, changes } = startReceiver(OPEN);
    await post(FORM, { 'content-type': form, 'content-encoding': 'gzip' });
    expect(changes).toHaveLength(1);
  });
});

describe('a body that cannot be read', () => {
  const bodies: readonly [string, string | Uint8Array, Record<string, string>, number][] = [
    ['gzip', gzipSync(FORM), { 'content-type': form, 'content-encoding': 'gzip' }, 415],
    ['gzip of JSON', gzipSync(JSON_BODY), { 'content-type': json, 'content-encoding': 'GZIP' }, 415],
    ['gzip that says nothing of it', gzipSync(FORM), { 'content-type': form }, 400],
    ['deflate', deflateSync(FORM), { 'content-type': form, 'content-encoding': 'deflate' }, 415],
    ['br', brotliCompressSync(FORM), { 'content-type': form, 'content-encoding': 'br' }, 415],
    ['an encoding without such bytes', 'a=b', { 'content-type': form, 'content-encoding': 'zstd' }, 415],
    ['multipart', multipart, { 'content-type': 'multipart/form-data; boundary=x' }, 415],
    ['multipart that is called a form', multipart, { 'content-type': form }, 400],
    ['XML', xml, { 'content-type': 'application/xml' }, 415],
    ['XML that is called a form', xml, { 'content-type': form }, 400],
    ['XML with a query', '<a href="?b=1&to=2&text=STOP"/>', { 'content-type': 'text/xml' }, 415],
    ['XML without a type', '<text>STOP</text>', {}, 400],
    ['a form in UTF-16', utf16(FORM), { 'content-type': `${form}; charset=utf-16` }, 400],
    ['JSON in UTF-16', utf16(JSON_BODY), { 'content-type': json }, 400],
    ['JSON in UTF-16 without its mark', utf16(JSON_BODY).subarray(2), { 'content-type': json }, 400],
    ['JSON in UTF-16 of another order', utf16(JSON_BODY).swap16(), { 'content-type': json }, 400],
    ['JSON in UTF-32', Buffer.from([...JSON_BODY].flatMap((char) => [0, 0, 0, char.charCodeAt(0)])), {}, 400],
    ['a text', 'STOP', { 'content-type': 'text/plain' }, 415],
    ['a text that is called a form', 'STOP', { 'content-type': form }, 400],
    ['a text without a type', 'please stop', {}, 400],
    ['a sentence with a sign', 'no more = stop', { 'content-type': form }, 400],
    ['base64', 'U1RPUA==', { 'content-type': 'text/plain' }, 415],
    ['YAML', `msisdn: ${PERSON}\ntext: STOP\n`, { 'content-type': 'application/yaml' }, 415],
    ['a form of lines', `msisdn=${PERSON}\r\ntext=STOP`, { 'content-type': 'text/plain' }, 415],
    ['a form of one parameter a line', 'type=text\ntext=STOP', { 'content-type': form }, 400],
    ['an unknown type', 'a=b', { 'content-type': 'application/x-thing' }, 415],
    ['half a JSON', '{"msisdn":"1555', { 'content-type': json }, 400],
    ['half a JSON of another type', '{"msisdn":"1555', { 'content-type': 'text/plain' }, 415],
    ['two JSONs', `${JSON_BODY}\n${JSON_BODY}`, { 'content-type': json }, 400],
    ['a list', `[${JSON_BODY}]`, { 'content-type': json }, 400],
    ['a list of another type', `[${JSON_BODY}]`, { 'content-type': 'application/json-seq' }, 415],
    ['a JSON text', '"STOP"', { 'content-type': json }, 400],
    ['bytes', Buffer.from([0xff, 0xfe, 0x00, 0x01]), { 'content-type': 'application/octet-stream' }, 415],
  ];

  it.each(bodies)('is refused: %s', async (_name, body, headers, status) => {
    const { post, sink, refused } = startReceiver(OPEN);
    expect(answered(await post(body, headers))).toEqual([status, 'refused']);
    expect(refused).toMatchObject([{ code: 'webhook_unreadable', status }]);
    expect(sink.record).not.toHaveBeenCalled();
  });

  it.each<[string, unknown, string | undefined, number]>([
    ['XML', { '<message msisdn': '"1" text="STOP"/>' }, form, 400],
    ['a text', { STOP: '' }, form, 400],
    ['a sentence', { 'please stop ': 'now' }, undefined, 400],
    ['a list', [{ text: 'STOP' }], json, 400],
    ['a number', 5, json, 400],
    ['a literal', false, json, 400],
    ['lines', 'text: STOP', 'text/plain', 415],
    ['a form of another type', { a: 'b' }, 'application/x-thing', 415],
  ])('is refused after a body parser: %s', async (_name, parsedBody, type, status) => {
    const { receive, refused } = startReceiver(OPEN);
    const headers = type === undefined ? {} : { 'content-type': type };
    const answer = await receive({ method: 'POST', url: '/hooks', headers, parsedBody });
    expect(answered(answer)).toEqual([status, 'refused']);
    expect(refused).toMatchObject([{ code: 'webhook_unreadable', status }]);
  });
});

describe('a request of another application', () => {
  it.each<[string, string, string | undefined]>([
    ['a form of another application', 'event=call&call[0]=1&x-y.z=', form],
    ['such a form without a type', 'event=call', undefined],
    ['JSON of another application', '{"some event":"call"}', json],
    ['nothing', '', form],
    ['spaces and lines', ' \r\n\t', form],
  ])('is answered 200 and ignored: %s', async (_name, body, type) => {
    const { post } = startReceiver(OPEN);
    expect(answered(await post(body, type === undefined ? {} : { 'content-type': type }))).toEqual([
      200,
      'ignored',
    ]);
  });

  it('is answered 200 and ignored after a body parser', async () => {
    const { receive } = startReceiver(OPEN);
    const request = { method: 'POST', url: '/hooks', headers: { 'content-type': json } };
    expect(answered(await receive({ ...request, parsedBody: { 'some event': 'call' } }))).toEqual([
      200,
      'ignored',
    ]);
  });
});

describe('too many parameters', () => {
  const many = (count: number) =>
    Array.from({ length: count }, (_, index): [string, string] => [`p${index}`, '1']);
  const webhook = { msisdn: PERSON, to: '73737', text: 'STOP', sig: 'x' };
  const formOf = (count: number) =>
    new URLSearchParams([...Object.entries(webhook), ...many(count)]).toString();
  const object = (count: number) => ({ ...webhook, ...Object.fromEntries(many(count)) });
  const signature = { secret: 's', method: 'sha256' } as const;

  it.each([
    ['a form', { body: Buffer.from(formOf(12_000)) }],
    ['separators', { body: Buffer.from(`${FORM}${'&'.repeat(12_000)}`) }],
    ['JSON', { body: Buffer.from(JSON.stringify(object(12_000))) }],
    ['a parsed body', { parsedBody: object(12_000) }],
    ['a query', { method: 'GET', url: `/hooks?${formOf(12_000)}` }],
  ])('are refused in %s, before they are sorted or hashed', async (_name, change) => {
    for (const options of [{ signature }, { signature, ...OPEN }]) {
      const { receive, refused } = startReceiver({ ...options, maxBody: '1mb' });
      const request = { method: 'POST', url: '/hooks', headers: {}, ...change };
      expect(answered(await receive(request))).toEqual([413, 'refused']);
      expect(refused).toMatchObject([
        { code: 'webhook_too_large', message: expect.stringMatching(/parameters/) },
      ]);
    }
  });

  it('are more than 500', () => {
    const url = (count: number) =>
      `/?${many(count)
        .map((pair) => pair.join('='))
        .join('&')}`;
    expect(readParameters({ url: url(501), headers: {} })).toBe('too_many');
    expect(readParameters({ url: url(500), headers: {} })).toMatchObject({ from: 'query' });
    const parsed = (count: number) =>
      readParameters({ url: '', headers: {}, parsed: Object.fromEntries(many(count)) });
    expect(parsed(501)).toBe('too_many');
    expect(parsed(500)).toMatchObject({ from: 'parsed' });
  });
});

describe('the query of a request', () => {
  it.each([
    ['without a body', {}],
    ['with an empty body', { bytes: new Uint8Array() }],
    ['with a blank body', { bytes: Buffer.from(' \r\n') }],
    ['that a parser gave an empty object', { parsed: {} }],
    ['that a parser gave a blank text', { parsed: ' ' }],
    ['that a parser gave null', { parsed: null }],
  ])('is read %s', (_name, body) => {
    const read = readParameters({ url: '/hooks?msisdn=14155550100&text=STOP#top', headers: {}, ...body });
    const values = new Map(Object.entries({ msisdn: '14155550100', text: 'STOP' }));
    expect(read).toEqual({ from: 'query', values, repeated: new Set() });
  });

  it.each([
    ['an array', []],
    ['a number', 7],
    ['true', true],
  ])('is not read if a parser gave %s', (_name, parsed) => {
    expect(readParameters({ url: '/hooks?msisdn=14155550100', headers: {}, parsed })).toBe('unreadable');
  });
});
