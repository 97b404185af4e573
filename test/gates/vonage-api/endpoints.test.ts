import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/errors.ts';
import {
  createSendFinder,
  hostField,
  sendRule,
  type SendRule,
} from '../../../src/gates/vonage-api/endpoints.ts';
import type { RequestContent } from '../../../src/gates/vonage-api/parameters.ts';

const A = '15551230001';
const B = '15551230002';
const FORM = 'application/x-www-form-urlencoded';

interface Given extends Partial<Omit<RequestContent, 'body'>> {
  readonly method?: string;
  readonly host?: string | null;
  readonly body?: string | Uint8Array;
  readonly rules?: readonly SendRule[];
}

/** Returns the findings of a request; `undefined` if it is no send. */
function findingsOf(path: string, given: Given = {}) {
  const { method = 'POST', host = 'rest.nexmo.com:443', body, rules = [], ...content } = given;
  const find = createSendFinder(['localhost:3000', '[::1]'], rules);
  const send = find({ method, path, hosts: () => (host === null ? [] : [host]) });
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  return send?.find({
    query: send.query,
    contentType: undefined,
    contentEncoding: undefined,
    ...content,
    body: bytes,
  });
}

/** Returns the numbers and senders that are found. */
const found = (path: string, given?: Given) =>
  findingsOf(path, given)?.recipients.map(({ number, from }) =>
    from === undefined ? number : [number, from],
  );
const doubt = (path: string, given?: Given) => findingsOf(path, given)?.doubt;
const json = (value: unknown, more: Given = {}): Given => ({
  contentType: 'application/json',
  body: JSON.stringify(value),
  ...more,
});

describe('the send finder', () => {
  it.each([
    ['/sms/json'],
    ['/sms/xml'],
    ['/sc/us/alert/json'],
    ['/sc/us/2fa/json'],
    ['/sc/us/marketing/json'],
    ['/SMS/Json'],
    ['//sms//json'],
    ['/sms/json/'],
    ['/sms/./json'],
    ['/x/../sms/json'],
    ['/%73ms%2Fjson'],
    ['/%2573ms/json'],
    ['/%25%34%41/..%2fsms/json'],
    [String.raw`\sms\json`],
    ['/sms;v=1/json'],
    ['/sms/json%20'],
    ['/sms/json;jsessionid=1'],
    ['/sms/json%3Bx=1'],
    ['/sms%5Cjson'],
    ['/%252525252573ms/json'],
    ['/sms/%2e/x/%2E%2e/json'],
    ['/proxied/sms/json'],
    ['https://rest.nexmo.com/sms/json'],
  ])('finds a send at %s', (path) => {
    for (const method of ['GET', 'POST', 'post', 'HEAD', 'PUT', 'PATCH', 'DELETE', '']) {
      expect(found(`${path}?to=${A}`, { method })).toEqual([A]);
    }
    for (const method of ['OPTIONS', 'TRACE', 'CONNECT']) {
      expect(found(`${path}?to=${A}`, { method })).toBeUndefined();
    }
  });

  it.each([
    ['/sc/us/alert/opt-in/query/json'],
    ['/sc/us/alert/opt-in/manage/json'],
    ['/sms/json/search'],
    ['/xsms/json'],
    ['/v1/messages/6b1a'],
    ['/v2/verify/6b1a'],
    ['/verify/check/json'],
    ['/'],
    ['/search?path=/sms/json'],
  ])('finds no send at %s', (path) => expect(found(path)).toBeUndefined());

  it.each(['/v1/messages', '/v0.1/messages', '/v2/verify'])('finds a send at %s by its method', (path) => {
    for (const method of ['GET', 'HEAD', 'OPTIONS']) expect(found(path, { method })).toBeUndefined();
    for (const method of ['POST', 'PUT']) expect(found(path, { method })).toEqual([]);
  });

  it.each([
    ['rest.nexmo.com:443', true],
    ['rest.nexmo.com.:443', true],
    ['REST.Nexmo.Com', true],
    ['rest-us-1.nexmo.com:8443', true],
    ['api-eu.vonage.com:443', true],
    ['localhost:3000', true],
    ['localhost:3001', false],
    ['[::1]:9', true],
    ['nexmo.com.example:443', false],
    ['restxnexmo.com:443', false],
    ['example.com:443', false],
    [null, true],
    ['rest.nexmo.com..', true],
    ['rest%2Enexmo.com:443', true],
    ['rest.nexmo.com:', true],
    ['[0:0::1]:80', true],
    ['localhost:03000', true],
    ['localhost', false],
  ])('decides whether %s is a guarded host: %s', (host, isSend) =>
    expect(found(`/sms/json?to=${A}`, { host })).toEqual(isSend ? [A] : undefined),
  );
});

