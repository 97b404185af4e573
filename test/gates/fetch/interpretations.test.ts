/** Bodies with more than one interpretation: nothing is sent to a person who opted out, however the handler parses. */

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { firstValues, readJsonSource } from '../../../src/gates/fetch/json-source.ts';
import { guardFetch, type GuardFetchOptions } from '../../../src/gates/fetch/fetch.ts';
import { createTestGuard, type TestGuard } from '../../../src/testing/index.ts';

const OUT = '15551230001';
const CLEAN = '15551230002';
const OTHER = '15551230003';
const JSON_TYPE = 'application/json';
const FORM_TYPE = 'application/x-www-form-urlencoded';

let guard: TestGuard;
beforeAll(async () => {
  guard = await createTestGuard({ optedOut: [OUT] });
});
afterAll(() => guard.close());

type Content = string | Uint8Array<ArrayBuffer>;

function post(body: Content, type: string | undefined, headers: Record<string, string> = {}): Request {
  // A request with bytes gets no content type of its own.
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  const init = { ...headers, ...(type === undefined ? {} : { 'content-type': type }) };
  return new Request('http://host/messages', { method: 'POST', body: bytes, headers: init });
}

async function run(request: Request, options: Partial<GuardFetchOptions> = {}) {
  const next = vi.fn<GuardFetchOptions['next']>(async (given) => new Response(await given.arrayBuffer()));
  const response = await guardFetch(guard, { next, ...options })(request);
  const bytes = Buffer.from(await response.arrayBuffer());
  const text = bytes.toString();
  const code = response.status === 200 ? 'passed' : String((JSON.parse(text) as { code?: string }).code);
  expect(next).toHaveBeenCalledTimes(code === 'passed' ? 1 : 0);
  return { code, status: response.status, text, bytes, decisions: next.mock.calls[0]?.[1] };
}

/** As UTF-16, with or without its mark. */
const utf16 = (text: string, mark = '\uFEFF') => new Uint8Array(Buffer.from(mark + text, 'utf16le'));

