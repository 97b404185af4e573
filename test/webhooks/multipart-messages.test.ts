/** Messages of several parts are joined, in any order, counted from 1 or from 0. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeSig } from '../../src/testing/simulator/signing.ts';
import { createPartJoiner } from '../../src/webhooks/multipart-messages.ts';
import { createFakeClock } from '../fake-clock.ts';
import { startReceiver } from './receiver-harness.ts';

const PERSON = '15551230001';

/** Sends parts, written as `1:STO|2:P`, to a receiver, and returns its changes and unclear texts. */
async function receiveParts(parts: string, total: number) {
  const { post, changes, sink } = startReceiver({ unsigned: 'block_only' });
  for (const [, index = '', text = ''] of parts.matchAll(/(\d):([^|]*)/g)) {
    const concat = { 'concat-ref': '7', 'concat-total': String(total), 'concat-part': index };
    const parameters = {
      msisdn: PERSON,
      to: '73737',
      messageId: `m${index}`,
      text,
      concat: 'true',
      ...concat,
    };
    expect((await post(new URLSearchParams(parameters).toString())).status).toBe(200);
  }
  return { changes, unclear: sink.unclear.mock.calls.map(([{ matched }]) => matched) };
}

describe('parts', () => {
  it.each([
    ['in order', '1:STO|2:P', 2, 'STOP'],
    ['out of order', '2:P|1:STO', 2, 'STOP'],
    ['counted from 0', '0:STO|1:P', 2, 'STOP'],
    ['counted from 0, out of order', '1:P|0:STO', 2, 'STOP'],
    ['with a space at the end of one', '1:leave me |2:alone', 2, 'leave me alone'],
    ['with a space before one', '1:leave me|2: alone', 2, 'leave me alone'],
    ['with a part that is only a space', '1:leave me|2: |3:alone', 3, 'leave me alone'],
    ['with a part that is empty', '1:leave me |2:|3:alone', 3, 'leave me alone'],
    ['with a repeated part', '1:STO|1:STO|2:P', 2, 'STOP'],
    ['of three', '3:P|1:S|2:TO', 3, 'STOP'],
    ['of three, counted from 0', '2:P|0:S|1:TO', 3, 'STOP'],
  ])('are joined %s', async (_name, parts, total, whole) => {
    const { changes } = await receiveParts(parts, total);
    expect(changes.at(-1)).toMatchObject({ direction: 'out', msisdn: PERSON, text: whole });
  });

  it.each([
    ['with one lost', '1:leave |3:alone', 3],
    ['with the first lost', '2:me |3:alone', 3],
    ['with the last lost, counted from 0', '0:leave |1:me ', 3],
    ['with a space that is not in them', '1:leave me|2:alone', 2],
  ])('are not joined %s', async (_name, parts, total) => {
    const { changes, unclear } = await receiveParts(parts, total);
    expect([changes, unclear]).toEqual([[], []]);
  });

  it('are also interpreted alone', async () => {
    expect((await receiveParts('2: STOP ', 2)).changes).toMatchObject([{ direction: 'out', text: 'STOP' }]);
  });
});

it('does not opt in by parts, alone or joined: they may be of two messages', async () => {
  const secret = 's';
  const { get, changes } = startReceiver({ signature: { secret, method: 'sha256' } });
  for (const [index, text] of [
    ['1', 'STA'],
    ['2', 'RT'],
  ] as const) {
    const parameters = {
      ...{ msisdn: PERSON, to: '73737', 'message-timestamp': '2026-01-01 00:00:00', text },
      ...{ 'concat-ref': '7', 'concat-total': '2', 'concat-part': index },
    };
    expect((await get({ ...parameters, sig: makeSig(parameters, secret, 'sha256') })).status).toBe(200);
  }
  expect(changes).toEqual([]);
});

describe('a joiner', () => {
  const part = (text: string, index: number, total: number, ref = 'r') => ({ text, index, total, ref });

  it('returns the whole text once all parts are there, in every order', () => {
    const message = fc.record({
      texts: fc.array(fc.string({ maxLength: 153 }), { minLength: 2, maxLength: 16 }),
      first: fc.constantFrom(0, 1),
      seed: fc.infiniteStream(fc.nat()),
    });
    fc.assert(
      fc.property(message, ({ texts, first, seed }) => {
        const joiner = createPartJoiner(createFakeClock());
        const parts = texts
          .map((text, index) => ({ part: part(text, index + first, texts.length), key: seed.next().value }))
          .toSorted((a, b) => Number(a.key) - Number(b.key));
        const results = parts.map((one) => joiner.add(['p'], one.part));
        expect(results.slice(0, -1).flat()).toEqual([]);
        expect(results.at(-1)).toEqual([texts.join('')]);
      }),
    );
  });

  it('distinguishes people, references and totals', () => {
    const joiner = createPartJoiner(createFakeClock());
    joiner.add(['p'], part('STO', 1, 2));
    for (const [scope, ref, total] of [
      ['q', 'r', 2],
      ['p', 's', 2],
      ['p', 'r', 3],
    ] as const) {
      expect(joiner.add([scope], part('P', 2, total, ref))).toEqual([]);
    }
    expect(joiner.add(['p'], part('P', 2, 2))).toEqual(['STOP']);
  });

  it('keeps parts for ten minutes after the first one, of a thousand messages', async () => {
    const clock = createFakeClock();
    const joiner = createPartJoiner(clock);
    joiner.add(['p'], part('S', 1, 3));
    await clock.advance(500_000);
    joiner.add(['p'], part('TO', 2, 3));
    await clock.advance(100_000);
    expect(joiner.add(['p'], part('P', 3, 3))).toEqual(['STOP']);
    await clock.advance(1);
    expect(joiner.add(['p'], part('P', 3, 3))).toEqual([]);
    for (const count of [999, 1_000]) {
      joiner.add(['first'], part('STO', 1, 2));
      for (let index = 0; index < count; index++) joiner.add([index], part('x', 1, 2));
      expect(joiner.add(['first'], part('P', 2, 2))).toEqual(count === 999 ? ['STOP'] : []);
    }
  });

  it('joins up to 16 parts of 400 characters', () => {
    const joiner = createPartJoiner(createFakeClock());
    const whole = (total: number, text: string) =>
      Array.from({ length: total }, (_, index) => joiner.add([total, text], part(text, index + 1, total))).at(
        -1,
      );
    expect(whole(16, 'x'.repeat(400))).toEqual(['x'.repeat(6_400)]);
    expect(whole(2, 'x'.repeat(401))).toEqual(['x'.repeat(800)]);
    expect(whole(17, 'x')).toEqual([]);
  });
});