describe('the recipients of a send', () => {
  it.each<[string, string, Given, unknown]>([
    ['in a query', `/sms/json?to=${A}&from=Brand`, { method: 'GET' }, [[A, 'Brand']]],
    ['in a query of an encoded path', `/sms/json%3Fto=${A}`, {}, [A]],
    ['behind a fragment', `/sms/json#?to=${A}`, {}, [A]],
    ['in a form', '/sms/json', { body: `text=a%26to=1&to=%2B${A}` }, [`+${A}`]],
    ['in JSON', '/sms/json', json({ to: A, from: 73737 }), [[A, '73737']]],
    ['in JSON, as a number', '/sms/json', json({ to: Number(A) }), [Number(A)]],
    ['in an array', '/sms/json', json({ to: [A, { number: B }] }), [A, B]],
    ['in query and body', `/sms/json?to=${A}`, { body: `to=${B}` }, [A, B]],
    ['twice', `/sms/json?to=${A}&to=${B}`, {}, [A, B]],
    ['in other letter case', `/sms/json?TO=${A}`, json({ To: B, ' to ': A }), [A, B, A]],
    ['in brackets', `/sms/json?to[]=${A}&to%5B1%5D=${B}`, {}, [A, B]],
    ['in JSON that claims nothing', '/sms/json', { body: JSON.stringify({ to: A }) }, [A]],
    [
      'in JSON that claims to be text',
      '/sms/json',
      { contentType: 'text/plain;charset=UTF-8', body: JSON.stringify({ to: A }) },
      [A],
    ],
    [
      'in JSON that a form reads otherwise',
      '/sms/json',
      {
        contentType: 'application/x-www-form-urlencoded',
        body: JSON.stringify({ text: `&to=${B}&`, to: A }),
      },
      [B, A],
    ],
    ['as null', '/sms/json', json({ to: null }), [null]],
    ['as an object without a number', '/sms/json', json({ to: {} }), [undefined]],
    ['nowhere', '/sms/json', json({ text: 'to' }), []],
    ['in an empty array', '/sms/json', json({ to: [] }), []],
    ['with two senders', `/sms/json?from=A`, json({ to: A, from: 'B' }), [A]],
    ['with an empty sender', `/sms/json?from=`, json({ to: A, from: 'B' }), [[A, 'B']]],
    ['with a sender that is none', `/sms/json`, json({ to: A, from: true }), [A]],
    ['with a sender of two ids', `/sms/json`, json({ to: A, from: { id: 'A', number: B } }), [A]],
  ])('are found %s', (_where, path, given, expected) => expect(found(path, given)).toEqual(expected));

  it.each<[string, object, unknown]>([
    ['a text', { channel: 'sms', to: A, from: 'Brand' }, [[A, 'Brand']]],
    ['pictures', { channel: 'mms', to: A }, [A]],
    ['an odd channel', { channel: ' ＳＭＳ ', to: A }, [A]],
    ['no channel', { to: A }, [A]],
    ['an unreadable channel', { channel: 7, to: A }, [A]],
    ['an empty channel', { channel: '', to: A }, [A]],
    ['two channels', { channel: 'whatsapp', Channel: 'sms', to: A }, [A]],
    ['another channel', { channel: 'whatsapp', to: A }, []],
    [
      'the nested form',
      { to: { type: 'sms', number: A }, from: { type: 'sms', id: 'Brand' } },
      [[A, 'Brand']],
    ],
    ['the nested form without a type', { to: { number: A } }, [A]],
    ['another channel in the nested form', { to: { type: 'whatsapp', number: A } }, []],
    ['a failover', { channel: 'rcs', to: A, failover: [{ channel: 'sms', to: B, from: 'X' }] }, [[B, 'X']]],
    ['one failover', { channel: 'sms', to: A, failover: { channel: 'mms', to: B } }, [A, B]],
  ])('are found in the messages API: %s', (_what, body, expected) => {
    expect(found('/v1/messages', json(body))).toEqual(expected);
    expect(doubt('/v1/messages', json(body))).toBeUndefined();
  });

  it('are not needed in messages of other channels', () => {
    expect(findingsOf('/v1/messages', json({ channel: 'whatsapp', to: A }))?.needsNoRecipient).toBe(true);
    expect(findingsOf('/v1/messages', json({ channel: 'sms' }))?.needsNoRecipient).toBe(false);
  });

  it('are found in nested failovers, with a doubt if there are too many', () => {
    const nested = (depth: number): object =>
      depth === 0 ? { channel: 'sms', to: A } : { channel: 'rcs', to: B, failover: [nested(depth - 1)] };
    expect(found('/v1/messages', json(nested(8)))).toEqual([A]);
    expect(doubt('/v1/messages', json(nested(9)))).toMatch(/too many/);
    expect(doubt('/v1/messages', json({ channel: 'rcs', to: B, failover: 'sms' }))).toMatch(/failover/);
  });

  it.each<[string, object, unknown]>([
    ['a text, whose brand is no sender', { brand: 'Brand', workflow: [{ channel: 'sms', to: A }] }, [A]],
    ['a sender of its own', { brand: 'Brand', workflow: [{ channel: 'sms', to: A, from: 'X' }] }, [[A, 'X']]],
    [
      'some steps',
      {
        workflow: [
          { channel: 'voice', to: B },
          { channel: 'sms', to: A },
        ],
      },
      [A],
    ],
    ['no channel', { workflow: [{ to: A }] }, [A]],
    ['other channels', { workflow: [{ channel: 'email', to: 'a@example.com' }] }, []],
    ['one step', { workflow: { channel: 'sms', to: A } }, [A]],
  ])('are found in a workflow: %s', (_what, body, expected) =>
    expect(found('/v2/verify', json(body))).toEqual(expected),
  );

  it.each<[string, object, unknown]>([
    [
      'a text',
      { workflow: [{ from: { type: 'sms', number: 'X' }, to: { type: 'sms', number: A } }] },
      [[A, 'X']],
    ],
    [
      'a text after another channel',
      {
        template: 'failover',
        workflow: [
          {
            from: { type: 'messenger', id: '7' },
            to: { type: 'messenger', id: '8' },
            failover: { expiry_time: 600, condition_status: 'read' },
          },
          {
            from: { type: 'sms', number: B },
            to: { type: 'sms', number: A },
            message: { content: { to: 'x' } },
          },
        ],
      },
      [[A, B]],
    ],
    ['the flat form', { workflow: [{ channel: 'mms', to: A }, null] }, [A]],
    ['one step', { workflow: { to: A } }, [A]],
    ['a failover that is a message', { workflow: [{ channel: 'rcs', to: A, failover: { to: B } }] }, [B]],
    ['other channels', { workflow: [{ to: { type: 'viber_service_msg', number: A } }] }, []],
  ])('are found in the dispatch API: %s', (_what, body, expected) => {
    for (const path of ['/v0.1/dispatch', '/v0.1/Dispatch/', '/v1/dispatch']) {
      expect(found(path, json(body))).toEqual(expected);
      expect(doubt(path, json(body))).toBeUndefined();
      expect(found(path, json(body, { method: 'GET' }))).toBeUndefined();
    }
  });

  it('are in doubt if the steps of a dispatch cannot be read, and needed if it has no step', () => {
    expect(doubt('/v0.1/dispatch', json({ workflow: ['x'] }))).toMatch(/step/);
    expect(doubt('/v0.1/dispatch', json({ workflow: [{ to: [] }] }))).toMatch(/recipient/);
    for (const body of [{ to: A }, { workflow: [] }, { workflow: null }]) {
      expect(findingsOf('/v0.1/dispatch', json(body))).toMatchObject({
        recipients: [],
        needsNoRecipient: false,
      });
    }
  });

  it.each<[string, string, object]>([
    ['a failover', '/v1/messages', { channel: 'sms', to: A, failover: null }],
    ['one of the failovers', '/v1/messages', { channel: 'sms', to: A, failover: [null] }],
    ['a step', '/v2/verify', { workflow: [{ channel: 'sms', to: A }, null] }],
    ['a sender', '/sms/json', { to: A, from: null }],
    ['a country', '/verify/json', { number: A, country: null }],
  ])('are found if %s is null, which counts as missing', (_what, path, body) => {
    expect(found(path, json(body))).toEqual([A]);
    expect(doubt(path, json(body))).toBeUndefined();
  });

  it('are in doubt if the steps of a workflow cannot be read', () => {
    expect(doubt('/v2/verify', json({ workflow: ['sms'] }))).toMatch(/step/);
    expect(doubt('/v2/verify', json({ workflow: [{ channel: 'sms' }] }))).toMatch(/recipient/);
    expect(findingsOf('/v2/verify', json({ brand: 'Brand' }))).toMatchObject({
      recipients: [],
      needsNoRecipient: false,
    });
  });

  it('are read with the country of a verification', () => {
    const path = '/verify/json';
    expect(found(path, json({ number: A, brand: 'Brand', sender_id: 'X' }))).toEqual([A]);
    expect(found(`${path}?country=us`, { body: 'number=5551230001' })).toEqual([
      '5551230001',
      '+15551230001',
    ]);
    expect(found(`${path}?country=GB`, { body: 'number=07700900001' })).toEqual(['+447700900001']);
    expect(found(`${path}?country=GB`, { body: 'number=x' })).toEqual([undefined]);
    expect(found(`${path}?country=ZZ`, { body: 'number=5551230001' })).toEqual(['5551230001']);
    expect(doubt(`${path}?country=ZZ`, { body: 'number=5551230001' })).toMatch(/country/);
    expect(doubt(path, json({ number: A, country: 1 }))).toMatch(/country/);
    expect(found(`${path}?country=`, { body: `number=${A}` })).toEqual([A]);
  });
});

