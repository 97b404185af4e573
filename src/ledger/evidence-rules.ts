/**
 * The record of one number on one list, and the rules that weigh its evidence. Pure. An act beats the opt-outs that the
 * acting process had applied when the act began, and no others. What the provider told us is ordered by the provider's
 * own time. No two clocks are compared, and doubt blocks.
 *
 * A record keeps only the strongest evidence of each kind; evidence-merge.ts selects it. A record may block what the
 * full history would allow, never the reverse.
 */

import type { Evidence, EvidenceKind, EvidenceSource, LogPosition } from './evidence.ts';
import { KINDS, mergeStrongest } from './evidence-merge.ts';
import { comparePositions, positionIn } from './positions.ts';

/** Allowances for inexact dates and for a list that lags. All in ms. */
export interface WeighingOptions {
  /** By how much a message must be newer than the date of an imported row. */
  readonly clockSlackMs: number;
  /** How long the provider's list may lag behind what we know first-hand. */
  readonly lagGraceMs: number;
}

/** A summary of a number's rows in sweeps: the newest sweep and the newest date, each on its own. */
export interface Listed {
  /** Number of the newest sweep that listed it. */
  readonly sweep: number;
  /** Newest date of such a row, ms UTC by the provider's clock; `null` if none had one. */
  readonly date: number | null;
  /**
   * No row was noted, but this sweep may have read one after the opt-in. The next row of this sweep or of a later one
   * replaces the assumption.
   */
  readonly isAssumed?: true;
}

/** The evidence about one number. Immutable. */
export interface NumberRecord {
  /** Opt-outs: the strongest of each kind, ordered by id. */
  readonly outs: readonly Evidence[];
  /** Opt-ins: the strongest of each kind, ordered by id. */
  readonly ins: readonly Evidence[];
  readonly listed: Listed | undefined;
}

/** The times at which this process observed a record, by its monotonic clock (ms). Never stored. */
export interface Observed {
  /**
   * When each opt-in that a later sweep can outweigh was applied here, by id. An opt-in that was loaded from the store
   * is missing.
   */
  readonly appliedAt: ReadonlyMap<string, number>;
  /** When the newest sweep that listed the number began; `-Infinity` if this process does not know. */
  readonly listedBegan: number;
}

/** The record of a number without evidence. */
export const EMPTY_RECORD: NumberRecord = { outs: [], ins: [], listed: undefined };

/** Nothing was observed: everything was loaded. */
export const NOTHING_OBSERVED: Observed = { appliedAt: new Map(), listedBegan: -Infinity };

/**
 * Returns what this process has observed of a record after evidence was merged into it.
 *
 * @param appliedAt when it was merged; `undefined` for evidence that was loaded from the store.
 */
export function observedAfter(
  observed: Observed,
  { ins }: NumberRecord,
  { id, proof, sweep }: Evidence,
  appliedAt: number | undefined,
): Observed {
  const canBeOutweighed = proof !== undefined || sweep !== undefined;
  if (!canBeOutweighed || appliedAt === undefined) return observed;
  const kept = [...observed.appliedAt].filter(([known]) => ins.some((one) => one.id === known));
  return { ...observed, appliedAt: new Map([...kept, [id, appliedAt]]) };
}

/**
 * Adds evidence to a record. Evidence that proves nothing is not added.
 *
 * @returns the same record if the evidence changes nothing; {@link EMPTY_RECORD} in place of `undefined`.
 */
export function mergeEvidence(record: NumberRecord | undefined, evidence: Evidence): NumberRecord {
  const before = record ?? EMPTY_RECORD;
  if (evidence.proves === false) return before;
  const isOut = evidence.direction === 'out';
  // Of a kind that this version does not know, an opt-out blocks as an act does, and an opt-in counts for nothing.
  const isKnown = KINDS.includes(evidence.kind);
  if (!isKnown && !isOut) return before;
  const known = isOut ? before.outs : before.ins;
  const merged = mergeStrongest(known, isKnown ? evidence : { ...evidence, kind: 'act' });
  if (merged === known) return before;
  return isOut ? { ...before, outs: merged } : { ...before, ins: merged };
}

/** Notes in a record that a sweep listed the number. The order in which rows are noted does not matter. */
export function mergeListed(record: NumberRecord, listed: Listed): NumberRecord {
  const { listed: known } = record;
  if (known === undefined) return { ...record, listed };
  // A row of the assumed sweep or of a later one replaces the assumption; an older row does not.
  if (known.isAssumed && listed.sweep >= known.sweep) return { ...record, listed };
  const joined = joinListed(known, listed);
  return { ...record, listed: known.isAssumed ? { ...joined, isAssumed: true } : joined };
}

/** Returns the newest sweep and the newest date of two. */
export function joinListed(a: Listed, b: Listed): Listed {
  const date = a.date === null || b.date === null ? (a.date ?? b.date) : Math.max(a.date, b.date);
  return { sweep: Math.max(a.sweep, b.sweep), date };
}

/**
 * Returns whether an opt-in beats all opt-outs of one kind.
 *
 * An act beats the opt-outs that it had seen: those with a position up to its basis. An opt-out without a position in
 * the log of the basis was not seen. A message is compared by the provider's time, and never beats an act: only an act
 * lifts what an operator or website entered.
 */
function canBeat(
  optIn: Evidence,
  kind: EvidenceKind,
  outs: readonly Evidence[],
  clockSlackMs: number,
): boolean {
  if (optIn.kind === 'told') {
    const slackMs = kind === 'stated' ? clockSlackMs : 0;
    return kind !== 'act' && outs.every(({ at }) => optIn.at > at + slackMs);
  }
  const { basis } = optIn;
  return basis !== undefined && outs.every(({ positions }) => isSeen(positions, basis));
}

