import { describe, expect, it } from 'vitest';
import { inboundChange } from '../../src/changes/change-factory.ts';
import { createAgeClock } from '../../src/clock.ts';
import { STARTING } from '../../src/decision.ts';
import type { ListsOptions } from '../../src/options/list-options.ts';
import { createLists } from '../../src/lists/opt-out-lists.ts';
import { readOptions, type GuardOptions } from '../../src/options/guard-options.ts';
import type { WebhookChange } from '../../src/webhooks/payload.ts';
import { LATEST_TIME } from '../../src/ledger/evidence.ts';
import { createNumberSet } from '../../src/number-set/number-set.ts';
import { START, createFakeClock } from '../fake-clock.ts';

const MINUTE = 60_000;
const NEWS: WebhookChange = {
  ...{ direction: 'out', msisdn: '15551230001', sender: '73737', at: START - 1_000, source: 'inbound' },
  ...{ messageId: 'm-1', text: 'STOP', isProven: true },
};
const NO_SWEEP = { number: 0, start: null, ageMs: 0, missingOnce: [], heldMs: null };
const LISTS: ListsOptions = {
  alerts: { senders: ['73737'] },
  marketing: { senders: ['Acme'], optInByReply: true },
};

function listsOf(options: GuardOptions = { lists: LISTS }) {
  const clock = createFakeClock();
  const config = readOptions({ ...options, clock });
  return { config, lists: createLists(config, createAgeClock(clock)) };
}

function changeOf(news: Partial<WebhookChange>, optedIn: readonly string[] = []) {
  const hasJustOptedIn = (list: string, msisdn: string) => optedIn.includes(`${msisdn} ${list}`);
  return inboundChange({ ...NEWS, ...news }, { ...listsOf(), now: START, hasJustOptedIn });
}

describe('an opt-out by webhook', () => {
  it('goes to the list of the sender, by the provider’s time, with its words', () => {
    expect(changeOf({})).toMatchObject({
      list: 'alerts',
      msisdn: '15551230001',
      evidence: {
        ...{ direction: 'out', at: START - 1_000, kind: 'told', seenAt: START, source: 'inbound' },
        ...{ messageId: 'm-1', sender: '73737', text: 'STOP' },
      },
    });
  });

  it.each([['an unknown sender', '999'] as const, ['no sender', undefined] as const])(
    'at %s holds everywhere',
    (_name, sender) => {
      expect(changeOf({ sender })?.list).toBe('*');
    },
  );

  it('keeps nothing that it was not told', () => {
    const evidence = changeOf({ sender: undefined, text: undefined, messageId: undefined })?.evidence ?? {};
    expect(Object.keys(evidence).toSorted()).toEqual(
      ['at', 'direction', 'id', 'kind', 'seenAt', 'source'].toSorted(),
    );
  });

  it.each([
    ['no date', undefined, LATEST_TIME],
    ['a date of 1970', 0, LATEST_TIME],
    ['a date of the last second of 1999', Date.UTC(2000, 0, 1) - 1_000, LATEST_TIME],
    ['a date of the first second of 2000', Date.UTC(2000, 0, 1), Date.UTC(2000, 0, 1)],
    ['a date far ahead', START + 1_000 * MINUTE, START + 1_000 * MINUTE],
  ])('with %s is dated so', (_name, at, expected) => {
    expect(changeOf({ at })?.evidence).toMatchObject({ at: expected, seenAt: START });
    expect(changeOf({ at })?.evidence).not.toHaveProperty('proves');
  });

  it('from a receipt is set back, for the message may be older than an opt-in', () => {
    expect(changeOf({ source: 'receipt' })?.evidence.at).toBe(START - 1_000 - 10 * MINUTE);
    expect(changeOf({ source: 'receipt', at: undefined })?.evidence.at).toBe(LATEST_TIME);
  });

  it('from a receipt that arrives just after an opt-in proves nothing, a message does', () => {
    const optedIn = [`${NEWS.msisdn} alerts`];
    expect(changeOf({ source: 'receipt' }, optedIn)?.evidence.proves).toBe(false);
    expect(changeOf({ source: 'receipt', sender: '999' }, optedIn)?.evidence.proves).toBeUndefined();
    expect(changeOf({}, optedIn)?.evidence.proves).toBeUndefined();
  });

  it('is one act however often it is told, and another where it is proven', () => {
    const idOf = (news: Partial<WebhookChange>) => changeOf(news)?.evidence.id;
    expect(idOf({ at: START })).toBe(idOf({}));
    expect(idOf({ isProven: false })).not.toBe(idOf({}));
    expect(idOf({ messageId: undefined })).toBe(idOf({ messageId: undefined }));
    expect(idOf({ messageId: undefined, at: START })).not.toBe(idOf({ messageId: undefined }));
    const unnamed = { messageId: undefined, at: undefined };
    expect(idOf(unnamed)).not.toBe(idOf(unnamed));
  });
});

