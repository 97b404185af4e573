/** Long replies are parsed in short steps, with the result of `JSON.parse`. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseInSteps } from '../../../src/providers/vonage/json-steps.ts';
import { readLongPage, readPage, type ReplyHead } from '../../../src/providers/vonage/reply.ts';

const LIST = 'opt-in-list';

/** Returns what a generator yields, and what it returns or throws. */
function run<Result>(steps: Generator<readonly unknown[], Result, undefined>) {
  const groups: (readonly unknown[])[] = [];
  try {
    for (;;) {
      const step = steps.next();
      if (step.done) return { groups, result: step.value };
      groups.push(step.value);
    }
  } catch (error) {
    return { groups, error };
  }
}

/** Parses a text in steps. @returns the whole value; `undefined` if the text is not JSON. */
function parsed(bytes: Uint8Array, bytesPerStep: number): unknown {
  const { groups, result, error } = run(parseInSteps(bytes, LIST, bytesPerStep));
  if (error !== undefined) return undefined;
  const rows = groups.flat();
  // Without rows, the list is complete in the result: empty, or not the longest array.
  return rows.length === 0 ? result : { ...(result as object), [LIST]: rows };
}

function parsedAtOnce(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}

/** Expects the same value, with the same order of members, as `JSON.parse` gives. */
function expectSame(bytes: Uint8Array, bytesPerStep: number): void {
  const [actual, expected] = [parsed(bytes, bytesPerStep), parsedAtOnce(bytes)];
  expect(actual).toEqual(expected);
  expect(JSON.stringify(actual)).toBe(JSON.stringify(expected));
}

