import { describe, expect, it } from 'vitest';
import { inboundChange } from '../src/acts.ts';
import { createAgeClock } from '../src/clock.ts';
import { STARTING } from '../src/decision.ts';
import type { ListsOptions } from '../src/list-options.ts';
import { createLists } from '../src/lists.ts';
import { readOptions, type GuardOptions } from '../src/options.ts';
import type { WebhookNews } from '../src/webhooks/judgement.ts';
import { createNumberSet } from '../src/optouts/number-set.ts';
import { START, createFakeClock } from './fake-clock.ts';

const MINUTE = 60_000;
const NEWS: WebhookNews = {
  ...{ direction: 'out', msisdn: '15551230001', sender: '73737', at: START - 1_000, source: 'inbound' },
  ...{ messageId: 'm-1', text: 'STOP', isProven: true },
};
const LISTS: ListsOptions = {
  alerts: { senders: ['73737'] },
  marketing: { senders: ['Acme'], optInByReply: true },
};

function listsOf(options: GuardOptions = { lists: LISTS }) {
  const clock = createFakeClock();
  const config = readOptions({ ...options, clock });
  return { config, lists: createLists(config, createAgeClock(clock)) };
}

function changeOf(news: Partial<WebhookNews>) {
  const { config, lists } = listsOf();
  return inboundChange({ ...NEWS, ...news }, lists, config, START);
}

describe('an opt-out by webhook', () => {
  it('goes to the list of the sender, by the provider’s clock, with its words', () => {
    expect(changeOf({})).toMatchObject({
      list: 'alerts',
      msisdn: '15551230001',
      evidence: {
        ...{ direction: 'out', at: START - 1_000, clock: 'provider', seenAt: START, source: 'inbound' },
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
      ['at', 'clock', 'direction', 'id', 'seenAt', 'source'].toSorted(),
    );
  });

  it('without a time counts from now by our clock', () => {
    expect(changeOf({ at: undefined })?.evidence).toMatchObject({ at: START, clock: 'local' });
  });

  it('from far ahead is cut to now, and from a little ahead is not', () => {
    expect(changeOf({ at: START + MINUTE })?.evidence.at).toBe(START + MINUTE);
    expect(changeOf({ at: START + MINUTE + 1 })?.evidence.at).toBe(START);
  });

  it('from a receipt is set back, for the message may be older than an opt-in', () => {
    expect(changeOf({ source: 'receipt' })?.evidence.at).toBe(START - 1_000 - 10 * MINUTE);
  });

  it('is one act however often it is told, and another where it is proven', () => {
    const idOf = (news: Partial<WebhookNews>) => changeOf(news)?.evidence.id;
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
      const saved = { start: null, size: 2, numbers: [out], missingOnce: [], heldSince: null, rows: [] };
      await lists.restore('alerts', { ...saved, image: { chunks: each(...chunks), since: since() } });
      return [out, come, gone].map((one) => lists.get('alerts')?.ledger.blocks(one));
    };
    const image = [...createNumberSet([out, gone]).image()];
    expect(await blocked(image)).toEqual([true, true, false]);
    expect(await blocked(image.map((chunk) => chunk.map((byte) => byte ^ 1)))).toEqual([true, false, false]);
    expect(await blocked([])).toEqual([true, false, false]);
  });

  it('a saved list that never completed a sweep restores its numbers and no age', async () => {
    const { lists } = listsOf();
    const numbers = ['15551230001'];
    await lists.restore('alerts', {
      start: null,
      size: 1,
      numbers,
      missingOnce: [],
      heldSince: null,
      rows: [],
    });
    expect(lists.get('alerts')?.ledger.blocks('15551230001')).toBe(true);
    expect(lists.get('alerts')?.restored).toBeUndefined();
  });
});
