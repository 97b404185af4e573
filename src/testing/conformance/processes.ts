/** What every store must do: what one process does and another one sees. */

import assert from 'node:assert/strict';
import {
  PERSON,
  OTHER,
  act,
  bare,
  change,
  sweep,
  contents,
  follow,
  plainly,
  until,
  type Requirement,
} from './harness.ts';

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
    'a lease gives a larger number to each sweep, whichever list and process it is of',
    async (store, { another }) => {
      const other = (await another()) ?? store;
      const numbers: (number | undefined)[] = [];
      for (const [index, one] of [store, other, store].entries()) {
        const lease = await one.lease(`sweep ${index}`);
        numbers.push(await lease?.nextSweep(), await lease?.nextSweep());
        await lease?.release();
      }
      for (const [index, number = Number.NaN] of numbers.entries()) {
        assert.ok(number > (numbers[index - 1] ?? 0), `${number} is larger than what came before`);
      }
    },
  ],
  [
    'a lease gives numbers above that of every saved sweep',
    async (store, { reopen }) => {
      await store.saveSweep('default', sweep(40, [PERSON]));
      const number = await (await store.lease('sweep'))?.nextSweep();
      assert.ok((number ?? 0) > 40);
      const again = await reopen();
      const lease = await again.lease('another');
      assert.ok(((await lease?.nextSweep()) ?? 0) > (number ?? 0), 'numbers are not given again');
      await again.close();
    },
  ],
  [
    'what another process appends is told once, where it stands, and what one appended oneself is not',
    async (store, { another }) => {
      const other = await another();
      if (other === undefined) return;
      await other.append([change({ id: 'before' })]);
      const { heard, stop } = await follow(store);
      const [own] = await store.append([change({ id: 'own' })]);
      const theirs = [
        change({ id: 'theirs', text: 'STOP' }),
        act({ id: 'in', direction: 'in', basis: { log: heard.ends[0]?.logId ?? '', position: 1 } }),
      ];
      const results = await other.append([...theirs, change({ id: 'own' })]);
      const more = await other.append([change({ id: 'more' }, OTHER)]);
      await until(() => heard.changes.length >= 3, 'all are told');
      const last = more[0]?.position ?? Number.NaN;
      await until(() => heard.ends.at(-1)?.position === last, 'it is said that there is no more');
      assert.deepEqual(heard.changes.map(bare), [...theirs.map(bare), change({ id: 'more' }, OTHER)]);
      const { logId } = await contents(other);
      assert.deepEqual(
        heard.changes.map(({ evidence }) => evidence.positions),
        [results[0], results[1], more[0]].map((one) => [{ log: logId, position: one?.position }]),
      );
      assert.ok(last > (own?.position ?? Number.NaN));
      assert.ok(heard.ends.every((end) => end.logId === logId));
      stop();
    },
  ],
  [
    'the end of the log is told also if only this process has written',
    async (store) => {
      if (!store.isShared) return;
      const { heard, stop } = await follow(store);
      const [own] = await store.append([change()]);
      await until(() => heard.ends.at(-1)?.position === own?.position, 'the end is told');
      assert.deepEqual(heard.changes, []);
      stop();
    },
  ],
  [
    'what another process erases is told, with what is left of it',
    async (store, { another }) => {
      const other = await another();
      if (other === undefined) return;
      const [, second] = await store.append([
        change({ id: 'a', text: 'Ann' }, PERSON, 'alerts'),
        change({ id: 'b', text: 'Ann' }),
        change({ id: 'c', direction: 'in' }, OTHER),
      ]);
      const { logId } = await contents(other);
      const { heard, stop } = await follow(store);
      await other.erase(PERSON, { logId, lists: new Map([['default', second?.position ?? 0]]) });
      await until(() => heard.erased.length > 0, 'the erasure is told');
      assert.deepEqual(heard.erased, [PERSON]);
      const left = heard.changes.filter(({ evidence }) => evidence.proves !== false);
      assert.deepEqual(plainly(left), [change({ id: 'a' }, PERSON, 'alerts')]);
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
      const rows = [{ msisdn: PERSON, sweep: 20, date: 5 }];
      const numbers = [OTHER];
      const delta = { added: [OTHER], removed: [PERSON] };
      // Sweeps are ordered by their numbers: the clock of the other process may have been set back.
      const told = { missingOnce: [OTHER], heldMs: 20, rows, delta, ageMs: 1_234, start: 3 };
      assert.equal(await other.saveSweep('default', sweep(20, numbers, told)), true);
      await until(() => heard.sweeps.some(({ number }) => number === 20), 'the sweep is told');
      const steps = heard.sweeps.flatMap(({ added, removed }) => [
        ...[...added].map((number) => `+${number}`),
        ...[...removed].map((number) => `-${number}`),
      ]);
      assert.deepEqual(steps.toSorted(), [`+${OTHER}`, `-${PERSON}`].toSorted());
      const missing = heard.sweeps.flatMap(({ missingOnce }) =>
        [...(missingOnce?.numbers ?? [])].map(String),
      );
      assert.deepEqual(
        heard.sweeps.flatMap((one) => one.rows),
        rows,
      );
      const { number, start, ageMs, heldMs, missingOnce } = heard.sweeps.at(-1) ?? {};
      assert.deepEqual([number, start, ageMs, heldMs, missing], [20, 3, 1_234, 20, [OTHER]]);
      assert.equal(missingOnce?.isLast, true);
      assert.ok(heard.sweeps.slice(0, -1).every((one) => one.number < 20));
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
