/**
 * What operators and websites do by hand: opt out, opt in again, import, erase. Only the provider's word or an
 * operator's explicit act unblocks, and every promise resolves when the change is durable.
 */

import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { importedChange, listName, manualChange, readingOf, readingsOf } from './change-factory.ts';
import type { Clock } from '../clock.ts';
import { GuardError } from '../errors.ts';
import { createImportRows } from './import-rows.ts';
import type { Journal } from './journal.ts';
import { listingOf, type Lists, type OptOutList } from '../lists/opt-out-lists.ts';
import { isNumberRefused, type ProviderOptIn } from './provider-opt-in.ts';
import { writingsOf, type MsisdnReader } from '../msisdn/msisdn.ts';
import { withoutDecimals } from '../msisdn/notation.ts';
import { flag, oneOf, optional, readFields, refuse, text, withDefault } from '../options/fields.ts';
import type { Config } from '../options/guard-options.ts';
import type { OptInProof, OptOutChange } from '../ledger/evidence.ts';
import { EVERYWHERE } from '../ledger/sender-lists.ts';
import type { Provider } from '../providers/provider.ts';
import { numbersOn, numbersToLift, numbersToRelease } from './subscribers.ts';

/** What `resubscribe` resolves to. */
export interface Resubscription {
  /** Whether none of the lists it was asked to lift blocks the number any more. */
  readonly released: boolean;
  /** The lists that still block it, those it was not asked to lift included. */
  readonly stillBlocked: readonly string[];
}

/**
 * A row of an import: a number, or an object with one. `at` is when the person opted out: a `Date`, ms or seconds UTC, or
 * text in a form that src/dates.ts reads. Text that leaves the moment open means the latest that it can mean.
 */
export type ImportRow =
  | string
  | number
  | {
      readonly msisdn: string | number;
      readonly at?: number | string | Date | undefined;
      readonly reason?: string | undefined;
    };

/** What `import` resolves to. Rows are named by their index in the input. */
export interface ImportResult {
  /** Opt-outs that were recorded. */
  readonly added: number;
  /** Opt-outs that were known: dated rows of an earlier import, and repetitions within this one. */
  readonly known: number;
  /** Rows whose number cannot be read. Nothing was recorded for them. */
  readonly invalid: readonly { readonly index: number }[];
  /** Rows with a date that cannot be read. They were recorded as rows without a date. */
  readonly undated: readonly { readonly index: number }[];
  /**
   * Rows of people who have opted in on that list. Nothing was recorded for them, so that importing an old file does not
   * block people who came back; with `conflicts: 'block'` they were recorded.
   */
  readonly conflicts: readonly { readonly index: number }[];
}

/** Options of `import`. */
export interface ImportOptions {
  /** Default `'*'`, which holds for every sender. */
  readonly list?: string | undefined;
  /** Where the rows come from, kept as the reason of rows that have none. */
  readonly source?: string | undefined;
  /** What to do with rows of people who have opted in on that list. Default `'skip'`. */
  readonly conflicts?: 'skip' | 'block' | undefined;
}

export interface OperatorActions {
  optOut(
    msisdn: unknown,
    options?: { readonly list?: string | undefined; readonly reason?: string | undefined },
  ): Promise<void>;
  resubscribe(
    msisdn: unknown,
    options?: { readonly list?: string | undefined; readonly localOnly?: boolean | undefined },
  ): Promise<Resubscription>;
  import(
    rows: Iterable<ImportRow> | AsyncIterable<ImportRow>,
    options?: ImportOptions,
  ): Promise<ImportResult>;
  erase(msisdn: unknown): Promise<{ readonly pending: boolean }>;
}

export interface OperatorActionsPorts {
  readonly reader: MsisdnReader;
  readonly lists: Lists;
  readonly journal: Journal;
  readonly config: Config;
  readonly clock: Clock;
  readonly askManage: ProviderOptIn;
  /** Aborts when the guard is closed. */
  readonly closing: AbortSignal;
}

/** Rows of an import that are stored together. */
const IMPORT_CHUNK = 1_000;
/** Rows of an import that are read before other work gets its turn. */
const ROWS_PER_TURN = 250;

