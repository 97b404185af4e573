/**
 * The acts of operators and websites: opt out, opt in again, import, erase. Only a proof of the provider or an explicit
 * act of an operator unblocks. Every promise resolves when the change is durable.
 */

import { randomUUID } from 'node:crypto';
import { listName, manualChange, readingOf, readingsOf } from './change-factory.ts';
import type { Clock } from '../clock.ts';
import { GuardError } from '../errors.ts';
import { createImporter, type ImportOptions, type ImportResult, type ImportRow } from './importer.ts';
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
import { numbersToAskAbout, numbersToOptIn, numbersToRelease } from './subscribers.ts';

export type { ImportOptions, ImportResult, ImportRow } from './importer.ts';

/** The result of `resubscribe`. */
export interface Resubscription {
  /** Whether none of the lists that the call was to lift blocks the number any more. */
  readonly released: boolean;
  /** The lists that still block the number, including those that the call was not to lift. */
  readonly stillBlocked: readonly string[];
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

/** The proofs of providers, by provider and number. */
type Proofs = Map<Provider, Map<string, OptInProof>>;

/** Creates the acts of a guard. */
export function createOperatorActions(ports: OperatorActionsPorts): OperatorActions {
  const { reader, lists, journal, config, clock, askManage, closing } = ports;
  const importRows = createImporter(ports);

  function targetName(list: string | undefined): string {
    return list === undefined ? EVERYWHERE : listName(list, lists, config);
  }

  /** Asks the providers of lists to opt numbers in. Resolves when each has proven it, or has nothing to lift. */
  async function askProviders(msisdns: readonly string[], targets: readonly OptOutList[]): Promise<Proofs> {
    const proofs: Proofs = new Map();
    for (const list of targets) {
      const { provider } = list.config;
      if (provider === undefined || proofs.has(provider)) continue;
      const proofsOfProvider = new Map<string, OptInProof>();
      proofs.set(provider, proofsOfProvider);
      const listsOfProvider = targets.filter(({ config: other }) => other.provider === provider);
      for (const msisdn of numbersToAskAbout(msisdns, listsOfProvider)) {
        try {
          const proof = await askManage(list, msisdn);
          if (proof) proofsOfProvider.set(msisdn, proof);
        } catch (error) {
          requireOpen();
          const isUnlisted = listsOfProvider.every(
            ({ ledger }) => ledger.lastStart !== null && !ledger.isListedByProvider(msisdn),
          );
          // If the provider refuses the number itself, and its list is known not to hold it, there is nothing to lift.
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
      const name = targetName(list);
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
      const targets = list === undefined ? lists.all() : [lists.ensure(targetName(list))];
      // The act begins here, or when the store is loaded, and answers what is known by then. A STOP that arrives while
      // the provider is asked is later, so the act does not answer it.
      if (journal.applied === undefined) await journal.opened;
      const basis = journal.applied;
      const numbers = numbersToRelease(reading, targets);
      const proofs = localOnly ? undefined : await askProviders(numbers, targets);
      // One act has one id on all lists and for all numbers that it is about.
      const id = randomUUID();
      const changes = targets.flatMap((target) =>
        numbersToOptIn(target, numbers).map((number): OptOutChange => {
          const { name, provider } = target.config;
          const proof = provider && proofs?.get(provider)?.get(number);
          return manualChange(name, number, { direction: 'in', basis, proof, id }, clock.now());
        }),
      );
      // `wantsBefore` also returns what other processes stored meanwhile, before this process follows it.
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
      return importRows(rows, { list: targetName(list), source, conflicts });
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
