/** Stores of the first edition of the port: `append` returns booleans, evidence has a clock, sweeps have no number. */

import { describe, expect, it } from 'vitest';
import { createGuard, type Evidence, type OptOutChange, type Store } from '../../src/index.ts';
import { LATEST_TIME } from '../../src/ledger/evidence.ts';
import { asEvidence } from '../../src/stores/first-edition.ts';
import { START, createFakeClock, settle } from '../fake-clock.ts';

const HOUR = 3_600_000;
const [A, B, C] = ['15551230001', '15551230002', '15551230003'] as const;
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** Makes a store that was written for the first edition. It keeps its content in `disk`, as JSON. */
function firstEdition(
  disk: { changes: string[]; sweeps: [string, unknown][] } = { changes: [], sweeps: [] },
) {
  const kept = () => disk.changes.map((one) => JSON.parse(one) as OptOutChange);
  let report: ((changes: readonly OptOutChange[]) => void) | undefined;
  const store = {
    kind: 'mine',
    isShared: true,
    async open() {},
    load: async () => ({ changes: kept(), sweeps: new Map(disk.sweeps), cursor: '1' }),
    async append(changes: readonly OptOutChange[]) {
      return changes.map((change) => {
        const isNew = !kept().some(
          ({ msisdn, list, evidence: { id } }) =>
            msisdn === change.msisdn && list === change.list && id === change.evidence.id,
        );
        if (isNew) disk.changes.push(JSON.stringify(change));
        return isNew;
      });
    },
    async saveSweep(list: string, { start, size, heldSince, rows }: Record<string, unknown>) {
      disk.sweeps = [[list, { start, size, heldSince, rows, numbers: [A], missingOnce: [] }]];
      return true;
    },
    tail(_since: string, handlers: { onChanges(news: unknown): void; onCaughtUp(): void }) {
      report = (changes) => {
        handlers.onChanges({ changes, sweeps: [], erased: [], cursor: '2' });
        handlers.onCaughtUp();
      };
      return () => undefined;
    },
    lease: async () => ({ isHeld: () => true, release: async () => undefined }),
    history: async (msisdn: string) => kept().filter((one) => one.msisdn === msisdn),
    async erase(msisdn: string, keep: readonly OptOutChange[]) {
      disk.changes = disk.changes.filter((one) => (JSON.parse(one) as OptOutChange).msisdn !== msisdn);
      disk.changes.push(...keep.map((one) => JSON.stringify(one)));
    },
    async close() {},
  };
  return {
    store: store as unknown as Store,
    disk,
    /** Reports changes of another process. */
    report: (changes: readonly OptOutChange[]) => report?.(changes),
  };
}

/** Makes evidence of the first edition. */
const oldEvidence = (fields: object) =>
  ({
    direction: 'out',
    at: START - HOUR,
    clock: 'local',
    seenAt: START - HOUR,
    source: 'manual',
    id: 'a',
    ...fields,
  }) as unknown as Evidence;

async function guardOf(store: Store, clock = createFakeClock()) {
  const warnings: string[] = [];
  const guard = createGuard({ store, clock, logger: silent });
  guard.on('warn', ({ code }) => warnings.push(code));
  await settle();
  return { guard, clock, warnings };
}

