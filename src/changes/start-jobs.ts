/**
 * Asks the provider after a START: on a list that honours replies, only the provider's manage endpoint releases a
 * number that the provider's list holds. The START was stored and its webhook answered before. The act that manage
 * proves has the START's position as its basis, so that it lifts nothing that was stored after the START; everything
 * before it is read first. A START lifts no row of the provider's list that is newer than it. The ledger shows which
 * STARTs are open, so that the provider is asked again after a restart.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { manualChange, provenStartId } from './change-factory.ts';
import { startTimer } from '../clock.ts';
import type { Journal } from './journal.ts';
import type { Lists, OptOutList } from '../lists/opt-out-lists.ts';
import { isNumberRefused, type ProviderOptIn } from './provider-opt-in.ts';
import type { Config } from '../options/guard-options.ts';
import type { LogPosition } from '../ledger/evidence.ts';
import { positionIn } from '../ledger/positions.ts';

export interface StartJobs {
  /** Asks the provider about a person's START, if there is an open one. */
  follow(list: string, msisdn: string): void;
  /** Asks the provider about every open START. */
  resume(): Promise<void>;
  /** Ends all jobs. */
  stop(): void;
}

export interface StartJobsPorts {
  readonly lists: Lists;
  readonly journal: Journal;
  readonly config: Config;
  readonly askManage: ProviderOptIn;
  readonly isClosed: () => boolean;
  readonly onError: (error: unknown) => void;
}

/** A START that the provider was not asked about yet, or without success. */
interface OpenStart {
  readonly id: string;
  /** Its position in the current log. */
  readonly position: LogPosition;
  /** Whether every entry before it in the log was read. */
  readonly isReadUpTo: boolean;
}

/** First wait after a failure, ms. It doubles up to the longest. */
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 900_000;
/** The most jobs at a time. The next `resume` finds the STARTs that are beyond it. */
const MAX_JOBS = 1_000;
/** The most requests to providers at a time. */
const MAX_REQUESTS = 4;
/** Records that are searched before other work gets its turn. */
const RECORDS_PER_TURN = 1_000;

/** A job for one number on one list. */
type Job =
  /** It waits for its turn, or asks the provider. */
  | { readonly kind: 'active' }
  /** It waits for its next try. */
  | { readonly kind: 'waiting'; readonly cancel: () => void };

/** Creates the jobs of a guard. None is started. */
export function createStartJobs(ports: StartJobsPorts): StartJobs {
  const { lists, journal, config, askManage, isClosed, onError } = ports;
  const jobs = new Map<string, Job>();
  const queue: (() => Promise<void>)[] = [];
  let requests = 0;

  /** The person's open START on a list; `undefined` if there is none any more. */
  function openStart({ config: own, ledger }: OptOutList, msisdn: string): OpenStart | undefined {
    if (!own.optInByReply || own.provider?.optIn === undefined) return undefined;
    if (!ledger.isListedByProvider(msisdn) || !ledger.blocks(msisdn)) return undefined;
    const start = ledger
      .evidence(msisdn)
      .find(({ direction, kind }) => direction === 'in' && kind === 'told');
    const { applied } = journal;
    if (start === undefined || applied === undefined) return undefined;
    const position = positionIn(start.positions, applied.log);
    // The START has to answer every opt-out by itself: manage lifts only what the provider's list says.
    if (position === undefined || !ledger.isAnsweredBy(msisdn, start)) return undefined;
    if (ledger.evidence(msisdn).some(({ id }) => id === provenStartId(start.id))) return undefined;
    const isReadUpTo = position <= applied.position;
    return { id: start.id, position: { log: applied.log, position }, isReadUpTo };
  }

  /**
   * Asks the provider once.
   *
   * @returns whether the job is done; if not, entries of other processes have to be read first.
   */
  async function ask(list: OptOutList, msisdn: string): Promise<boolean> {
    const before = openStart(list, msisdn);
    if (!before?.isReadUpTo) return before === undefined;
    const proof = await askManage(list, msisdn);
    // Something may have arrived while the provider was asked.
    const start = openStart(list, msisdn);
    if (start === undefined || proof === undefined) return true;
    if (!start.isReadUpTo) return false;
    const act = {
      direction: 'in',
      basis: start.position,
      proof,
      id: provenStartId(start.id),
      reason: 'START, proven by the provider',
    } as const;
    await journal.record([manualChange(list.config.name, msisdn, act, config.clock.now())]);
    return true;
  }

  function runQueued(): void {
    while (requests < MAX_REQUESTS) {
      const run = queue.shift();
      if (run === undefined) return;
      requests++;
      void run().finally(() => {
        requests--;
        runQueued();
      });
    }
  }

  /** Queues a job. @param waitMs how long to wait after a failure of this try. */
  function enqueue(key: string, list: OptOutList, msisdn: string, waitMs: number): void {
    const run = async (): Promise<void> => {
      try {
        if (await ask(list, msisdn)) jobs.delete(key);
        else retryAfter(FIRST_WAIT_MS);
      } catch (error) {
        if (isClosed()) return;
        onError(error);
        if (isNumberRefused(error)) jobs.delete(key);
        else retryAfter(waitMs);
      }
    };
    const retryAfter = (ms: number): void => {
      if (isClosed()) return;
      const cancel = startTimer(config.clock, ms, () => {
        enqueue(key, list, msisdn, Math.min(ms * 2, LONGEST_WAIT_MS));
      });
      jobs.set(key, { kind: 'waiting', cancel });
    };
    jobs.set(key, { kind: 'active' });
    queue.push(run);
    runQueued();
  }

  function follow(name: string, msisdn: string): void {
    const list = lists.get(name);
    const key = `${msisdn} ${name}`;
    if (list === undefined || jobs.has(key) || jobs.size >= MAX_JOBS || isClosed()) return;
    if (openStart(list, msisdn) !== undefined) enqueue(key, list, msisdn, FIRST_WAIT_MS);
  }

  return {
    follow,
    async resume() {
      let searched = 0;
      for (const { config: own, ledger } of lists.all()) {
        if (!own.optInByReply || own.provider?.optIn === undefined) continue;
        for (const [msisdn] of ledger.otherRecords()) {
          follow(own.name, msisdn);
          if (++searched % RECORDS_PER_TURN === 0) await nextTurn();
        }
      }
    },
    stop() {
      for (const job of jobs.values()) if (job.kind === 'waiting') job.cancel();
      jobs.clear();
      queue.length = 0;
    },
  };
}
