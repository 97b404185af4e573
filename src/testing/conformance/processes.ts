/** Requirements of every store for several processes: leases, and the changes of other processes. */

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
  allWithoutPositions,
  until,
  type Requirement,
} from './harness.ts';

export const processRequirements: readonly Requirement[] = [
  [
    'gives a lease to one holder, and frees it with its release',
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
    'gives a larger number to each sweep, of every list and process',
    async (store, { another }) => {
      const other = (await another()) ?? store;
      const numbers: (number | undefined)[] = [];
      for (const [index, one] of [store, other, store].entries()) {
        const lease = await one.lease(`sweep ${index}`);
        numbers.push(await lease?.nextSweep(), await lease?.nextSweep());
        await lease?.release();
      }
      for (const [index, number = Number.NaN] of numbers.entries()) {
        assert.ok(number > (numbers[index - 1] ?? 0), `${number} is larger than the number before it`);
      }
    },
  ],
  [
    'gives numbers above that of every saved sweep',
    async (store, { reopen }) => {
      await store.saveSweep('default', sweep(40, [PERSON]));
      const number = await (await store.lease('sweep'))?.nextSweep();
      assert.ok((number ?? 0) > 40);
      const again = await reopen();
      const lease = await again.lease('another');
      assert.ok(((await lease?.nextSweep()) ?? 0) > (number ?? 0), 'a number is given once');
      await again.close();
    },
  ],
  [
    'reports changes of another process once, with their positions, and no own changes',
    async (store, { another }) => {
      const other = await another();
      if (other === undefined) return;
      await other.append([change({ id: 'before' })]);
      const { messages, stop } = await follow(store);
      const [own] = await store.append([change({ id: 'own' })]);
      const theirs = [
        change({ id: 'theirs', text: 'STOP' }),
        act({ id: 'in', direction: 'in', basis: { log: messages.ends[0]?.logId ?? '', position: 1 } }),
      ];
      const results = await other.append([...theirs, change({ id: 'own' })]);
      const more = await other.append([change({ id: 'more' }, OTHER)]);
      await until(() => messages.changes.length >= 3, 'all are reported');
      const last = more[0]?.position ?? Number.NaN;
      await until(() => messages.ends.at(-1)?.position === last, 'the end of the log is reported');
      assert.deepEqual(messages.changes.map(bare), [...theirs.map(bare), change({ id: 'more' }, OTHER)]);
      const { logId } = await contents(other);
      assert.deepEqual(
        messages.changes.map(({ evidence }) => evidence.positions),
        [results[0], results[1], more[0]].map((one) => [{ log: logId, position: one?.position }]),
      );
      assert.ok(last > (own?.position ?? Number.NaN));
      assert.ok(messages.ends.every((end) => end.logId === logId));
      stop();
    },
  ],
  [
    'reports the end of the log even if only this process has written',
    async (store) => {
      if (!store.isShared) return;
      const { messages, stop } = await follow(store);
      const [own] = await store.append([change()]);
      await until(() => messages.ends.at(-1)?.position === own?.position, 'the end is reported');
      assert.deepEqual(messages.changes, []);
      stop();
    },
  ],
  [
    'reports erasures of another process, with the evidence that is left',
    async (store, { another }) => {
      const other = await another();
      if (other === undefined) return;
      const [, second] = await store.append([
        change({ id: 'a', text: 'Ann' }, PERSON, 'alerts'),
        change({ id: 'b', text: 'Ann' }),
        change({ id: 'c', direction: 'in' }, OTHER),
      ]);
      const { logId } = await contents(other);
      const { messages, stop } = await follow(store);
      await other.erase(PERSON, { logId, lists: new Map([['default', second?.position ?? 0]]) });
      await until(() => messages.erased.length > 0, 'the erasure is reported');
      assert.deepEqual(messages.erased, [PERSON]);
      const left = messages.changes.filter(({ evidence }) => evidence.proves !== false);
      assert.deepEqual(allWithoutPositions(left), [change({ id: 'a' }, PERSON, 'alerts')]);
      stop();
    },
  ],
  [
    'reports sweeps of another process: first the numbers, then the sweep',
    async (store, { another }) => {
      const other = await another();
      if (other === undefined) return;
      await store.saveSweep('default', sweep(10, [PERSON]));
      await contents(other);
      const { messages, stop } = await follow(store);
      const rows = [{ msisdn: PERSON, sweep: 20, date: 5 }];
      const numbers = [OTHER];
      const delta = { added: [OTHER], removed: [PERSON] };
      // Sweeps are ordered by their numbers: the clock of the other process may have been set back.
      const fields = { missingOnce: [OTHER], heldMs: 20, rows, delta, ageMs: 1_234, start: 3 };
      assert.equal(await other.saveSweep('default', sweep(20, numbers, fields)), true);
      await until(() => messages.sweeps.some(({ number }) => number === 20), 'the sweep is reported');
      const steps = messages.sweeps.flatMap(({ added, removed }) => [
        ...[...added].map((number) => `+${number}`),
        ...[...removed].map((number) => `-${number}`),
      ]);
      assert.deepEqual(steps.toSorted(), [`+${OTHER}`, `-${PERSON}`].toSorted());
      const missing = messages.sweeps.flatMap(({ missingOnce }) =>
        [...(missingOnce?.numbers ?? [])].map(String),
      );
      assert.deepEqual(
        messages.sweeps.flatMap((one) => one.rows),
        rows,
      );
      const { number, start, ageMs, heldMs, missingOnce } = messages.sweeps.at(-1) ?? {};
      assert.deepEqual([number, start, ageMs, heldMs, missing], [20, 3, 1_234, 20, [OTHER]]);
      assert.equal(missingOnce?.isLast, true);
      assert.ok(messages.sweeps.slice(0, -1).every((one) => one.number < 20));
      stop();
    },
  ],
  [
    'excludes other processes by a lease, until it is taken by force',
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
    'ends a tail twice and closes twice without an error',
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
