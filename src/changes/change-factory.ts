/**
 * Makes changes out of what people and operators do: which list, which kind of evidence, since when. Nothing is decided
 * about anybody here; the ledger weighs what is made.
 */

import { createHash, randomUUID } from 'node:crypto';
import { ConfigError, GuardError } from '../errors.ts';
import type { Lists } from '../lists/opt-out-lists.ts';
import { numbersOf, type MsisdnReader, type Reading } from '../msisdn/msisdn.ts';
import type { Config } from '../options/guard-options.ts';
import {
  LATEST_TIME,
  type Direction,
  type Evidence,
  type LogPosition,
  type OptInProof,
  type OptOutChange,
} from '../ledger/evidence.ts';
import { EVERYWHERE } from '../ledger/sender-lists.ts';
import type { WebhookChange } from '../webhooks/payload.ts';

/** An act of ours: nothing is decided by its time. */
export interface Act {
  readonly direction: Direction;
  /** The last position of the store's log that this process had applied when the act began. */
  readonly basis?: LogPosition | undefined;
  /** Of an opt-in that the provider's manage endpoint has proven. */
  readonly proof?: OptInProof | undefined;
  readonly reason?: string | undefined;
  /** Left out: an act of its own. */
  readonly id?: string | undefined;
}

/** Dates before this, 2000-01-01, are no dates. */
const EARLIEST_TIME = Date.UTC(2000, 0, 1);

/** @returns an id that is the same whenever the same message is told again, and tells nothing about it. */
function idOf(...parts: readonly (string | number)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 22);
}

/** The state that turns a webhook's event into a change. */
export interface WebhookContext {
  readonly lists: Lists;
  readonly config: Config;
  /** Wall clock, ms UTC. */
  readonly now: number;
  /** Whether the person opted in on that list so short a while ago that a receipt may be older. */
  readonly hasJustOptedIn: (list: string, msisdn: string) => boolean;
}

/**
 * The change that a webhook stands for; `undefined` for an opt-in on a list that does not honour replies.
 *
 * An opt-out at an unknown sender holds everywhere, an opt-in there changes nothing. A receipt may be about a message
 * that was sent before an opt-in: its time is set back by `lagGrace`, and one that arrives within `lagGrace` of an
 * opt-in proves nothing. An opt-out without a date is as late as can be. An opt-in without a date, or dated ahead of
 * our clock by more than `clockSlack`, proves nothing, now or later.
 */
export function inboundChange(news: WebhookChange, context: WebhookContext): OptOutChange | undefined {
  const { lists, config, now } = context;
  const { direction, msisdn, source, messageId, sender, text, isProven } = news;
  const list = sender === undefined ? undefined : lists.nameFor(sender);
  if (direction === 'in') {
    const isHonoured = list !== undefined && lists.get(list)?.config.optInByReply === true;
    if (!isHonoured || !isProven) return undefined;
  }
  const { clockSlack, lagGrace } = config.refresh;
  const name = list ?? EVERYWHERE;
  const told = news.at !== undefined && news.at >= EARLIEST_TIME ? news.at : undefined;
  const isDoubtful =
    direction === 'in'
      ? news.isStale === true || told === undefined || told > now + clockSlack
      : source === 'receipt' && context.hasJustOptedIn(name, msisdn);
  const act = messageId ?? (told === undefined ? randomUUID() : `${msisdn} ${told}`);
  const evidence: Evidence = {
    direction,
    kind: 'told',
    at: told === undefined ? LATEST_TIME : source === 'receipt' ? told - lagGrace : told,
    seenAt: now,
    source,
    id: idOf(source, act, isProven ? 'proven' : 'unproven'),
    // The provider's list may outweigh it later, as far as it says so after this.
    ...(direction === 'in' ? { sweep: lists.ensure(name).ledger.lastBegun } : {}),
    ...(isDoubtful ? { proves: false } : {}),
    ...(messageId === undefined ? {} : { messageId }),
    ...(sender === undefined ? {} : { sender }),
    ...(text === undefined ? {} : { text }),
  };
  return { list: name, msisdn, evidence };
}

/** The change that an operator's or website's act stands for. `now`: wall clock, ms UTC. */
export function manualChange(list: string, msisdn: string, act: Act, now: number): OptOutChange {
  const { direction, basis, proof, reason, id } = act;
  const evidence: Evidence = {
    direction,
    kind: 'act',
    at: now,
    seenAt: now,
    source: 'manual',
    id: id ?? randomUUID(),
    ...(basis === undefined ? {} : { basis }),
    ...(proof === undefined ? {} : { proof }),
    ...(reason === undefined ? {} : { reason }),
  };
  return { list, msisdn, evidence };
}

/**
 * The change that a row of an import stands for. One with a date (ms UTC, the latest instant that its text can mean) is
 * the same opt-out however often the file is imported; one without is an act of its own.
 */
export function importedChange(
  list: string,
  msisdn: string,
  row: { readonly at: number | undefined; readonly reason: string | undefined },
  now: number,
): OptOutChange {
  const { at, reason } = row;
  const change = manualChange(list, msisdn, { direction: 'out', reason }, now);
  if (at === undefined) return change;
  const id = idOf('import', list, msisdn, at);
  return { ...change, evidence: { ...change.evidence, kind: 'stated', at, id } };
}

/** The id of the act that manage proves for a START. */
export const provenStartId = (startId: string): string => idOf('manage', startId);

/**
 * Every number that an input can be read as, the first as it was written.
 *
 * @throws GuardError `invalid_number` where it cannot be read.
 */
export function readingsOf(reader: MsisdnReader, input: unknown): readonly string[] {
  return numbersOf(readingOf(reader, input));
}

/** Reads a number from an input. @throws GuardError `invalid_number` where it cannot be read. */
export function readingOf(reader: MsisdnReader, input: unknown): Reading {
  const reading = reader.read(input);
  if (reading === undefined) throw new GuardError('invalid_number', 'the number cannot be read');
  return reading;
}

/**
 * The name of a list that exists, or that a resolver may name.
 *
 * @throws ConfigError for any other.
 */
export function listName(list: string, lists: Lists, config: Config): string {
  if (
    typeof list === 'string' &&
    list !== '' &&
    (lists.get(list) !== undefined || config.resolve !== undefined)
  )
    return list;
  const known = lists.all().map(({ config: { name } }) => `'${name}'`);
  throw new ConfigError('invalid_option', 'list', `list: expected one of ${known.join(', ')}`);
}