describe('a store of the first edition', () => {
  it('keeps working, with one warning', async () => {
    const { store, disk } = firstEdition();
    const { guard, warnings } = await guardOf(store);
    await guard.optOut(A);
    await guard.optOut(B);
    expect(await guard.resubscribe(B)).toMatchObject({ released: true });
    expect([A, B, C].map((one) => guard.canSend(one))).toEqual([false, true, true]);
    expect(warnings.filter((code) => code === 'store_first_edition')).toHaveLength(1);
    const again = await guardOf(firstEdition(disk).store);
    expect([A, B, C].map((one) => again.guard.canSend(one))).toEqual([false, true, true]);
    expect(await again.guard.resubscribe(A)).toMatchObject({ released: true });
    await again.guard.erase(A);
    expect(JSON.stringify(await again.guard.history(A))).not.toContain('reason');
  });

  it('lifts no opt-out of another process by an act', async () => {
    const { store, report } = firstEdition();
    const { guard } = await guardOf(store);
    report([{ list: '*', msisdn: A, evidence: oldEvidence({}) }]);
    expect(guard.canSend(A)).toBe(false);
    expect(await guard.resubscribe(A)).toMatchObject({ released: false });
  });

  it('keeps an unread opt-out of another process when a released number is erased', async () => {
    const { store, disk } = firstEdition();
    const { guard } = await guardOf(store);
    await guard.optOut(A);
    await guard.resubscribe(A);
    const unread = { list: '*', msisdn: A, evidence: oldEvidence({ id: 'of another process', kind: 'act' }) };
    disk.changes.push(JSON.stringify(unread));
    await guard.erase(A);
    expect((await guardOf(store)).guard.check(A).reason).toBe('opted_out');
    // If there is no other evidence, none is left.
    await guard.optOut(B);
    await guard.resubscribe(B);
    await guard.erase(B);
    expect(await guard.history(B)).toEqual([]);
  });

  it.each([0, Number.NaN, Date.UTC(1999, 11, 31)])(
    'treats a message dated %d as one without a date',
    (at) => {
      const told = { at, clock: 'provider' };
      expect(asEvidence(oldEvidence({ ...told, direction: 'out' }))).toMatchObject({
        kind: 'told',
        at: LATEST_TIME,
      });
      expect(asEvidence(oldEvidence({ ...told, direction: 'in' }))).toMatchObject({
        kind: 'told',
        at,
        proves: false,
      });
    },
  );

  it('permits no confirmation', async () => {
    const { store } = firstEdition();
    const { guard } = await guardOf(store);
    const event = { msisdn: A, direction: 'out', isAuthentic: true, messageId: 'm', at: START } as const;
    const webhook = guard.webhooks({ unsigned: 'block_only', parse: () => event });
    await new Promise<void>((resolve) => {
      const res = { statusCode: 0, setHeader() {}, end: () => resolve() };
      webhook({ method: 'GET', url: '/?a=b', headers: {}, readableDidRead: true, on() {} }, res);
    });
    expect(guard.canSend(A, { purpose: 'opt_out_confirmation' })).toBe(false);
  });

  it('blocks every number that is out by evidence of the first edition, until a new opt-in releases it', async () => {
    const changes = [
      { list: '*', msisdn: A, evidence: oldEvidence({ clock: 'provider', source: 'inbound' }) },
      { list: '*', msisdn: B, evidence: oldEvidence({ id: 'b' }) },
      { list: '*', msisdn: B, evidence: oldEvidence({ direction: 'in', id: 'c', at: START, seenAt: START }) },
      { list: '*', msisdn: C, evidence: oldEvidence({ direction: 'in', id: 'row:5', clock: 'provider' }) },
    ].map((one) => JSON.stringify(one));
    const { guard } = await guardOf(firstEdition({ changes, sweeps: [] }).store);
    expect([A, B, C].map((one) => guard.canSend(one))).toEqual([false, false, true]);
    for (const one of [A, B]) expect(await guard.resubscribe(one)).toMatchObject({ released: true });
  });
});

describe('evidence of the first edition', () => {
  it.each<[string, object, Partial<Evidence>]>([
    [
      'the provider’s clock as told',
      { clock: 'provider', source: 'inbound' },
      { kind: 'told', at: START - HOUR },
    ],
    ['our clock as an act', { clock: 'local' }, { kind: 'act' }],
    [
      'a date before 2000 as told without a date',
      { clock: 'provider', at: 5 },
      { kind: 'told', at: LATEST_TIME },
    ],
    [
      'an opted-in row as evidence that proves nothing',
      { direction: 'in', id: 'row:1', clock: 'provider' },
      { proves: false },
    ],
  ])('is converted: %s', (_name, given, expected) => {
    const read = asEvidence(oldEvidence(given));
    expect(read).toMatchObject(expected);
    expect(read).not.toHaveProperty('clock');
  });

  it('leaves evidence of the second edition as it is', () => {
    const evidence: Evidence = { ...asEvidence(oldEvidence({})), id: 'row:x' };
    expect(asEvidence(evidence)).toEqual(evidence);
  });
});
