/**
 * Makes changes from webhooks, operators' acts and imported rows: on which list, with which kind of evidence, since
 * when. Nothing is decided here; the ledger weighs the evidence.
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

/** An act of an operator or a website. Its time decides nothing. */
export interface Act {
  readonly direction: Direction;
  /** The last position of the store's log that this process had applied when the act began. */
  readonly basis?: LogPosition | undefined;
  /** Only of an opt-in that the provider's manage endpoint has proven. */
  readonly proof?: OptInProof | undefined;
  readonly reason?: string | undefined;
  /** Default: a new random id, for an act that has one change. */
  readonly id?: string | undefined;
}

/** Dates before 2000-01-01 count as no date, ms UTC. */
const EARLIEST_TIME = Date.UTC(2000, 0, 1);

/** An id for the parts: the same parts always have the same id, and the id does not reveal them. */
function idOf(...parts: readonly (string | number)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 22);
}

/** The context in which a webhook's event becomes a change. */
export interface WebhookContext {
  readonly lists: Lists;
  readonly config: Config;
  /** Wall clock, ms UTC. */
  readonly now: number;
  /** Whether the person opted in on that list so recently that a receipt may be about an older message. */
  readonly hasJustOptedIn: (list: string, msisdn: string) => boolean;
}

/**
 * The change that a webhook's event makes; `undefined` for an opt-in that is unproven, or on a list that does not
 * honour replies.
 *
 * An opt-out at an unknown sender goes to the list `'*'`; an opt-in there changes nothing. A receipt may be about a
 * message that was sent before an opt-in: its time is set back by `lagGrace`, and a receipt that arrives within
 * `lagGrace` after an opt-in proves nothing. An opt-out without a date gets the latest possible one. An opt-in without
 * a date, or dated ahead of our clock by more than `clockSlack`, proves nothing, now or later.
 */
export function inboundChange(event: WebhookChange, context: WebhookContext): OptOutChange | undefined {
  const { lists, config, now } = context;
  const { direction, msisdn, source, messageId, sender, text, reason, isProven } = event;
  const list = sender === undefined ? undefined : lists.nameFor(sender);
  if (direction === 'in') {
    const isHonoured = list !== undefined && lists.get(list)?.config.optInByReply === true;
    if (!isHonoured || !isProven) return undefined;
  }
  const { clockSlack, lagGrace } = config.refresh;
  const name = list ?? EVERYWHERE;
  const at = event.at !== undefined && event.at >= EARLIEST_TIME ? event.at : undefined;
  const isDoubtful =
    direction === 'in'
      ? event.isStale === true || at === undefined || at > now + clockSlack
      : source === 'receipt' && context.hasJustOptedIn(name, msisdn);
  const key = messageId ?? (at === undefined ? randomUUID() : `${msisdn} ${at}`);
  const evidence: Evidence = {
    direction,
    kind: 'told',
    at: at === undefined ? LATEST_TIME : source === 'receipt' ? at - lagGrace : at,
    seenAt: now,
    source,
    id: idOf(source, key, isProven ? 'proven' : 'unproven'),
    // For rows without a date: only a sweep that begins after this one can outweigh the opt-in.
    ...(direction === 'in' ? { sweep: lists.ensure(name).ledger.lastBegun } : {}),
    ...(isDoubtful ? { proves: false } : {}),
    ...(messageId === undefined ? {} : { messageId }),
    ...(sender === undefined ? {} : { sender }),
    ...(text === undefined ? {} : { text }),
    ...(reason === undefined ? {} : { reason }),
  };
  return { list: name, msisdn, evidence };
}

/** The change that an act of an operator or a website makes. `now` is the wall clock, ms UTC. */
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
 * The change that a row of an import makes. A row with a date (ms UTC, the latest instant that its text can mean) is
 * the same opt-out however often its file is imported; a row without a date is an act of its own.
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

/** The id of the act that the manage endpoint proves for a START. */
export const provenStartId = (startId: string): string => idOf('manage', startId);

/**
 * Every number that an input can be read as. The first is the number as it was written.
 *
 * @throws GuardError `invalid_number` if it cannot be read
 */
export function readingsOf(reader: MsisdnReader, input: unknown): readonly string[] {
  return numbersOf(readingOf(reader, input));
}

/** Reads an input as a number. @throws GuardError `invalid_number` if it cannot be read */
export function readingOf(reader: MsisdnReader, input: unknown): Reading {
  const reading = reader.read(input);
  if (reading === undefined) throw new GuardError('invalid_number', 'the number cannot be read');
  return reading;
}

/**
 * Checks the name of a list: the list must exist, unless a resolver can name lists. @returns the name.
 *
 * @throws ConfigError for any other
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