/** Creates the acts of a guard. */
export function createOperatorActions({
  reader,
  lists,
  journal,
  config,
  clock,
  askManage,
  closing,
}: OperatorActionsPorts): OperatorActions {
  function target(list: string | undefined): string {
    return list === undefined ? EVERYWHERE : listName(list, lists, config);
  }

  /** What providers said about numbers, by provider and number. */
  type Proofs = Map<Provider, Map<string, OptInProof>>;

  /** Asks every provider concerned. Resolves when each proved it, or has nothing to lift. */
  async function askProviders(msisdns: readonly string[], targets: readonly OptOutList[]): Promise<Proofs> {
    const proofs: Proofs = new Map();
    for (const list of targets) {
      const { provider } = list.config;
      if (provider === undefined || proofs.has(provider)) continue;
      const ofProvider = new Map<string, OptInProof>();
      proofs.set(provider, ofProvider);
      const kept = targets.filter(({ config: own }) => own.provider === provider);
      for (const msisdn of numbersToLift(msisdns, kept)) {
        try {
          const proof = await askManage(list, msisdn);
          if (proof) ofProvider.set(msisdn, proof);
        } catch (error) {
          requireOpen();
          const isUnlisted = kept.every(
            ({ ledger }) => ledger.lastStart !== null && !ledger.isListedByProvider(msisdn),
          );
          // A number that the provider does not know as one, and is known not to list, needs no lifting there.
          if (!isNumberRefused(error) || !isUnlisted) throw error;
        }
      }
    }
    return proofs;
  }

  function requireOpen(): void {
    if (closing.aborted) throw new GuardError('guard_closed', 'the guard is closed');
  }

  return {
    async optOut(msisdn, options = {}) {
      const { list, reason } = readFields(options, 'optOut', {
        list: optional(text),
        reason: optional(text),
      });
      requireOpen();
      const name = target(list);
      const act = { direction: 'out', reason, id: randomUUID() } as const;
      const now = clock.now();
      const numbers = readingsOf(reader, withoutDecimals(msisdn));
      await journal.record(numbers.map((number) => manualChange(name, number, act, now)));
    },

    async resubscribe(msisdn, options = {}) {
      const { list, localOnly } = readFields(options, 'resubscribe', {
        list: optional(text),
        localOnly: withDefault(false, flag),
      });
      requireOpen();
      const reading = readingOf(reader, msisdn);
      const targets = list === undefined ? lists.all() : [lists.ensure(target(list))];
      // The act begins here, or when the store is loaded: it answers what is known by now. A STOP that arrives while
      // the provider is asked is not among that.
      if (journal.applied === undefined) await journal.opened;
      const basis = journal.applied;
      const numbers = numbersToRelease(reading, targets);
      const proofs = localOnly ? undefined : await askProviders(numbers, targets);
      // One act has one id, whatever lists and readings of the number it is about.
      const id = randomUUID();
      const changes = targets.flatMap((to) =>
        numbersOn(to, numbers).map((number): OptOutChange => {
          const { name, provider } = to.config;
          const proof = provider && proofs?.get(provider)?.get(number);
          return manualChange(name, number, { direction: 'in', basis, proof, id }, clock.now());
        }),
      );
      // What other processes stored meanwhile shows in the write, before it is read.
      await journal.record(changes, { wantsBefore: true });
      const stillBlocked = lists
        .all()
        .filter((one) => writingsOf(reading).some((number) => listingOf([one], number) !== undefined))
        .map((one) => one.config.name);
      const released = !targets.some((one) => stillBlocked.includes(one.config.name));
      return { released, stillBlocked };
    },

    async import(rows, options = {}) {
      const { list, source, conflicts } = readFields(options, 'import', {
        list: optional(text),
        source: optional(text),
        conflicts: withDefault('skip' as const, oneOf(['skip', 'block'])),
      });
      requireOpen();
      if (!isIterable(rows)) return refuse('rows', rows, 'an iterable or async iterable of rows');
      const name = target(list);
      await journal.opened;
      const { ledger } = lists.ensure(name);
      const { clockSlack } = config.refresh;
      const read = createImportRows({ reader, ledger, source, conflicts, clock, clockSlackMs: clockSlack });
      let added = 0;
      let index = 0;
      let chunk: OptOutChange[] = [];
      const flush = async () => {
        const results = chunk.length === 0 ? [] : await journal.record(chunk);
        added += results.filter(({ isNew }) => isNew).length;
        read.known += results.filter(({ isNew }) => !isNew).length;
        chunk = [];
        await nextTurn();
      };
      for await (const row of rows) {
        const now = clock.now();
        for (const found of read.row(row, index)) chunk.push(importedChange(name, found.msisdn, found, now));
        index++;
        if (chunk.length >= IMPORT_CHUNK || index % IMPORT_CHUNK === 0) await flush();
        else if (index % ROWS_PER_TURN === 0) await nextTurn();
      }
      await flush();
      const { known, invalid, undated, conflicts: left } = read;
      return { added, known, invalid, undated, conflicts: left };
    },

    async erase(msisdn) {
      requireOpen();
      let pending = false;
      for (const number of writingsOf(readingOf(reader, msisdn))) {
        pending = (await journal.erase(number)).pending || pending;
      }
      return { pending };
    },
  };
}

function isIterable(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value)
  );
}