describe('an opt-in by webhook', () => {
  it.each([
    ['a list that honours it', { sender: 'acme' }, 'marketing'],
    ['a list that does not', { sender: '73737' }, undefined],
    ['an unknown sender', { sender: '999' }, undefined],
    ['no sender', { sender: undefined }, undefined],
    ['somebody who proved nothing', { sender: 'Acme', isProven: false }, undefined],
  ])('to or from %s', (_name, news, list) => {
    expect(changeOf({ ...news, direction: 'in' })?.list).toBe(list);
  });
});

describe('an opt-in by webhook that no time can order', () => {
  it.each([
    ['no date', undefined, false],
    ['a date before 2000', Date.UTC(1999, 0, 1), false],
    ['a date ahead of our clock by more than the slack', START + MINUTE + 1, false],
    ['a date ahead by the slack', START + MINUTE, undefined],
    ['a date of last week', START - 7 * 24 * 60 * MINUTE, undefined],
  ])('with %s', (_name, at, proves) => {
    expect(changeOf({ direction: 'in', sender: 'Acme', at })?.evidence.proves).toBe(proves);
  });
});

describe('lists', () => {
  it('a list without senders gets nothing of a resolver’s, and the rest where there is none', () => {
    const resolve = (from: string) => (from === 'brand' ? 'brand' : undefined);
    const named = listsOf({ lists: { resolve, alerts: {} } }).lists;
    expect(['brand', 'other'].map((from) => named.nameFor(from))).toEqual(['brand', undefined]);
    const rest = listsOf({ lists: { alerts: {}, marketing: { senders: ['Acme'] } } }).lists;
    expect(['acme', 'other', 12_345].map((from) => rest.nameFor(from))).toEqual([
      'marketing',
      'alerts',
      'alerts',
    ]);
  });

  it('remembers senders, but not without end', () => {
    const { lists } = listsOf();
    for (let sender = 10_000; sender < 21_000; sender++) expect(lists.nameFor(sender)).toBeUndefined();
    expect([lists.nameFor(73_737), lists.nameFor(73_737)]).toEqual(['alerts', 'alerts']);
  });

  it('nothing asked is nothing known', () => {
    const { lists } = listsOf();
    lists.markLoaded();
    expect([lists.standing([]), lists.freshness([])]).toEqual([STARTING, 'unknown']);
  });

  it('a saved list is taken from its image, and from its numbers where that is damaged', async () => {
    const [out, come, gone] = ['15551230001', '15551230002', '15551230003'];
    async function* each<T>(...all: readonly T[]) {
      yield* all;
    }
    const since = () =>
      each(
        { kind: 'added' as const, numbers: Float64Array.of(Number(come)) },
        { kind: 'removed' as const, numbers: Float64Array.of(Number(gone)) },
      );
    const blocked = async (chunks: readonly Uint8Array[]) => {
      const { lists } = listsOf();
      const saved = { ...NO_SWEEP, size: 2, numbers: [out], rows: [] };
      await lists.restore('alerts', { ...saved, image: { chunks: each(...chunks), since: since() } });
      return [out, come, gone].map((one) => lists.get('alerts')?.ledger.blocks(one));
    };
    const image = [...createNumberSet([out, gone]).snapshot()];
    expect(await blocked(image)).toEqual([true, true, false]);
    expect(await blocked(image.map((chunk) => chunk.map((byte) => byte ^ 1)))).toEqual([true, false, false]);
    expect(await blocked([])).toEqual([true, false, false]);
  });

  it('a saved list that never completed a sweep restores its numbers and no age', async () => {
    const { lists } = listsOf();
    const numbers = ['15551230001'];
    await lists.restore('alerts', { ...NO_SWEEP, size: 1, numbers, rows: [] });
    expect(lists.get('alerts')?.ledger.blocks('15551230001')).toBe(true);
    expect(lists.get('alerts')?.lastSync).toEqual({ kind: 'never' });
  });
});
