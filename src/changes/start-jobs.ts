/**
 * Follows a START up to the provider: on a list that honours replies, a number that the provider's list holds is
 * released by its manage endpoint alone. The START was stored and answered before. The act that manage proves has the
 * START's position as its basis, so that it lifts nothing that came after the START; what came before it is read first.
 * A START lifts no row of the provider's list that is newer than it. What has to be asked is seen from the ledger, so
 * that it is asked again after a restart.
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
  /** Asks the provider about the person's START, if it has to be asked. */
  follow(list: string, msisdn: string): void;
  /** Looks for every START that has to be followed up. */
  resume(): Promise<void>;
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

/** A START that the provider has to be asked about. */
interface OpenStart {
  readonly id: string;
  /** Its position in the present log. */
  readonly position: LogPosition;
  /** Whether everything that stands before it in the log was read. */
  readonly isReadUpTo: boolean;
}

/** First wait after a failure, ms; it doubles up to the cap. */
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 900_000;
/** Jobs at once; further ones are found again by the next `resume`. */
const MOST_JOBS = 1_000;
/** Numbers that are asked about at the same time. */
const MOST_AT_ONCE = 4;
const RECORDS_PER_TURN = 1_000;

/** Creates it. */
export function createStartJobs(ports: StartJobsPorts): StartJobs {
  const { lists, journal, config, askManage, isClosed, onError } = ports;
  const jobs = new Map<string, { cancel: () => void }>();
  const ready: (() => Promise<void>)[] = [];
  let running = 0;

  /** The START that the provider has to be asked about; `undefined` if there is none, or no longer. */
  function openStart({ config: own, ledger }: OptOutList, msisdn: string): OpenStart | undefined {
    if (!own.optInByReply || own.provider?.optIn === undefined) return undefined;
    if (!ledger.isListedByProvider(msisdn) || !ledger.blocks(msisdn)) return undefined;
    const start = ledger
      .evidence(msisdn)
      .find(({ direction, kind }) => direction === 'in' && kind === 'told');
    const { applied } = journal;
    if (start === undefined || applied === undefined) return undefined;
    const position = positionIn(start.positions, applied.log);
    // It has to answer every opt-out by itself: manage lifts the provider's word and nothing else.
    if (position === undefined || !ledger.isAnsweredBy(msisdn, start)) return undefined;
    if (ledger.evidence(msisdn).some(({ id }) => id === provenStartId(start.id))) return undefined;
    const isReadUpTo = position <= applied.position;
    return { id: start.id, position: { log: applied.log, position }, isReadUpTo };
  }

  /** @returns whether nothing is left to be done; else other processes' entries have to be read first. */
  async function attempt(list: OptOutList, msisdn: string): Promise<boolean> {
    const asked = openStart(list, msisdn);
    if (!asked?.isReadUpTo) return asked === undefined;
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

  function pump(): void {
    while (running < MOST_AT_ONCE) {
      const next = ready.shift();
      if (next === undefined) return;
      running++;
      void next().finally(() => {
        running--;
        pump();
      });
    }
  }

  function enqueue(key: string, list: OptOutList, msisdn: string, wait: number): void {
    const run = async (): Promise<void> => {
      try {
        if (await attempt(list, msisdn)) jobs.delete(key);
        else retry(FIRST_WAIT_MS);
      } catch (error) {
        if (isClosed()) return;
        onError(error);
        if (isNumberRefused(error)) jobs.delete(key);
        else retry(wait);
      }
    };
    const retry = (pause: number): void => {
      if (isClosed()) return;
      const cancel = startTimer(config.clock, pause, () => {
        enqueue(key, list, msisdn, Math.min(pause * 2, LONGEST_WAIT_MS));
      });
      jobs.set(key, { cancel });
    };
    jobs.set(key, { cancel: () => undefined });
    ready.push(run);
    pump();
  }

  function follow(name: string, msisdn: string): void {
    const list = lists.get(name);
    const key = `${msisdn} ${name}`;
    if (list === undefined || jobs.has(key) || jobs.size >= MOST_JOBS || isClosed()) return;
    if (openStart(list, msisdn) !== undefined) enqueue(key, list, msisdn, FIRST_WAIT_MS);
  }

  return {
    follow,
    async resume() {
      let looked = 0;
      for (const { config: own, ledger } of lists.all()) {
        if (!own.optInByReply || own.provider?.optIn === undefined) continue;
        for (const [msisdn] of ledger.otherRecords()) {
          follow(own.name, msisdn);
          if (++looked % RECORDS_PER_TURN === 0) await nextTurn();
        }
      }
    },
    stop() {
      for (const { cancel } of jobs.values()) cancel();
      jobs.clear();
      ready.length = 0;
    },
  };
}
