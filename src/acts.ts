/**
 * Acts of people and operators as changes with their evidence: which list, by whose clock, since when. It decides
 * nothing about anybody; the ledger weighs what is made here.
 */

import { createHash, randomUUID } from 'node:crypto';
import { ConfigError, GuardError } from './errors.ts';
import type { Lists } from './lists.ts';
import type { MsisdnReader } from './msisdn.ts';
import type { Config } from './options.ts';
import type { Evidence, OptOutChange } from './optouts/change.ts';
import { EVERYWHERE } from './optouts/senders.ts';
import type { WebhookNews } from './webhooks/judgement.ts';

/** The time of an act of ours, or `undefined` for now. */
export interface LocalAct {
  readonly direction: Evidence['direction'];
  /** ms UTC; the start of the act. */
  readonly at: number;
  readonly reason?: string | undefined;
}

/** @returns an id that is the same whenever the same message is told again, and tells nothing about it. */
function idOf(...parts: readonly (string | number)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 22);
}

/**
 * The change that a webhook stands for; `undefined` for an opt-in on a list that does not honour replies.
 *
 * An opt-out at an unknown sender holds everywhere, an opt-in there changes nothing. A receipt may be about a message
 * sent before an opt-in, so that its time is set back by `lagGrace`.
 */
export function inboundChange(
  news: WebhookNews,
  lists: Lists,
  config: Config,
  now: number,
): OptOutChange | undefined {
  const { direction, msisdn, source, messageId, sender, text, isProven } = news;
  const list = sender === undefined ? undefined : lists.nameFor(sender);
  if (direction === 'in') {
    const isHonoured = list !== undefined && lists.get(list)?.config.optInByReply === true;
    if (!isHonoured || !isProven) return undefined;
  }
  const { clockSlack, lagGrace } = config.refresh;
  // Cutting a time that is only a little ahead would reorder acts of one second.
  const told = news.at === undefined || news.at > now + clockSlack ? now : news.at;
  const clock = news.at === undefined ? 'local' : 'provider';
  const act = messageId ?? (news.at === undefined ? randomUUID() : `${msisdn} ${news.at}`);
  const evidence: Evidence = {
    direction,
    at: source === 'receipt' ? told - lagGrace : told,
    clock,
    seenAt: now,
    source,
    id: idOf(source, act, isProven ? 'proven' : 'unproven'),
    ...(messageId === undefined ? {} : { messageId }),
    ...(sender === undefined ? {} : { sender }),
    ...(text === undefined ? {} : { text }),
  };
  return { list: list ?? EVERYWHERE, msisdn, evidence };
}

/** The change that an operator's or website's act stands for. */
export function manualChange(
  list: string,
  msisdn: string,
  { direction, at, reason }: LocalAct,
  seenAt: number,
): OptOutChange {
  const evidence: Evidence = {
    direction,
    at,
    clock: 'local',
    seenAt,
    source: 'manual',
    id: randomUUID(),
    ...(reason === undefined ? {} : { reason }),
  };
  return { list, msisdn, evidence };
}

/**
 * The change that a row of an import stands for. One with a date is the same act however often the file is imported;
 * one without counts from `now`.
 */
export function importedChange(
  list: string,
  msisdn: string,
  { direction, at, reason }: Omit<LocalAct, 'at'> & { readonly at: number | undefined },
  now: number,
): OptOutChange {
  const change = manualChange(list, msisdn, { direction, at: at ?? now, reason }, now);
  if (at === undefined) return change;
  return { ...change, evidence: { ...change.evidence, id: idOf('import', list, msisdn, at) } };
}

/**
 * Every number an input can be read as: under a default country both readings.
 *
 * @throws GuardError `invalid_number` where it cannot be read.
 */
export function readingsOf(reader: MsisdnReader, input: unknown): readonly string[] {
  const reading = reader.read(input);
  if (reading === undefined) throw new GuardError('invalid_number', 'the number cannot be read');
  return reading.alternative === undefined ? [reading.primary] : [reading.primary, reading.alternative];
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