describe('parseInSteps gives what JSON.parse gives', () => {
  it.each<[string, string]>([
    ['an empty list', `{"${LIST}":[]}`],
    ['a list of spaces', `{"${LIST}":[ \n ]}`],
    ['bare numbers', `{"total":3,"${LIST}":["1","2",3]}`],
    ['objects', `{"${LIST}":[{"msisdn":"1","tags":[1,[2]]},{"msisdn":"2"}],"opt-in-count":"2"}`],
    ['brackets and commas in strings', `{"a":"[,]","${LIST}":["],[","}{",",,,,,,,,"],"b":"]"}`],
    ['escapes', `{"a\\"[":"\\\\","${LIST}":["\\"],[","\\\\","\\u005d","\\\\\\"[,"]}`],
    ['more than one byte a letter', `{"é":"€","${LIST}":["é","€,€","😀","\u2028"],"z":"ü"}`],
    ['a longer list before it', `{"messages":[1,2,3,4,5,6,7],"${LIST}":["1","2"]}`],
    ['a longer list behind it', `{"${LIST}":["1"],"messages":[{"status":"0"},1,2]}`],
    ['the list twice, the longer one first', `{"${LIST}":["1","2","3"],"${LIST}":["4"]}`],
    ['the list twice, the longer one last', `{"${LIST}":["4"],"${LIST}":["1","2","3"]}`],
    ['the list twice, once with an escape', `{"${LIST}":["1","2"],"opt\\u002din-list":[]}`],
    ['the placeholders instead of the list', `{"a":[1,2,3,4,5],"${LIST}":[0]}`],
    ['the other placeholder instead of the list', `{"a":[1,2,3,4,5],"${LIST}":[1]}`],
    ['a list that is no array', `{"a":[1,2,3,4,5],"${LIST}":{"0":[1,2,3,4,5,6,7,8,9]}}`],
    ['the list deeper', `{"a":{"${LIST}":["1","2"]}}`],
    ['the list in an array', `[["1","2","3"],{"${LIST}":["1"]}]`],
    ['an array alone', '["1",["2"]]'],
    ['no array', '{"a":{"b":{}},"c":"d"}'],
    ['__proto__', `{"__proto__":[1],"${LIST}":[{"__proto__":{"a":1}},"1","2"],"constructor":1}`],
    ['large and small numbers', `{"${LIST}":[12345678901234567890,1e400,-0,1.5e-7]}`],
    ...['null', '"[1,2]"', '1', '', ' ', '\uFEFF{}'].map(
      (text) => [`the text ${text}`, text] as [string, string],
    ),
  ])('for %s', (_name, text) => {
    for (const bytesPerStep of [1, 2, 5, 16, 1_000]) expectSame(Buffer.from(text), bytesPerStep);
  });

  it.each([
    ...['[1,]', '[,1]', '[1,,2]', '[ , ]', '[1 2]', '[1,2', '[1,2}', '[1]]', '["a]', '[{]}]', '[1,[2}]'],
    ...['[01]', '[1.]', "['a']", '["\\x"]', '["\\"]', '["a\nb"]', '[tru]', '[/**/1]', '[1\\,2]'],
  ])('for a list that is not JSON: %s', (list) => {
    for (const [before, after] of [
      [`{"${LIST}":`, '}'],
      [`{"a":[1,2],"${LIST}":`, ',"b":2}'],
    ] as const) {
      const bytes = Buffer.from(before + list + after);
      expect(parsedAtOnce(bytes)).toBeUndefined();
      for (const bytesPerStep of [1, 2, 5, 16, 1_000]) expect(parsed(bytes, bytesPerStep)).toBeUndefined();
    }
  });

  it.each([
    ...['{"opt-in-list":1[1,2]}', '{"opt-in-list":[1,2]1}', '{"opt-in-list":[1,2]', '{"opt-in-list"[1,2]}'],
    ...[
      '{"opt-in-list":"[1,2]}',
      '{"opt-in-list":[1,2]},',
      '}{"opt-in-list":[1,2]}',
      '\\"{"opt-in-list":[1]}',
    ],
    ...[
      '{"a":[1}],"opt-in-list":[1]}',
      '{"opt-in-list":-[1,2]}',
      '{opt-in-list:[1,2]}',
      '<html>[[1,2]]</html>',
    ],
  ])('for text around a list that is not JSON: %s', (text) => {
    expect(parsedAtOnce(Buffer.from(text))).toBeUndefined();
    for (const bytesPerStep of [1, 2, 5, 1_000])
      expect(parsed(Buffer.from(text), bytesPerStep)).toBeUndefined();
  });

  const key = fc.constantFrom(LIST, LIST, 'opt-in-count', 'messages', '__proto__', 'a"[', 'é', '0');
  const { json } = fc.letrec((tie) => ({
    json: fc.oneof(
      { maxDepth: 4, depthSize: 'small' },
      fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(']', '[,', '}"', '\\', '\\"', '€,')),
      fc.oneof(fc.integer(), fc.double({ noDefaultInfinity: true, noNaN: true }), fc.bigInt()),
      fc.constantFrom(null, true, false),
      fc.array(tie('json')),
      fc.array(fc.tuple(key, tie('json'))).map((members) => ({ members })),
    ),
  }));
  const space = fc.constantFrom('', '', ' ', '\n\t ');

  /** Writes a value, with names that repeat, and with spaces. */
  function write(value: unknown, gap: string): string {
    if (typeof value === 'bigint') return String(value);
    if (Array.isArray(value)) return `[${gap}${value.map((one) => write(one, gap)).join(`,${gap}`)}${gap}]`;
    if (typeof value !== 'object' || value === null) return JSON.stringify(value);
    const { members } = value as { members: [string, unknown][] };
    return `{${gap}${members.map(([name, one]) => `${JSON.stringify(name)}:${gap}${write(one, gap)}`).join(',')}}`;
  }
  const reply = fc
    .tuple(fc.array(fc.tuple(key, json)), fc.array(json), fc.nat(8), space)
    .map(([members, list, index, gap]) => write({ members: members.toSpliced(index, 0, [LIST, list]) }, gap));
  const damage = fc.array(
    fc.record({
      at: fc.nat(),
      removed: fc.nat(2),
      put: fc.constantFrom('', ',', '[', ']', '{', '}', '"', '\\', ':', '0', ' ', '\u00E9'),
    }),
    { maxLength: 2 },
  );

  it('for any JSON, and for text that is nearly JSON, whatever the steps', () => {
    let [valid, invalid] = [0, 0];
    fc.assert(
      fc.property(reply, damage, fc.integer({ min: 1, max: 80 }), (text, damages, bytesPerStep) => {
        let bytes = Buffer.from(text);
        for (const { at, removed, put } of damages) {
          const index = at % (bytes.length + 1);
          // Bytes, not letters: a letter of more than one byte may lose one of them.
          bytes = Buffer.concat([
            bytes.subarray(0, index),
            Buffer.from(put),
            bytes.subarray(index + removed),
          ]);
        }
        expectSame(bytes, bytesPerStep);
        if (parsedAtOnce(bytes) === undefined) invalid++;
        else valid++;
      }),
      { numRuns: 4_000, seed: 20_261_201 },
    );
    expect(Math.min(valid, invalid)).toBeGreaterThan(500);
  });
});

