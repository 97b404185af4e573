/** What every store must do: what one process does and another one sees. */

import assert from 'node:assert/strict';
import { PERSON, OTHER, change, sweep, contents, follow, until, type Requirement } from './harness.ts';

export const processRequirements: readonly Requirement[] = [
  [
    'a lease is held by one, and free after its release',
    async (store) => {
      const lease = await store.lease('sweep');
      assert.equal(lease?.isHeld(), true);
      assert.equal(await store.lease('sweep'), undefined);
      assert.notEqual(await store.lease('another'), undefined);
      await lease?.release();
      assert.equal(lease?.isHeld(), false);
      assert.notEqual(await store.lease('sweep'), undefined);
    },
  ],
  [
    'what another process appends is told once, and what one appended oneself is not',
    async (store, { another }) => {
      const other = await another();
      if (other === undefined) return;
      await other.append([change({ id: 'before' })]);
      const { heard, stop } = await follow(store);
      await store.append([change({ id: 'own' })]);
      await other.append([change({ id: 'theirs', text: 'STOP' }), change({ id: 'own' })]);
      await other.append([change({ id: 'more' }, OTHER)]);
      await until(() => heard.changes.length >= 2, 'both are told');
      const { caughtUp } = heard;
      await until(() => heard.caughtUp > caughtUp, 'it is said that there is no more');
      assert.deepEqual(
        heard.changes.map(({ evidence }) => evidence.id),
        ['theirs', 'more'],
      );
      stop();
    },
  ],
  [
    'what another process erases is told, with what is kept of it',
    async (store, { another }) => {
      const other = await another();
      if (other === undefined) return;
      await store.append([change({ id: 'a', text: 'Ann' }), change({ id: 'b' })]);
      const { heard, stop } = await follow(store);
      await other.erase(PERSON, [change({ id: 'b' })]);
      await until(() => heard.erased.length > 0, 'the erasure is told');
      assert.deepEqual([heard.erased, heard.changes], [[PERSON], [change({ id: 'b' })]]);
      stop();
    },
  ],
  [
    'what another process sweeps is told: numbers first, then the sweep',
    async (store, { another }) => {
      const other = await another();
      if (other === undefined) return;
      await store.saveSweep('default', sweep(10, [PERSON]));
      await contents(other);
      const { heard, stop } = await follow(store);
      const rows = [{ msisdn: PERSON, start: 20, date: 5 }];
      const numbers = [OTHER];
      const delta = { added: [OTHER], removed: [PERSON] };
      await other.saveSweep(
        'default',
        sweep(20, numbers, { missingOnce: [OTHER], heldSince: 20, rows, delta }),
      );
      await until(() => heard.sweeps.some(({ start }) => start === 20), 'the sweep is told');
      const told = heard.sweeps.flatMap(({ added, removed }) => [
        ...[...added].map((number) => `+${number}`),
        ...[...removed].map((number) => `-${number}`),
      ]);
      assert.deepEqual(told.toSorted(), [`+${OTHER}`, `-${PERSON}`].toSorted());
      const missing = heard.sweeps.flatMap(({ missingOnce }) =>
        [...(missingOnce?.numbers ?? [])].map(String),
      );
      const toldRows = heard.sweeps.flatMap((one) => one.rows);
      const { start, heldSince, missingOnce } = heard.sweeps.at(-1) ?? {};
      assert.deepEqual([start, heldSince, missing, toldRows], [20, 20, [OTHER], rows]);
      assert.equal(missingOnce?.isLast, true);
      assert.ok(heard.sweeps.slice(0, -1).every((one) => (one.start ?? 0) < 20));
      stop();
    },
  ],
  [
    'a lease excludes other processes, is taken by force, and then no longer held',
    async (store, { another }) => {
      const other = await another();
      if (other === undefined) return;
      const lease = await store.lease('sweep');
      assert.equal(await other.lease('sweep'), undefined);
      const taken = await other.lease('sweep', { isForced: true });
      assert.equal(taken?.isHeld(), true);
      await lease?.release();
      assert.equal(await store.lease('sweep'), undefined);
      await taken?.release();
      assert.notEqual(await store.lease('sweep'), undefined);
    },
  ],
  [
    'tail can be ended, and close can be called twice',
    async (store) => {
      const { cursor } = await contents(store);
      const stop = store.tail(cursor, { onChanges() {}, onCaughtUp() {} });
      stop();
      stop();
      await store.close();
      await store.close();
    },
  ],
];