describe('a body', () => {
  it.each<[string, Content, string | undefined, string]>([
    ['of JSON as a form', `{"note":"&to=${CLEAN}&","to":"${OUT}"}`, FORM_TYPE, 'ambiguous_recipient'],
    [
      'of JSON as a form, both clean',
      `{"note":"&to=${CLEAN}&","to":"${OTHER}"}`,
      FORM_TYPE,
      'ambiguous_recipient',
    ],
    ['of JSON as a form, both the same', `{"note":"&to=${CLEAN}&","to":"${CLEAN}"}`, FORM_TYPE, 'passed'],
    ['of JSON as a form, one a number', `{"note":"&to=${CLEAN}&","to":${CLEAN}}`, FORM_TYPE, 'passed'],
    [
      'of JSON as a form, another sender',
      `{"note":"&to=${CLEAN}&from=A&","to":"${CLEAN}","from":"B"}`,
      FORM_TYPE,
      'ambiguous_recipient',
    ],
    ['of JSON as a form, without pairs', `{"to":"${OUT}"}`, FORM_TYPE, 'opted_out'],
    ['of clean JSON as a form, without pairs', `{"to":"${CLEAN}"}`, FORM_TYPE, 'passed'],
    [
      'of JSON as a form, one of two',
      `{"note":"&to=${CLEAN}&","to":["${CLEAN}","${OUT}"]}`,
      FORM_TYPE,
      'ambiguous_recipient',
    ],
    [
      'of JSON with a mark as a form',
      `\uFEFF{"note":"&to=${CLEAN}&","to":"${OUT}"}`,
      FORM_TYPE,
      'ambiguous_recipient',
    ],
    [
      'of JSON in spaces as a form',
      ` \n{"note":"&to=${CLEAN}&","to":"${OUT}"}\n`,
      FORM_TYPE,
      'ambiguous_recipient',
    ],
    [
      'of JSON with an escaped name as a form',
      `{"note":"&to=${CLEAN}&","t\\u006f":"${OUT}"}`,
      FORM_TYPE,
      'ambiguous_recipient',
    ],
    [
      'of JSON as a form of a type in capitals',
      `{"note":"&to=${CLEAN}&","to":"${OUT}"}`,
      FORM_TYPE.toUpperCase(),
      'ambiguous_recipient',
    ],
    [
      'of JSON as a form with a character set',
      `{"note":"&to=${CLEAN}&","to":"${OUT}"}`,
      `${FORM_TYPE}; charset=UTF-8`,
      'ambiguous_recipient',
    ],
    ['of a form as JSON', `to=${CLEAN}`, JSON_TYPE, 'missing_recipient'],
    ['of a form as JSON, out', `to=${OUT}`, JSON_TYPE, 'missing_recipient'],
    [
      'of JSON in which a form is',
      `{"to":"${CLEAN}","note":"&to=${OUT}&"}`,
      JSON_TYPE,
      'ambiguous_recipient',
    ],
    [
      'of JSON in which a form with brackets is',
      `{"to":"${CLEAN}","note":"&to[]=${OUT}&"}`,
      JSON_TYPE,
      'ambiguous_recipient',
    ],
    [
      'of JSON in which an encoded form is',
      `{"to":"${CLEAN}","note":"&%74o=1555123%30001&"}`,
      JSON_TYPE,
      'ambiguous_recipient',
    ],
    [
      'of JSON in which a form of another sender is',
      `{"to":"${CLEAN}","from":"A","note":"&to=${CLEAN}&from=B&"}`,
      JSON_TYPE,
      'ambiguous_recipient',
    ],
    [
      'of JSON in which an address is',
      `{"to":"${CLEAN}","text":"https://example.com/?a=1&to=2"}`,
      JSON_TYPE,
      'passed',
    ],
    [
      'of JSON in which an escaped address is',
      `{"to":"${CLEAN}","text":"?a=1\\u0026to=${OUT}"}`,
      JSON_TYPE,
      'passed',
    ],
    ['of JSON in which only a form is', `{"note":"&to=${OUT}&"}`, JSON_TYPE, 'missing_recipient'],
    ['of a name twice, the first out', `{"to":"${OUT}","to":"${CLEAN}"}`, JSON_TYPE, 'ambiguous_recipient'],
    ['of a name twice, the last out', `{"to":"${CLEAN}","to":"${OUT}"}`, JSON_TYPE, 'ambiguous_recipient'],
    [
      'of a name twice, once escaped',
      `{"to":"${OUT}","\\u0074o":"${CLEAN}"}`,
      JSON_TYPE,
      'ambiguous_recipient',
    ],
    ['of a name twice, the same', `{"to":"${CLEAN}","to":"${CLEAN}"}`, JSON_TYPE, 'passed'],
    ['of a sender twice', `{"to":"${CLEAN}","from":"A","from":"B"}`, JSON_TYPE, 'ambiguous_recipient'],
    ['of another name twice', `{"to":"${CLEAN}","x":{"y":1,"y":2}}`, JSON_TYPE, 'passed'],
    ['of a name three times', `{"to":"${CLEAN}","to":"${OUT}","to":"${CLEAN}"}`, JSON_TYPE, 'passed'],
    ['of a prototype', `{"__proto__":{"to":"${OUT}"}}`, JSON_TYPE, 'missing_recipient'],
    [
      'of a prototype beside a recipient',
      `{"to":"${CLEAN}","__proto__":{"to":"${OUT}"}}`,
      JSON_TYPE,
      'passed',
    ],
    [
      'of a name twice behind a prototype',
      `{"__proto__":1,"to":"${OUT}","to":"${CLEAN}","__proto__":2}`,
      JSON_TYPE,
      'ambiguous_recipient',
    ],
    ['of a form, a name twice', `to=${CLEAN}&to=${OUT}`, FORM_TYPE, 'opted_out'],
    ['of a form, a name twice, clean', `to=${CLEAN}&to=${OTHER}`, FORM_TYPE, 'passed'],
    ['of a form, brackets', `to[]=${OUT}`, FORM_TYPE, 'opted_out'],
    ['of a form, clean brackets', `to[]=${CLEAN}&to%5B1%5D=${OTHER}`, FORM_TYPE, 'passed'],
    ['of a form, brackets beside none', `to=${CLEAN}&to[]=${OUT}`, FORM_TYPE, 'ambiguous_recipient'],
    [
      'of a form, encoded brackets beside none',
      `to=${CLEAN}&to%5B0%5D=${OUT}`,
      FORM_TYPE,
      'ambiguous_recipient',
    ],
    ['of a form, a prototype', `__proto__=x&to=${CLEAN}`, FORM_TYPE, 'passed'],
    ['of a form, a prototype with brackets', `__proto__[to]=${OUT}`, FORM_TYPE, 'missing_recipient'],
    ['of a form, an encoded name', `t%6F=${OUT}`, FORM_TYPE, 'opted_out'],
    ['of a form that begins with a bracket', `[x=1&to=${CLEAN}`, FORM_TYPE, 'passed'],
    ['of a form that begins with a brace', `{x=1&to=${CLEAN}`, FORM_TYPE, 'passed'],
    ['of a form that begins with a brace, out', `{x}=1&to=${OUT}`, FORM_TYPE, 'opted_out'],
    ['of a form whose name is JSON', `{"to":"${OUT}"}=&to=${CLEAN}`, FORM_TYPE, 'passed'],
    ['of JSON without a type', `{"to":"${OUT}"}`, undefined, 'opted_out'],
    ['of clean JSON without a type', `{"to":"${CLEAN}"}`, undefined, 'passed'],
    ['of a form without a type', `to=${CLEAN}`, undefined, 'missing_recipient'],
    ['of JSON as text', `{"to":"${OUT}"}`, 'text/plain', 'opted_out'],
    [
      'of JSON as text in which a form is',
      `{"to":"${CLEAN}","x":"&to=${OUT}&"}`,
      'text/plain;charset=UTF-8',
      'ambiguous_recipient',
    ],
    ['of a form as text', `x=1&to=${CLEAN}`, 'text/plain', 'missing_recipient'],
    ['of JSON of a type of its own', `{"to":"${OUT}"}`, 'Application/vnd.api+JSON', 'opted_out'],
    ['of XML', `<x>&to=${CLEAN}&</x>`, 'application/xml', 'missing_recipient'],
    ['of JSON as XML', `{"to":"${CLEAN}"}`, 'application/xml', 'missing_recipient'],
    ['of JSON of two types', `{"to":"${CLEAN}"}`, `${JSON_TYPE}, ${FORM_TYPE}`, 'missing_recipient'],
    [
      'of JSON of a type in a parameter',
      `{"to":"${CLEAN}"}`,
      `multipart/form-data; boundary=${JSON_TYPE}`,
      'missing_recipient',
    ],
    [
      'of several parts',
      `--x\r\nContent-Disposition: form-data; name="to"\r\n\r\n${CLEAN}\r\n--x--`,
      'multipart/form-data; boundary=x',
      'missing_recipient',
    ],
    [
      'of several parts as a form',
      `--x\r\nContent-Disposition: form-data; name="to"\r\n\r\n${CLEAN}\r\n--x--`,
      FORM_TYPE,
      'missing_recipient',
    ],
    ['of UTF-16 JSON', utf16(`{"to":"${CLEAN}"}`), JSON_TYPE, 'missing_recipient'],
    [
      'of UTF-16 JSON as a form',
      utf16(`{"to":"${OUT}","x":"${Buffer.from(`&to=${CLEAN}&&`).toString('utf16le')}"}`, ''),
      FORM_TYPE,
      'missing_recipient',
    ],
    ['of JSON said to be UTF-16', `{"to":"${CLEAN}"}`, `${JSON_TYPE}; charset=utf-16le`, 'missing_recipient'],
    [
      'of JSON of two character sets',
      `{"to":"${CLEAN}"}`,
      `${JSON_TYPE}; charset=utf-8; charset="Shift_JIS"`,
      'missing_recipient',
    ],
    ['of JSON in Latin-1', `{"to":"${CLEAN}"}`, `${JSON_TYPE};charset=ISO-8859-1`, 'passed'],
    ['of JSON with a mark', `\uFEFF{"to":"${OUT}"}`, JSON_TYPE, 'opted_out'],
    [
      'of deep JSON',
      `{"to":"${CLEAN}","x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
      JSON_TYPE,
      'missing_recipient',
    ],
    ['of a list', `[{"to":"${CLEAN}"}]`, JSON_TYPE, 'missing_recipient'],
    ['of nothing', '', JSON_TYPE, 'missing_recipient'],
    ['of nothing as a form', '', FORM_TYPE, 'missing_recipient'],
    ['of null', 'null', JSON_TYPE, 'missing_recipient'],
    ['of null as a form', 'null', FORM_TYPE, 'missing_recipient'],
  ])('%s is answered as expected', async (_what, body, type, expected) => {
    const done = await run(post(body, type));
    expect(done.code).toBe(expected);
    // A body that passes is unchanged.
    if (expected === 'passed') expect(done.bytes).toEqual(Buffer.from(body as string));
    if (expected === 'ambiguous_recipient') expect(done.status).toBe(400);
    expect(done.text.includes(OUT) && expected !== 'passed').toBe(false);
  });

  it.each(['gzip', 'br', 'identity, gzip'])('is not read if it is compressed with %s', async (encoding) => {
    const request = post(`to=${CLEAN}`, FORM_TYPE, { 'content-encoding': encoding });
    expect((await run(request)).code).toBe('missing_recipient');
  });

  it.each(['identity', ''])('is read if its content-encoding is %j', async (encoding) => {
    const request = post(`to=${CLEAN}`, FORM_TYPE, { 'content-encoding': encoding });
    expect((await run(request)).code).toBe('passed');
  });

  it.each([
    [`{"note":"&to=${CLEAN}&","to":"${OUT}"}`, FORM_TYPE],
    [`{"to":"${OUT}","to":"${CLEAN}"}`, JSON_TYPE],
  ])('passes with no allowed recipient if it is ambiguous and the gate observes: %s', async (body, type) => {
    const { code, decisions } = await run(post(body, type), { onBlocked: 'observe' });
    expect([code, decisions?.allowed]).toEqual(['passed', []]);
  });

  it('is interpreted by the function to', async () => {
    const to = (body: { people: { phone: string }[] }) => body.people.map(({ phone }) => phone);
    const people = (phone: string) => `{"people":[{"phone":"${phone}"}],"link":"?a=b&c=d"}`;
    expect((await run(post(people(CLEAN), JSON_TYPE), { to })).code).toBe('passed');
    expect((await run(post(people(OUT), JSON_TYPE), { to })).code).toBe('opted_out');
    // A form has no such list: the function fails, as the handler would.
    expect((await run(post('people=x', FORM_TYPE), { to })).code).toBe('recipient_lookup_failed');
    const twice = `{"people":[{"phone":"${OUT}"}],"people":[{"phone":"${CLEAN}"}]}`;
    expect((await run(post(twice, JSON_TYPE), { to })).code).toBe('ambiguous_recipient');
  });

  it.each([
    ['a promise', async () => [CLEAN], 'passed'],
    ['a promise of a person who opted out', async () => OUT, 'opted_out'],
    ['a rejection', () => Promise.reject(new Error(OUT)), 'recipient_lookup_failed'],
    ['a promise of values that are no JSON', async () => [1n, {}] as never, 'invalid_number'],
  ])('has the recipients that to returns as %s', async (_what, to, expected) => {
    const errors = vi.fn();
    const unsubscribe = guard.on('error', errors);
    const { code, text } = await run(post('{}', JSON_TYPE), { to });
    expect([code, errors.mock.calls.length]).toEqual([
      expected,
      expected === 'recipient_lookup_failed' ? 1 : 0,
    ]);
    expect(text).not.toContain(OUT);
    unsubscribe();
  });

  it.each([
    [{}, /body\.to/],
    [{ to: () => undefined }, /the option to returned none/],
  ])('gets a hint about the option to if it names no recipient: %o', async (options, hint) => {
    expect((await run(post('{}', JSON_TYPE), options)).text).toMatch(hint);
  });

  /** The ways in which handlers parse a body. */
  const handlers: readonly ((request: Request) => Promise<unknown>)[] = [
    async (request) => ((await request.json()) as { to?: unknown }).to,
    async (request) => (await request.formData()).getAll('to'),
    async (request) =>
      [...new URLSearchParams(await request.text())]
        .filter(([name]) => /^to\b/.test(name))
        .map(([, to]) => to),
    // A parser that takes the first value of a duplicate name.
    async (request) => {
      const text = (await request.text()).replace(/^\uFEFF/, '');
      JSON.parse(text);
      return (firstValues(readJsonSource(text)) as { to?: unknown }).to;
    },
  ];
  const part = fc.constantFrom(
    ...[
      `"to":"${CLEAN}"`,
      `"to":"${OUT}"`,
      `"to":["${CLEAN}","${OUT}"]`,
      `"x":"&to=${CLEAN}&"`,
      `"x":"&to=${OUT}&"`,
    ],
    ...[`to=${CLEAN}`, `to=${OUT}`, `to[]=${OUT}`, 'x=1', '&', ',', '{', '}', '[', ']', '"', ' ', '\uFEFF'],
  );
  const body = fc.oneof(
    fc.array(part, { maxLength: 8 }).map((parts) => parts.join('')),
    fc.array(part, { maxLength: 5 }).map((parts) => `{${parts.join(',')}}`),
    fc.array(part, { maxLength: 5 }).map((parts) => parts.join('&')),
  );

  it('reaches no person who opted out, however the handler parses it', async () => {
    await fc.assert(
      fc.asyncProperty(
        body,
        fc.constantFrom(JSON_TYPE, FORM_TYPE, 'text/plain', undefined),
        fc.constantFrom('reject' as const, 'strip' as const),
        async (text, type, onBlocked) => {
          for (const handler of handlers) {
            let sent: unknown;
            const next = async (request: Request) => {
              sent = await handler(request).catch(() => undefined);
              return new Response('');
            };
            await guardFetch(guard, { next, onBlocked })(post(text, type));
            expect([sent].flat()).not.toContain(OUT);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('strip', () => {
  const strip = { onBlocked: 'strip' } as const;
  const big = '"id":9007199254740993,"tiny":1.00000000000000000001,"e":1E+2';

  it.each<[string, string, string, string]>([
    ['a list', `{"to":["${OUT}","${CLEAN}"],${big}}`, `{"to":["${CLEAN}"],${big}}`, JSON_TYPE],
    [
      'a list between spaces',
      ` {"a" : [ 1.0 , 2 ],\n "to" : [ "${OUT}", "+1 (555) 123-0002" ] , ${big} } `,
      ` {"a" : [ 1.0 , 2 ],\n "to" : ["+1 (555) 123-0002"] , ${big} } `,
      JSON_TYPE,
    ],
    [
      'numbers',
      `{"to":[${OUT}, 155512300021234, 1.5551230002e10]}`,
      '{"to":[155512300021234,1.5551230002e10]}',
      JSON_TYPE,
    ],
    [
      'escapes',
      `{"x":"\\u00e9\\/","to":["${OUT}","\\u0031${CLEAN.slice(1)}"]}`,
      `{"x":"\\u00e9\\/","to":["\\u0031${CLEAN.slice(1)}"]}`,
      JSON_TYPE,
    ],
    [
      'a duplicate list',
      `{"to":["${OUT}","${CLEAN}"],"to":["${OUT}","${CLEAN}"]}`,
      `{"to":["${CLEAN}"],"to":["${CLEAN}"]}`,
      JSON_TYPE,
    ],
    ['JSON as a form', `{"to":["${OUT}","${CLEAN}"],${big}}`, `{"to":["${CLEAN}"],${big}}`, FORM_TYPE],
    ['a form', `a=%7e+x&to=${OUT}&b&to=%2B${CLEAN}&&c=1`, `a=%7e+x&to=%2B${CLEAN}&b&c=1`, FORM_TYPE],
    ['a form with brackets', `to[]=${OUT}&x=1&to[]=${CLEAN}`, `to%5B%5D=${CLEAN}&x=1`, FORM_TYPE],
  ])(
    'takes blocked recipients out of %s and keeps the rest unchanged',
    async (_what, body, expected, type) => {
      const done = await run(post(body, type), strip);
      expect(done.text).toBe(expected);
      expect(done.decisions?.allowed).not.toContain(OUT);
    },
  );

  const to = (body: { people: { phone: string }[] }) => body.people.map(({ phone }) => phone);
  const people = `{"people":[{"phone":"${OUT}","id":9007199254740993},{"phone":"${CLEAN}","id":9007199254740995}],"x":1.0}`;

  it.each<[string, GuardFetchOptions['setTo'], string]>([
    [
      'keeps the remaining recipients',
      (body, rest) =>
        void (body.people = body.people.filter(({ phone }: { phone: string }) => rest.includes(phone))),
      `{"people":[{"phone":"${CLEAN}","id":9007199254740995}],"x":1.0}`,
    ],
    [
      'changes the body later',
      async (body) => {
        await new Promise(setImmediate);
        body.people.shift();
      },
      `{"people":[{"phone":"${CLEAN}","id":9007199254740995}],"x":1.0}`,
    ],
    [
      'changes a member, adds one and removes one',
      (body) => {
        body.people = [{ phone: CLEAN }];
        body.added = [1.5, null, { a: [] }];
        body.x = undefined;
      },
      `{"people":[{"phone":"${CLEAN}"}],"added":[1.5,null,{"a":[]}]}`,
    ],
    [
      'adds a member',
      (body) => void (body.people.shift(), (body.y = 2)),
      `{"people":[{"phone":"${CLEAN}","id":9007199254740995}],"x":1.0,"y":2}`,
    ],
    [
      'changes a member in place',
      (body) => void (body.people[0].phone = CLEAN),
      `{"people":[{"phone":"${CLEAN}","id":9007199254740993},{"phone":"${CLEAN}","id":9007199254740995}],"x":1.0}`,
    ],
    [
      'writes a date',
      (body) => void (body.people.shift(), (body.x = new Date(0))),
      `{"people":[{"phone":"${CLEAN}","id":9007199254740995}],"x":"1970-01-01T00:00:00.000Z"}`,
    ],
    [
      'would round a number',
      (body) => void (body.people = body.people.slice(1).map((one: object) => ({ ...one, seen: true }))),
      'opted_out',
    ],
    ['writes a value that is no JSON', (body) => void (body.people.shift(), (body.x = () => 1)), 'opted_out'],
    ['writes a circular value', (body) => void (body.people.shift(), (body.x = { body })), 'opted_out'],
    [
      'renames members',
      (body) =>
        void (body.people = [
          { ...body.people[1], phone: CLEAN, id: '1' },
          { phone: OTHER, it: 1 },
        ]),
      `{"people":[{"phone":"${CLEAN}","id":"1"},{"phone":"${OTHER}","it":1}],"x":1.0}`,
    ],
    ['writes nothing', () => undefined, 'opted_out'],
    ['changes only another member', (body) => void (body.x = 2), 'opted_out'],
    ['removes all recipients', (body) => void (body.people = []), 'opted_out'],
    ['removes the list of recipients', (body) => void (body.people = undefined), 'opted_out'],
    ['rejects', () => Promise.reject(new Error('no')), 'opted_out'],
    [
      'throws',
      () => {
        throw new Error('no');
      },
      'opted_out',
    ],
  ])('answers as expected for a setTo that %s', async (_how, setTo, expected) => {
    const done = await run(post(people, JSON_TYPE), { ...strip, to, ...(setTo ? { setTo } : {}) });
    expect(done.code === 'passed' ? done.text : done.code).toBe(expected);
  });

  it.each([
    ['an object by a number', '{"a":1}', 7, '7'],
    ['a list by an object', '[1.0]', { a: [] }, '{"a":[]}'],
    ['a list by a longer one', '[1.0,{"a":2.0}]', [1, { a: 2 }, 3], '[1.0,{"a":2.0},3]'],
    ['a number by null', '1.0', null, 'null'],
  ])('can replace %s', async (_what, before, after, expected) => {
    const setTo = (body: Record<string, unknown>, rest: readonly string[]) => {
      Object.assign(body, { to: rest, o: after });
    };
    const done = await run(post(`{"o": ${before}, "to":["${OUT}","${CLEAN}"]}`, JSON_TYPE), {
      ...strip,
      setTo,
    });
    expect(done.text).toBe(`{"o": ${expected}, "to":["${CLEAN}"]}`);
  });

  it('writes the changes of setTo to a form', async () => {
    const options = {
      ...strip,
      to: (body: { p?: string[] }) => body.p,
      setTo(body: Record<string, unknown>, rest: readonly string[]) {
        body['p'] = rest;
        body['n'] = 1;
        delete body['gone'];
      },
    };
    const done = await run(post(`a=%20&p=${OUT}&gone=1&p=${CLEAN}`, FORM_TYPE), options);
    expect(done.text).toBe(`a=%20&p=${CLEAN}&n=1`);
  });

  it.each<[string, string]>([
    ['in its URL', '{}'],
    ['in its URL, without a body', ''],
  ])('refuses a request that names recipients %s', async (_where, body) => {
    const options = {
      ...strip,
      to: (_body: unknown, { url }: Request) => new URL(url).searchParams.getAll('to'),
      setTo(given: Record<string, unknown>, rest: readonly string[]) {
        given['to'] = rest;
      },
    };
    const init = { method: 'POST', headers: { 'content-type': JSON_TYPE }, ...(body ? { body } : {}) };
    const request = new Request(`http://host/?to=${OUT}&to=${CLEAN}`, init);
    expect((await run(request, options)).code).toBe('opted_out');
  });

  it('refuses a body that is ambiguous after setTo', async () => {
    const setTo = (body: Record<string, unknown>, rest: readonly string[]) => {
      body['to'] = rest;
      body['x'] = `&to=${OUT}&`;
    };
    const body = JSON.stringify({ to: [OUT, CLEAN], x: '' });
    expect((await run(post(body, JSON_TYPE), { ...strip, setTo })).code).toBe('opted_out');
  });
});