describe('a doubt', () => {
  it.each<[string, Given]>([
    ['invalid JSON', { body: '{"to":' }],
    ['JSON with a byte order mark', { body: `\u{FEFF}{"to":"${A}"}` }],
    ['JSON that is no object', { body: `["${A}"]` }],
    ['JSON that is cut off and has no type', { body: `{"to":"${A}"&to=${B}` }],
    ['an object of JavaScript', { body: `{to:'${A}'}&to=${B}` }],
    ['what begins like JSON and claims to be text', { contentType: 'text/plain', body: `[a]=1&to=${A}` }],
    ['a form that claims to be JSON', { contentType: 'application/json', body: `to=${A}` }],
    ['a name twice', { body: `{"to":"${A}","to":"${B}"}` }],
    ['a name twice, once escaped', { body: String.raw`{"to":"1","\u0074o":"2"}` }],
    ['a name twice, deep', { body: '{"to":"1","x":[{"a":"\\"b\\":","a":1}]}' }],
    ['compression', { contentEncoding: 'gzip', body: `to=${A}` }],
    ['fields and files', { contentType: 'multipart/form-data; boundary=x', body: `to=${A}` }],
    ['another character set', { contentType: 'text/plain; charset=utf-16', body: `to=${A}` }],
    ['two character sets', { contentType: 'text/plain; charset=utf-8; charset=utf-7', body: `to=${A}` }],
    ['what is no text', { body: `to=${A}\0` }],
    ['text in two-byte characters', { body: Buffer.from(`to=${A}`, 'utf16le') }],
  ])('is reported for %s', (_what, given) =>
    expect(doubt(`/sms/json?to=${B}`, given)).toEqual(expect.any(String)),
  );

  it.each<[string, Given]>([
    ['identity', { contentEncoding: ' Identity ', body: `to=${A}` }],
    ['a form', { contentType: 'application/x-www-form-urlencoded; charset="UTF-8"', body: `to=${A}` }],
    ['JSON of a kind', { contentType: 'Application/Hal+JSON', body: `{"to":"${A}","x":{"to":"\\"to\\":"}}` }],
    ['an empty body', { contentType: 'application/json', body: '' }],
    ['deep JSON', { body: `{"x":${'['.repeat(5_000)}${']'.repeat(5_000)}}` }],
    ['a form whose first name starts with a bracket', { contentType: FORM, body: `[a]=1&to=${A}` }],
    [
      'a form whose first name starts with a brace',
      { contentType: `${FORM}; charset=utf-8`, body: `{a}=1&to=${A}` },
    ],
    ['a form whose first name starts with a quote', { contentType: FORM, body: `"a"=1&to=${A}` }],
    ['a form of one name that looks like JSON', { contentType: FORM, body: `{"a":&to=${A}` }],
    ['such a form without a type', { body: `[a]=1&to=${A}` }],
    ['such a form after a line break', { body: `\r\n{a}[b]=1&to=${A}` }],
  ])('is not reported for %s', (_what, given) => expect(doubt(`/sms/json?to=${B}`, given)).toBeUndefined());

  it.each([`[to]=${A}`, `[to][0]=${A}&x=1`, `{a}=1&to[]=${A}`])(
    'is not reported, and recipients are found, in the form %s',
    (body) => {
      expect(found('/sms/json', { contentType: FORM, body })).toEqual([A]);
    },
  );

  it('is reported for a form that is no text', () => {
    expect(doubt('/sms/json', { contentType: FORM, body: `[a]=\0&to=${A}` })).toEqual(expect.any(String));
  });
});

