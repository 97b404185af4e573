/**
 * A store of the second edition that several guards of one test share, each through a handle of its own: one log, whose
 * entries other handles hear of when the test says so. It can be lost.
 */

import type { OptOutChange, Store, StoreNews } from '../src/index.ts';
import { memoryStore } from '../src/index.ts';

type TailHandlers = Parameters<Store['tail']>[1];

export interface SharedLog {
  /** A handle for one guard. */
  handle(): Store;
  /** Lets every handle hear of everything. */
  deliver(): Promise<void>;
  /** Empties the log: another one, under another name, takes its place. */
  lose(): void;
  /** All entries, in the order of the log. */
  entries(): Promise<readonly OptOutChange[]>;
  /** Whether every write fails. */
  isBroken: boolean;
}

export function createSharedLog(): SharedLog {
  let inner = memoryStore();
  let generation = 1;
  let sweepNumber = 0;
  const handles = new Set<{ tail?: TailHandlers; heard: number }>();

  async function entries(): Promise<readonly OptOutChange[]> {
    const { changes, logId: innerLog } = await inner.load();
    innerLogs.set(innerLog, logId());
    const all: OptOutChange[] = [];
    for await (const one of changes) all.push(...[one].flat());
    const named = all.map(({ evidence, ...change }) => ({ ...change, evidence: renamed(evidence) }));
    return named.toSorted((a, b) => positionOf(a) - positionOf(b));
  }

  /** Logs of memory stores have random names; those of a store sort by age. */
  const logId = () => `log ${generation}`;
  const innerLogs = new Map<string, string>();
  function renamed(evidence: OptOutChange['evidence']): OptOutChange['evidence'] {
    const positions = evidence.positions?.map(({ log, position }) => ({
      log: innerLogs.get(log) ?? log,
      position,
    }));
    return { ...evidence, ...(positions ? { positions } : {}) };
  }
  const positionOf = ({ evidence: { positions } }: OptOutChange) =>
    positions?.find(({ log }) => log === logId())?.position ?? 0;

  const shared: SharedLog = {
    isBroken: false,
    handle() {
      const own: { tail?: TailHandlers; heard: number } = { heard: 0 };
      handles.add(own);
      return {
        ...inner,
        isShared: true,
        async load() {
          const contents = await inner.load();
          own.heard = contents.position;
          return { ...contents, changes: await entries(), logId: logId() };
        },
        async append(changes, options) {
          if (shared.isBroken) throw new Error('down');
          const results = await inner.append(changes, options);
          await entries();
          return results.map(({ before, ...one }) => ({
            ...{ ...one, logId: logId() },
            ...(before ? { before: before.map(renamed) } : {}),
          }));
        },
        saveSweep: (...sweep) => inner.saveSweep(...sweep),
        history: async (msisdn) => (await entries()).filter((one) => one.msisdn === msisdn),
        erase: (...given) => inner.erase(...given),
        async lease() {
          return { nextSweep: async () => ++sweepNumber, isHeld: () => true, release: async () => undefined };
        },
        tail(_since, handlers) {
          own.tail = handlers;
          return () => delete own.tail;
        },
      };
    },
    async deliver() {
      const all = await entries();
      const position = all.length === 0 ? 0 : positionOf(all.at(-1) as OptOutChange);
      for (const own of handles) {
        const changes = all.filter((one) => positionOf(one) > own.heard);
        own.heard = position;
        const news: StoreNews = { changes, sweeps: [], erased: [], cursor: '', logId: logId(), position };
        own.tail?.onChanges(news);
        own.tail?.onCaughtUp({ logId: logId(), position });
      }
    },
    lose() {
      inner = memoryStore();
      generation++;
      for (const own of handles) own.heard = 0;
    },
    entries,
  };
  return shared;
}
