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
const EVENT: WebhookChange = {
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

function changeOf(event: Partial<WebhookChange>, optedIn: readonly string[] = []) {
  const hasJustOptedIn = (list: string, msisdn: string) => optedIn.includes(`${msisdn} ${list}`);
  return inboundChange({ ...EVENT, ...event }, { ...listsOf(), now: START, hasJustOptedIn });
}

describe('an opt-out by webhook', () => {
  it('goes to the sender’s list, with the provider’s time and the person’s words', () => {
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
    'goes to the list for every sender at %s',
    (_name, sender) => {
      expect(changeOf({ sender })?.list).toBe('*');
    },
  );

  it('keeps the rule that found it as its reason', () => {
    expect(changeOf({ reason: 'request: stop texting' })?.evidence.reason).toBe('request: stop texting');
    expect(changeOf({})?.evidence).not.toHaveProperty('reason');
  });

  it('has no member without a value', () => {
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
  ])('gets the expected time from %s', (_name, at, expected) => {
    expect(changeOf({ at })?.evidence).toMatchObject({ at: expected, seenAt: START });
    expect(changeOf({ at })?.evidence).not.toHaveProperty('proves');
  });

  it('gets an earlier time if it is from a receipt, whose message may be older than an opt-in', () => {
    expect(changeOf({ source: 'receipt' })?.evidence.at).toBe(START - 1_000 - 10 * MINUTE);
    expect(changeOf({ source: 'receipt', at: undefined })?.evidence.at).toBe(LATEST_TIME);
  });

  it('proves nothing just after an opt-in if it is from a receipt, unlike one from a message', () => {
    const optedIn = [`${EVENT.msisdn} alerts`];
    expect(changeOf({ source: 'receipt' }, optedIn)?.evidence.proves).toBe(false);
    expect(changeOf({ source: 'receipt', sender: '999' }, optedIn)?.evidence.proves).toBeUndefined();
    expect(changeOf({}, optedIn)?.evidence.proves).toBeUndefined();
  });

  it('has one id however often it is repeated, and another one if it is proven', () => {
    const idOf = (event: Partial<WebhookChange>) => changeOf(event)?.evidence.id;
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
    ['an unproven message', { sender: 'Acme', isProven: false }, undefined],
  ])('counts only if it is honoured and proven: %s', (_name, event, list) => {
    expect(changeOf({ ...event, direction: 'in' })?.list).toBe(list);
  });
});

describe('an opt-in by webhook that no time can order', () => {
  it.each([
    ['no date', undefined, false],
    ['a date before 2000', Date.UTC(1999, 0, 1), false],
    ['a date ahead of our clock by more than the slack', START + MINUTE + 1, false],
    ['a date ahead by the slack', START + MINUTE, undefined],
    ['a date of last week', START - 7 * 24 * 60 * MINUTE, undefined],
  ])('proves something only with a usable date: %s', (_name, at, proves) => {
    expect(changeOf({ direction: 'in', sender: 'Acme', at })?.evidence.proves).toBe(proves);
  });
});

describe('lists', () => {
  it('give a list without senders every other sender, unless there is a resolver', () => {
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

  it('remember a bounded number of senders', () => {
    const { lists } = listsOf();
    for (let sender = 10_000; sender < 21_000; sender++) expect(lists.nameFor(sender)).toBeUndefined();
    expect([lists.nameFor(73_737), lists.nameFor(73_737)]).toEqual(['alerts', 'alerts']);
  });

  it('are unknown if none is asked', () => {
    const { lists } = listsOf();
    lists.markLoaded();
    expect([lists.standing([]), lists.freshness([])]).toEqual([STARTING, 'unknown']);
  });

  it('restore a saved list from its snapshot, or from its numbers if the snapshot is damaged', async () => {
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

  it('restore the numbers and no age of a saved list that never completed a sweep', async () => {
    const { lists } = listsOf();
    const numbers = ['15551230001'];
    await lists.restore('alerts', { ...NO_SWEEP, size: 1, numbers, rows: [] });
    expect(lists.get('alerts')?.ledger.blocks('15551230001')).toBe(true);
    expect(lists.get('alerts')?.lastSync).toEqual({ kind: 'never' });
  });
});
