/**
 * What operators and websites do by hand: opt out, opt in again, import, erase. Nothing in here unblocks without the
 * provider's word or an operator's explicit act, and every promise resolves when the change is durable.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { importedChange, listName, manualChange, readingsOf } from './acts.ts';
import { startTimer, type ActTime, type Clock } from './clock.ts';
import { readTime } from './dates.ts';
import { GuardError, ProviderError } from './errors.ts';
import type { Journal } from './journal.ts';
import { listingOf, type Lists, type OptOutList } from './lists.ts';
import type { MsisdnReader } from './msisdn.ts';
import { flag, isRecord, optional, readFields, refuse, text, withDefault } from './option-fields.ts';
import type { Config } from './options.ts';
import type { OptOutChange } from './optouts/change.ts';
import { EVERYWHERE } from './optouts/senders.ts';
import type { Provider } from './provider/provider.ts';
import { asProviderError } from './provider/reading.ts';

/** What `resubscribe` resolves to. */
export interface Resubscription {
  /** Whether none of the lists it was asked to lift blocks the number any more. */
  readonly released: boolean;
  /** The lists that still block it, those it was not asked to lift included. */
  readonly stillBlocked: readonly string[];
}

/** A row of an import: a number, or an object with one. `at` is when the person opted out: ms UTC, `Date` or ISO 8601. */
export type ImportRow =
  | string
  | number
  | { readonly msisdn: string | number; readonly at?: number | string | Date; readonly reason?: string };

/** What `import` resolves to. */
export interface ImportResult {
  /** Numbers recorded as opted out. */
  readonly added: number;
  /** Numbers that were blocked first-hand already. */
  readonly known: number;
  /** Rows whose number cannot be read, by their place in the input. */
  readonly invalid: readonly { readonly index: number }[];
}

export interface ManualActs {
  optOut(msisdn: unknown, options?: { readonly list?: string; readonly reason?: string }): Promise<void>;
  resubscribe(
    msisdn: unknown,
    options?: { readonly list?: string; readonly localOnly?: boolean },
  ): Promise<Resubscription>;
  import(
    rows: Iterable<ImportRow> | AsyncIterable<ImportRow>,
    options?: { readonly list?: string; readonly source?: string },
  ): Promise<ImportResult>;
  erase(msisdn: unknown): Promise<void>;
}

export interface ManualPorts {
  readonly reader: MsisdnReader;
  readonly lists: Lists;
  readonly journal: Journal;
  readonly config: Config;
  readonly clock: Clock;
  readonly actTime: ActTime;
  /** Aborts when the guard is closed. */
  readonly closing: AbortSignal;
}

/** Rows of an import that are stored together. */
const IMPORT_CHUNK = 1_000;
/** Rows of an import that are read before other work gets its turn. */
const ROWS_PER_TURN = 250;

