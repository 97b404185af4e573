/**
 * The evidence about one number on one list, and the rules that weigh it. Pure. An act answers what the acting process
 * had seen when the act began, and nothing else. What the provider told is ordered by the provider's own time. No two
 * clocks are compared, and doubt blocks.
 *
 * A record keeps only the strongest evidence of each kind. Merging is commutative, associative and idempotent, so that
 * processes and replays may meet in any order. It may block what the full history would allow, never the reverse.
 */

import type { Evidence, EvidenceKind, EvidenceSource, LogPosition, OptInProof } from './evidence.ts';
import { comparePositions, joinPositions, positionIn } from './positions.ts';

/** How a date without a zone and a lagging provider are allowed for. All in ms. */
export interface WeighingOptions {
  /** By how much a message must be newer than the date of an imported row. */
  readonly clockSlackMs: number;
  /** How long the provider's list may lag behind what we know first-hand. */
  readonly lagGraceMs: number;
}

/** What sweeps said about the number. */
export interface Listed {
  /** Number of the newest sweep that listed it. */
  readonly sweep: number;
  /** Newest date of such a row, ms UTC by the provider's clock; `null` if none had one. */
  readonly date: number | null;
  /** No row was seen, but that sweep may have read one after the opt-in. The next row takes its place. */
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

/** What this process itself observed of a record, by its monotonic clock (ms). Never stored. */
export interface Observed {
  /** When each opt-in that a later sweep can outweigh was applied here, by id. One that was loaded is missing. */
  readonly appliedAt: ReadonlyMap<string, number>;
  /** When the newest sweep that listed the number began; `-Infinity` if this process does not know. */
  readonly listedBegan: number;
}

/** Nothing was observed: everything was loaded. */
export const NOTHING_OBSERVED: Observed = { appliedAt: new Map(), listedBegan: -Infinity };

/** A number that nothing is known about. */
export const EMPTY_RECORD: NumberRecord = { outs: [], ins: [], listed: undefined };

/**
 * Adds evidence to a record.
 *
 * @returns the same record if the evidence changes nothing; `record` itself is never undefined then.
 */
export function mergeEvidence(record: NumberRecord | undefined, evidence: Evidence): NumberRecord {
  const before = record ?? EMPTY_RECORD;
  if (evidence.proves === false) return before;
  const isOut = evidence.direction === 'out';
  // A kind that this version does not know: an opt-out of it blocks as an act does, an opt-in of it counts for nothing.
  const isKnown = KINDS.includes(evidence.kind);
  if (!isKnown && !isOut) return before;
  const known = isOut ? before.outs : before.ins;
  const merged = mergeInto(known, isKnown ? evidence : { ...evidence, kind: 'act' });
  if (merged === known) return before;
  return isOut ? { ...before, outs: merged } : { ...before, ins: merged };
}

function mergeInto(known: readonly Evidence[], evidence: Evidence): readonly Evidence[] {
  const same = known.find(({ id }) => id === evidence.id);
  const joined = same === undefined ? evidence : joinSame(same, evidence);
  if (joined === same) return known;
  const all = [...known.filter((one) => one !== same), joined];
  const kept = evidence.direction === 'out' ? strongestOuts(all) : strongestIns(all);
  // Evidence that is weaker than what is kept leaves the record as it is.
  const isAsBefore = kept.length === known.length && known.every((one) => kept.includes(one));
  return isAsBefore ? known : kept.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

/** One id is one piece of evidence: the copy that was stored first counts, with every position that is known of it. */
function joinSame(one: Evidence, other: Evidence): Evidence {
  const first = compareStored(one, other) <= 0 ? one : other;
  const positions = joinPositions(first.positions, (first === one ? other : one).positions);
  if (positions.length === 0 || positions === first.positions) return first;
  return { ...first, positions };
}

/** Orders two copies of one piece of evidence: what is in a log comes first, then the earlier position there. */
function compareStored(one: Evidence, other: Evidence): number {
  for (const { log, position } of one.positions ?? []) {
    const otherPosition = positionIn(other.positions, log);
    if (otherPosition !== undefined && otherPosition !== position) return position - otherPosition;
  }
  const byLogs = (other.positions?.length ?? 0) - (one.positions?.length ?? 0);
  if (byLogs !== 0) return byLogs;
  // Neither was first as far as is known: the copy that blocks more.
  return one.direction === 'out' ? other.at - one.at : one.at - other.at;
}

/** The items that are the largest in any of several respects. */
function largestBy(
  all: readonly Evidence[],
  respects: readonly ((a: Evidence, b: Evidence) => number)[],
): readonly Evidence[] {
  const kept = new Set<Evidence>();
  for (const compare of respects) {
    const largest = all.reduce<Evidence | undefined>((best, one) => {
      if (best === undefined) return one;
      // Ties are broken by id, so that the order of arrival does not matter.
      const order = compare(one, best) || (one.id < best.id ? 1 : -1);
      return order > 0 ? one : best;
    }, undefined);
    if (largest) kept.add(largest);
  }
  return [...kept];
}

const KINDS: readonly EvidenceKind[] = ['told', 'stated', 'act'];

/**
 * The opt-outs that no other outweighs: the newest by time and by position. Apart by the logs that they stand in: only
 * positions of the same logs can be compared.
 */
function strongestOuts(outs: readonly Evidence[]): readonly Evidence[] {
  return KINDS.flatMap((kind) => {
    const byLogs = new Map<string, Evidence[]>();
    for (const one of outs) {
      if (one.kind !== kind) continue;
      const logs = JSON.stringify(one.positions?.map(({ log }) => log) ?? []);
      byLogs.set(logs, [...(byLogs.get(logs) ?? []), one]);
    }
    return [...byLogs.values()].flatMap((group) => {
      const logs = group[0]?.positions?.map(({ log }) => log) ?? [];
      const byTime = kind === 'act' ? bySeen : byAt;
      return largestBy(group, [byTime, ...logs.map(byPositionIn)]);
    });
  });
}

const byAt = (a: Evidence, b: Evidence) => a.at - b.at;
/** Of acts that were not stored only one is needed, any of them. */
const bySeen = (a: Evidence, b: Evidence) => a.seenAt - b.seenAt;
const byPositionIn = (log: string) => (a: Evidence, b: Evidence) =>
  (positionIn(a.positions, log) as number) - (positionIn(b.positions, log) as number);

function strongestIns(ins: readonly Evidence[]): readonly Evidence[] {
  const told = ins.filter(({ kind }) => kind === 'told');
  const acts = ins.filter(({ kind }) => kind !== 'told');
  const proven = acts.filter(({ proof }) => proof !== undefined);
  const unproven = acts.filter(({ proof }) => proof === undefined);
  const strongest = new Set([
    ...largestBy(told, [byAt]),
    ...largestByLog(unproven),
    ...largestByLog(proven),
    ...largestBy(proven, [byOptInDate, bySweep]),
  ]);
  return [...strongest];
}

/** The acts with the largest basis in each log: an act of one log may answer what no act of another can. */
function largestByLog(acts: readonly Evidence[]): readonly Evidence[] {
  const logs = new Set(acts.map(({ basis }) => basis?.log));
  return [...logs].flatMap((log) => {
    const ofLog = acts.filter(({ basis }) => basis?.log === log);
    return largestBy(ofLog, [byBasis]);
  });
}

/** Of one log, or without a basis. */
const byBasis = ({ basis: a }: Evidence, { basis: b }: Evidence) => (a?.position ?? 0) - (b?.position ?? 0);

const byOptInDate = (a: Evidence, b: Evidence) =>
  (proofOf(a).optInDate ?? -Infinity) - (proofOf(b).optInDate ?? -Infinity) || 0;
const bySweep = (a: Evidence, b: Evidence) => proofOf(a).sweep - proofOf(b).sweep;
const proofOf = ({ proof }: Evidence) => proof as OptInProof;

/** Notes that a sweep listed the number. Newest sweep and newest date are kept, whatever the order. */
export function mergeListed(record: NumberRecord, listed: Listed): NumberRecord {
  const { listed: known } = record;
  if (known === undefined) return { ...record, listed };
  // A row of that sweep or a later one takes the place of what was assumed; an older one does not.
  if (known.isAssumed && listed.sweep >= known.sweep) return { ...record, listed };
  const joined = joinListed(known, listed);
  return { ...record, listed: known.isAssumed ? { ...joined, isAssumed: true } : joined };
}

/** The newest sweep and the newest date of two. */
export function joinListed(a: Listed, b: Listed): Listed {
  const date = a.date === null || b.date === null ? (a.date ?? b.date) : Math.max(a.date, b.date);
  return { sweep: Math.max(a.sweep, b.sweep), date };
}

/**
 * Whether an opt-in answers all opt-outs of one kind.
 *
 * An act answers what its basis had seen: an opt-out without a position in the log of the basis was not seen. A
 * message is compared by the provider's time, and never lifts what an operator or website entered.
 */
function beats(optIn: Evidence, kind: EvidenceKind, outs: readonly Evidence[], slackMs: number): boolean {
  if (optIn.kind === 'told') {
    const slack = kind === 'stated' ? slackMs : 0;
    return kind !== 'act' && outs.every(({ at }) => optIn.at > at + slack);
  }
  const { basis } = optIn;
  return basis !== undefined && outs.every(({ positions }) => isSeen(positions, basis));
}

function isSeen(positions: readonly LogPosition[] | undefined, basis: LogPosition): boolean {
  const position = positionIn(positions, basis.log);
  return position !== undefined && position <= basis.position;
}

/** The opt-outs that no opt-in answers. A kind is answered as a whole or not at all. */
export function standingOptOuts(
  { outs, ins }: NumberRecord,
  { clockSlackMs }: Pick<WeighingOptions, 'clockSlackMs'>,
): readonly Evidence[] {
  return KINDS.flatMap((kind) => {
    const ofKind = outs.filter((one) => one.kind === kind);
    return ins.some((optIn) => beats(optIn, kind, ofKind, clockSlackMs)) ? [] : ofKind;
  });
}

/** Why a number is blocked: what is told about the opt-out that was stored last. */
export interface StandingOptOut {
  readonly source: EvidenceSource;
  /** When the person opted out, ms UTC: the provider's time if it is known and not ahead of ours. */
  readonly since: number;
}

/** The opt-out that is shown of those that hold; `undefined` if none does. */
export function standingOptOut(
  record: NumberRecord,
  options: Pick<WeighingOptions, 'clockSlackMs'>,
): StandingOptOut | undefined {
  const [shown] = standingOptOuts(record, options).toSorted(compareShown);
  return shown && { source: shown.source, since: sinceOf(shown) };
}

/** When the person acted: `at` if it is known and not after `seenAt`, else `seenAt`. */
export function sinceOf({ at, seenAt }: Pick<Evidence, 'at' | 'seenAt'>): number {
  return at <= seenAt ? at : seenAt;
}

/** The largest position first. What is not stored yet came last. */
function compareShown(a: Evidence, b: Evidence): number {
  const [[one], [other]] = [a.positions ?? [], b.positions ?? []];
  if (one && other) return comparePositions(other, one) || (a.id < b.id ? -1 : 1);
  return Number(one !== undefined) - Number(other !== undefined) || (a.id < b.id ? -1 : 1);
}

/**
 * What first-hand evidence says about the number: `true` blocks it, `false` releases it even while the provider lists
 * it, `undefined` leaves it to the provider's list. While the provider lists a number, only an act that its manage
 * endpoint has proven releases it, and only until the list outweighs that act.
 */
export function firstHandVerdict(
  record: NumberRecord,
  options: WeighingOptions,
  observed: Observed = NOTHING_OBSERVED,
): boolean | undefined {
  if (standingOptOuts(record, options).length > 0) return true;
  const { ins, listed } = record;
  const holds = (optIn: Evidence) =>
    optIn.proof !== undefined && !isOverruled(optIn, listed, observed, options.lagGraceMs);
  return ins.some(holds) ? false : undefined;
}

/**
 * Whether the provider's list outweighs a proven act: it has a row with a later date than manage gave, or a later sweep
 * still listed the number. A sweep counts if it began more than `lagGrace` after the act was applied in this process;
 * after a restart nobody knows when that was, so that any later sweep counts.
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
 * Whether the provider's list has listed the number after a START: by a row that is not older than it, both by the
 * provider's clock, or, for rows without a date, by a sweep that began more than `lagGrace` after it was applied here.
 * Where that cannot be told, it has.
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

/** The opt-out that is all evidence there is in a record; `undefined` if there is any other. */
export function soleOutOf({ outs, ins }: NumberRecord): Evidence | undefined {
  return outs.length === 1 && ins.length === 0 ? outs[0] : undefined;
}

/** All evidence that is kept, in no order. */
export function evidenceOf({ outs, ins }: NumberRecord): readonly Evidence[] {
  return [...outs, ...ins];
}

/** When the newest opt-in was first received, ms UTC; `-Infinity` without one. */
export function lastOptInSeenAt({ ins }: NumberRecord): number {
  return ins.reduce((latest, { seenAt }) => Math.max(latest, seenAt), -Infinity);
}