describe('rules', () => {
  const at = (rule: Partial<SendRule>, path: string, given: Given = {}) =>
    findingsOf(path, {
      host: 'sms.example.com:443',
      rules: [{ path: '/Messages/Send', to: 'Phone', ...rule }],
      ...given,
    });

  it('guard the user’s own endpoints', () => {
    const body = JSON.stringify({ phone: A, Sender: 'Brand' });
    expect(at({ from: 'sender' }, '/messages/send', { body })?.recipients).toEqual([
      { number: A, from: 'Brand' },
    ]);
    expect(at({}, `/v1/messages/send/?phone=${A}`)?.recipients).toEqual([{ number: A, from: undefined }]);
    expect(at({ path: 'send' }, `/send?phone=${A}`)?.recipients).toHaveLength(1);
    expect(at({ path: 'send' }, `/resend?phone=${A}`)).toBeUndefined();
    expect(at({}, '/messages/send', { method: 'OPTIONS' })).toBeUndefined();
    expect(at({ host: '*.example.com' }, `/messages/send?phone=${A}`)?.recipients).toHaveLength(1);
    expect(at({ host: 'example.org' }, `/messages/send?phone=${A}`)).toBeUndefined();
  });

  it('find recipients by a function', () => {
    const body = JSON.stringify({ target: { phone: A }, sender: 'Brand' });
    const to: SendRule['to'] = ({ json: given }) => (given as { target?: { phone: string } }).target?.phone;
    expect(at({ to, from: 'sender' }, '/messages/send', { body })).toMatchObject({
      recipients: [{ number: A, from: 'Brand' }],
    });
    expect(at({ to }, '/messages/send', { body: '{}' })).toMatchObject({
      recipients: [],
      needsNoRecipient: true,
    });
    expect(at({ to: () => [A, B] }, '/messages/send')?.recipients).toHaveLength(2);
    expect(at({ to: ({ query }) => query.getAll('x') }, '/messages/send?x=1')?.recipients).toHaveLength(1);
    expect(at({ to: () => [] }, '/messages/send')).toMatchObject({ recipients: [], needsNoRecipient: false });
    expect(at({ to }, '/messages/send', { body: '{' })?.doubt).toMatch(/JSON/);
    expect(at({ to }, '/messages/send')?.doubt).toMatch(/could not be read/);
  });

  it('are checked', () => {
    expect(sendRule({ path: '/x', to: 'to', host: 'a.example', from: 'from' }, 'rule')).toEqual({
      ...{ path: '/x', to: 'to', host: 'a.example', from: 'from' },
    });
    for (const bad of [{ path: '/x' }, { to: 'to' }, { path: '/x', to: 7 }, { path: '/x', to: '' }, 'x']) {
      expect(() => sendRule(bad, 'rule')).toThrow(ConfigError);
    }
    for (const bad of ['https://a.example', '', 7, 'a b'])
      expect(() => hostField(bad, 'host')).toThrow(ConfigError);
    for (const host of ['a.example', '*.example:8080', '[::1]:80'])
      expect(hostField(host, 'host')).toBe(host);
  });
});

it('does not throw for a request that cannot be read', () => {
  const send = createSendFinder([], [])({ method: 'POST', path: '/sms/json', hosts: () => [] });
  expect(
    send?.find({ query: Symbol('x') as never, contentType: '', contentEncoding: '', body: undefined }),
  ).toMatchObject({
    recipients: [],
    doubt: 'the request could not be read',
  });
});