/** Creates the acts of a guard. */
export function createManualActs({
  reader,
  lists,
  journal,
  config,
  clock,
  actTime,
  closing,
}: ManualPorts): ManualActs {
  function target(list: string | undefined): string {
    return list === undefined ? EVERYWHERE : listName(list, lists, config);
  }

  /** Asks every provider concerned; resolves when each proved it, or has nothing to lift. */
  async function askProviders(msisdns: readonly string[], targets: readonly OptOutList[]): Promise<void> {
    const asked = new Set<Provider>();
    for (const {
      config: { provider },
    } of targets) {
      if (provider?.optIn === undefined || asked.has(provider)) continue;
      asked.add(provider);
      for (const msisdn of msisdns) {
        try {
          await askProvider(provider, msisdn);
        } catch (thrown) {
          requireOpen();
          const error = asProviderError(thrown);
          const isUnlisted = targets
            .filter(({ config: own }) => own.provider === provider)
            .every(({ ledger }) => ledger.lastStart !== null && !ledger.isListedByProvider(msisdn));
          // A number that the provider does not know as one, and is known not to list, it need not lift.
          if (error.code !== 'provider_number_refused' || !isUnlisted) throw error;
        }
      }
    }
  }

  async function askProvider(provider: Provider, msisdn: string): Promise<void> {
    const request = new AbortController();
    const end = () => request.abort(new GuardError('guard_closed', 'the guard was closed'));
    closing.addEventListener('abort', end);
    const { timeout } = config.refresh;
    const cancel = startTimer(
      clock,
      timeout,
      () => request.abort(new ProviderError('provider_timeout', `no answer within ${timeout} ms`)),
      { keepsAlive: true },
    );
    try {
      await new Promise<void>((resolve, reject) => {
        request.signal.addEventListener('abort', () => reject(request.signal.reason as Error));
        (async () => provider.optIn?.(msisdn, { signal: request.signal }))().then(() => resolve(), reject);
      });
    } finally {
      cancel();
      closing.removeEventListener('abort', end);
    }
  }

  function requireOpen(): void {
    if (closing.aborted) throw new GuardError('guard_closed', 'the guard is closed');
  }

  function importChanges(
    row: unknown,
    list: string,
    source: string | undefined,
    now: number,
  ): OptOutChange[] | undefined {
    const { msisdn, at, reason } = isRecord(row) ? row : { msisdn: row };
    const reading = reader.read(msisdn);
    if (reading === undefined) return undefined;
    const numbers =
      reading.alternative === undefined ? [reading.primary] : [reading.primary, reading.alternative];
    const date = dateOf(at, now + config.refresh.clockSlack);
    const { ledger } = lists.ensure(list);
    const told = { direction: 'out', reason: typeof reason === 'string' ? reason : source } as const;
    return numbers
      .filter((number) => date !== undefined || (ledger.listing(number)?.source ?? 'provider') === 'provider')
      .map((number) => importedChange(list, number, { ...told, at: date }, now));
  }

  return {
    async optOut(msisdn, options = {}) {
      const at = actTime.now();
      const { list, reason } = readFields(options, 'options', {
        list: optional(text),
        reason: optional(text),
      });
      requireOpen();
      const name = target(list);
      const act = { direction: 'out', at, reason } as const;
      await journal.record(readingsOf(reader, msisdn).map((number) => manualChange(name, number, act, at)));
    },

    async resubscribe(msisdn, options = {}) {
      // The act counts from here: a STOP that arrives while the provider is asked is newer.
      const at = actTime.now();
      const { list, localOnly } = readFields(options, 'options', {
        list: optional(text),
        localOnly: withDefault(false, flag),
      });
      requireOpen();
      const numbers = readingsOf(reader, msisdn);
      const targets = list === undefined ? lists.all() : [lists.ensure(target(list))];
      if (!localOnly) await askProviders(numbers, targets);
      const act = { direction: 'in', at } as const;
      await journal.record(
        targets.flatMap((to) =>
          numbers.map((number) => manualChange(to.config.name, number, act, actTime.now())),
        ),
      );
      const stillBlocked = lists
        .all()
        .filter((one) => numbers.some((primary) => listingOf([one], primary) !== undefined))
        .map((one) => one.config.name);
      const released = !targets.some((one) => stillBlocked.includes(one.config.name));
      return { released, stillBlocked };
    },

    async import(rows, options = {}) {
      const { list, source } = readFields(options, 'options', {
        list: optional(text),
        source: optional(text),
      });
      requireOpen();
      if (!isIterable(rows)) return refuse('rows', rows, 'an iterable or async iterable of rows');
      const name = target(list);
      const now = actTime.now();
      const invalid: { index: number }[] = [];
      let added = 0;
      let known = 0;
      let index = 0;
      let chunk: OptOutChange[] = [];
      const flush = async () => {
        const isNew = chunk.length === 0 ? [] : await journal.record(chunk);
        added += isNew.filter(Boolean).length;
        known += isNew.filter((one) => !one).length;
        chunk = [];
        await nextTurn();
      };
      for await (const row of rows) {
        const changes = importChanges(row, name, source, now);
        if (changes === undefined) invalid.push({ index });
        else if (changes.length === 0) known++;
        else chunk.push(...changes);
        index++;
        if (chunk.length >= IMPORT_CHUNK || index % IMPORT_CHUNK === 0) await flush();
        else if (index % ROWS_PER_TURN === 0) await nextTurn();
      }
      await flush();
      return { added, known, invalid };
    },

    async erase(msisdn) {
      requireOpen();
      for (const number of readingsOf(reader, msisdn)) await journal.erase(number);
    },
  };
}

function isIterable(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value)
  );
}

/** A number before this, 1973, is more likely in seconds than in ms. */
const EARLIEST_MS = 10 ** 11;

/** A date as ms UTC; `undefined` where it is missing, unreadable, or after `latest`: the row then counts from now. */
function dateOf(value: unknown, latest: number): number | undefined {
  const ms = readTime(value);
  if (ms === undefined || (typeof value === 'number' && ms < EARLIEST_MS)) return undefined;
  return ms <= latest ? ms : undefined;
}