describe('readLongPage', () => {
  const rows = Array.from({ length: 20_000 }, (_, index) => ({ msisdn: String(15_550_000_000 + index) }));
  const bytesOf = (list: unknown, beside: object = {}) =>
    Buffer.from(JSON.stringify({ 'opt-in-count': '20000', [LIST]: list, ...beside }));
  const OK: ReplyHead = { httpStatus: 200 };

  it('yields the rows in groups that are no longer than a step and one row', () => {
    const bytes = bytesOf(rows);
    const { groups, result } = run(readLongPage(OK, bytes, 4_096));
    expect(result).toEqual({ total: 20_000 });
    expect(groups.flat()).toEqual(rows);
    const longest = Math.max(...groups.map((group) => JSON.stringify(group).length));
    expect(longest).toBeLessThanOrEqual(4_096 + 30);
    // The search and the parsing each take a step for so many bytes.
    expect(groups.length).toBeGreaterThan((2 * bytes.length) / (4_096 + 30));
    expect(groups.filter((group) => group.length > 0).length).toBeGreaterThan(bytes.length / (4_096 + 30));
  });

  it('yields a list that is not the longest array of the reply', () => {
    const messages = Array.from({ length: 50 }, () => ({ status: '0' }));
    const { groups, result } = run(readLongPage(OK, bytesOf(['1', '2'], { messages }), 64));
    expect([groups.flat(), result]).toEqual([['1', '2'], { total: 20_000 }]);
  });

  it.each<[string, Buffer, ReplyHead?]>([
    ['a list beside an error', bytesOf(rows, { error: 'no' })],
    ['a list beside a status', bytesOf(rows, { status: '4' })],
    ['a list beside a status of its messages', bytesOf(rows, { messages: [{ status: '1' }] })],
    ['another HTTP status', bytesOf(rows), { httpStatus: 206, retryAfterMs: 7 }],
    ['a problem document', bytesOf(rows), { httpStatus: 200, contentType: 'application/problem+json' }],
    ['a list that is cut off', bytesOf(rows).subarray(0, 100_000)],
    ['a list that is cut off under an HTTP error', bytesOf(rows).subarray(0, 100_000), { httpStatus: 503 }],
    ['no list', Buffer.from('{}')],
    ['null as list', bytesOf(null)],
    ['an array', Buffer.from(JSON.stringify(rows))],
    ['HTML', Buffer.from('<html></html>')],
  ])('throws what readPage throws for %s', (_name, body, head = OK) => {
    let expected: unknown;
    try {
      readPage({ ...head, body: body.toString('utf8') });
    } catch (error) {
      expected = error;
    }
    const { error } = run(readLongPage(head, body, 4_096));
    const fieldsOf = (thrown: unknown) => {
      const { code, message, httpStatus, providerStatus, retryAfterMs } = thrown as Record<string, unknown>;
      return { code, message, httpStatus, providerStatus, retryAfterMs };
    };
    expect(expected).toBeInstanceOf(Error);
    expect(fieldsOf(error)).toEqual(fieldsOf(expected));
  });
});