function isSeen(positions: readonly LogPosition[] | undefined, basis: LogPosition): boolean {
  const position = positionIn(positions, basis.log);
  return position !== undefined && position <= basis.position;
}

/**
 * Returns the standing opt-outs: those that no opt-in beats. The opt-outs of one kind are beaten only if one opt-in
 * beats all of them.
 */
export function standingOptOuts(
  { outs, ins }: NumberRecord,
  { clockSlackMs }: Pick<WeighingOptions, 'clockSlackMs'>,
): readonly Evidence[] {
  return KINDS.flatMap((kind) => {
    const ofKind = outs.filter((one) => one.kind === kind);
    return ins.some((optIn) => canBeat(optIn, kind, ofKind, clockSlackMs)) ? [] : ofKind;
  });
}

/** Why a number is blocked, by its standing opt-out that was stored last. */
export interface StandingOptOut {
  readonly source: EvidenceSource;
  /** When the person opted out, ms UTC: the provider's time if it is known and not ahead of ours. */
  readonly since: number;
}

/** Returns the standing opt-out that is reported as the reason; `undefined` if none stands. */
export function standingOptOut(
  record: NumberRecord,
  options: Pick<WeighingOptions, 'clockSlackMs'>,
): StandingOptOut | undefined {
  const [last] = standingOptOuts(record, options).toSorted(compareLastStoredFirst);
  return last && { source: last.source, since: sinceOf(last) };
}

/** Returns when the person acted, ms UTC: `at` if it is known and not after `seenAt`, else `seenAt`. */
export function sinceOf({ at, seenAt }: Pick<Evidence, 'at' | 'seenAt'>): number {
  return at <= seenAt ? at : seenAt;
}

/** Orders by position, the largest first. Evidence that is not stored yet comes before the rest. Ids break ties. */
function compareLastStoredFirst(a: Evidence, b: Evidence): number {
  const [[one], [other]] = [a.positions ?? [], b.positions ?? []];
  if (one && other) return comparePositions(other, one) || (a.id < b.id ? -1 : 1);
  return Number(one !== undefined) - Number(other !== undefined) || (a.id < b.id ? -1 : 1);
}

/**
 * Returns what first-hand evidence says about the number: `true` blocks it, `false` releases it even while the provider
 * lists it, `undefined` leaves it to the provider's list. While the provider lists a number, only an act that the
 * manage endpoint has proven releases it, and only until the list outweighs that act.
 */
export function isBlockedByEvidence(
  record: NumberRecord,
  options: WeighingOptions,
  observed: Observed = NOTHING_OBSERVED,
): boolean | undefined {
  if (standingOptOuts(record, options).length > 0) return true;
  const { ins, listed } = record;
  const isReleasing = (optIn: Evidence) =>
    optIn.proof !== undefined && !isOverruled(optIn, listed, observed, options.lagGraceMs);
  return ins.some(isReleasing) ? false : undefined;
}

/**
 * Returns whether the provider's list outweighs a proven act: a row has a later date than manage gave, or a later sweep
 * still listed the number. Such a sweep counts if it began more than `lagGrace` after the act was applied in this
 * process. After a restart the time of the act is not known, so that any later sweep counts.
 */
function isOverruled(
  { id, proof }: Evidence,
  listed: Listed | undefined,
  { appliedAt, listedBegan }: Observed,
  lagGraceMs: number,
): boolean {
  if (listed === undefined || proof === undefined) return false;
  if (listed.date !== null && proof.optInDate !== null && listed.date > proof.optInDate) return true;
  if (listed.sweep <= proof.sweep) return false;
  const applied = appliedAt.get(id);
  return listed.isAssumed === true || applied === undefined || listedBegan > applied + lagGraceMs;
}

/**
 * Returns whether the provider's list has listed the number after a START. If a row had a date, this means that the
 * newest date is not before the START, both by the provider's clock. Otherwise it means that a later sweep than the
 * START knew of listed the number, and began more than `lagGrace` after the START was applied here. If it is not known
 * of which sweeps the START knew or when it was applied, the answer is yes.
 */
export function isListedAfter(
  { id, at, sweep }: Evidence,
  listed: Listed | undefined,
  { appliedAt, listedBegan }: Observed,
  { lagGraceMs }: Pick<WeighingOptions, 'lagGraceMs'>,
): boolean {
  if (listed === undefined) return false;
  if (listed.date !== null) return listed.date >= at;
  if (sweep === undefined) return true;
  if (listed.sweep <= sweep) return false;
  const applied = appliedAt.get(id);
  return applied === undefined || listedBegan > applied + lagGraceMs;
}

/** Returns the opt-out that is the only evidence of a record; `undefined` if there is any other or none. */
export function soleOptOutOf({ outs, ins }: NumberRecord): Evidence | undefined {
  return outs.length === 1 && ins.length === 0 ? outs[0] : undefined;
}

/** Returns all evidence that is kept, in no particular order. */
export function evidenceOf({ outs, ins }: NumberRecord): readonly Evidence[] {
  return [...outs, ...ins];
}

/** Returns when the newest opt-in was first received, ms UTC; `-Infinity` without one. */
export function lastOptInSeenAt({ ins }: NumberRecord): number {
  return ins.reduce((latest, { seenAt }) => Math.max(latest, seenAt), -Infinity);
}
