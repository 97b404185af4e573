/**
 * Merges a piece of evidence into the strongest evidence of one direction about one number. Pure. The merge is
 * commutative, associative and idempotent, so that the order in which evidence arrives and is replayed does not matter.
 */

import type { Evidence, EvidenceKind, OptInProof } from './evidence.ts';
import { joinPositions, positionIn } from './positions.ts';

/** All kinds that this version knows. */
export const KINDS: readonly EvidenceKind[] = ['told', 'stated', 'act'];

type Comparison = (a: Evidence, b: Evidence) => number;

/** Returns the strongest of the known evidence and one more piece, ordered by id; `known` itself if nothing changes. */
export function mergeStrongest(known: readonly Evidence[], evidence: Evidence): readonly Evidence[] {
  const same = known.find(({ id }) => id === evidence.id);
  const joined = same === undefined ? evidence : joinCopies(same, evidence);
  if (joined === same) return known;
  const all = [...known.filter((one) => one !== same), joined];
  const kept = evidence.direction === 'out' ? strongestOuts(all) : strongestIns(all);
  // Evidence that is weaker than what is kept leaves the record as it is.
  const isUnchanged = kept.length === known.length && known.every((one) => kept.includes(one));
  return isUnchanged ? known : kept.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

/** Joins two copies of one piece of evidence: the copy that was stored first counts, with the positions of both. */
function joinCopies(a: Evidence, b: Evidence): Evidence {
  const first = compareStored(a, b) <= 0 ? a : b;
  const positions = joinPositions(first.positions, (first === a ? b : a).positions);
  if (positions.length === 0 || positions === first.positions) return first;
  return { ...first, positions };
}

/** Orders two copies: the earlier position in a common log comes first, then the copy with positions in more logs. */
function compareStored(a: Evidence, b: Evidence): number {
  for (const { log, position } of a.positions ?? []) {
    const other = positionIn(b.positions, log);
    if (other !== undefined && other !== position) return position - other;
  }
  const byLogs = (b.positions?.length ?? 0) - (a.positions?.length ?? 0);
  if (byLogs !== 0) return byLogs;
  // It is not known which copy was first: the one that blocks more goes first.
  return a.direction === 'out' ? b.at - a.at : a.at - b.at;
}

/** Returns the items that are the largest by at least one of the comparisons. */
function largestBy(all: readonly Evidence[], comparisons: readonly Comparison[]): readonly Evidence[] {
  const kept = new Set<Evidence>();
  for (const compare of comparisons) {
    const largest = all.reduce<Evidence | undefined>((best, one) => {
      if (best === undefined) return one;
      // The id breaks ties, so that the order of arrival does not matter.
      const order = compare(one, best) || (one.id < best.id ? 1 : -1);
      return order > 0 ? one : best;
    }, undefined);
    if (largest) kept.add(largest);
  }
  return [...kept];
}

/**
 * Returns the strongest opt-outs of each kind: the largest by time and by position. Opt-outs that were stored in
 * different logs are not compared with each other.
 */
function strongestOuts(outs: readonly Evidence[]): readonly Evidence[] {
  return KINDS.flatMap((kind) => {
    const groups = new Map<string, Evidence[]>();
    for (const one of outs) {
      if (one.kind !== kind) continue;
      const logs = JSON.stringify(one.positions?.map(({ log }) => log) ?? []);
      groups.set(logs, [...(groups.get(logs) ?? []), one]);
    }
    return [...groups.values()].flatMap((group) => {
      const logs = group[0]?.positions?.map(({ log }) => log) ?? [];
      const byTime = kind === 'act' ? bySeenAt : byAt;
      return largestBy(group, [byTime, ...logs.map(byPositionIn)]);
    });
  });
}

const byAt: Comparison = (a, b) => a.at - b.at;
/** For acts, whose `at` decides nothing. Of acts that were not stored, one is enough, and it may be any of them. */
const bySeenAt: Comparison = (a, b) => a.seenAt - b.seenAt;
const byPositionIn =
  (log: string): Comparison =>
  (a, b) =>
    (positionIn(a.positions, log) as number) - (positionIn(b.positions, log) as number);

/**
 * Returns the strongest opt-ins: the latest message, and of proven and of unproven acts those with the largest basis.
 * Of proven acts also those with the latest date and the latest sweep.
 */
function strongestIns(ins: readonly Evidence[]): readonly Evidence[] {
  const told = ins.filter(({ kind }) => kind === 'told');
  const acts = ins.filter(({ kind }) => kind !== 'told');
  const proven = acts.filter(({ proof }) => proof !== undefined);
  const unproven = acts.filter(({ proof }) => proof === undefined);
  const strongest = new Set([
    ...largestBy(told, [byAt]),
    ...largestBasisByLog(unproven),
    ...largestBasisByLog(proven),
    ...largestBy(proven, [byOptInDate, bySweep]),
  ]);
  return [...strongest];
}

/** Returns the act with the largest basis in each log: an act can beat opt-outs that acts of another log cannot. */
function largestBasisByLog(acts: readonly Evidence[]): readonly Evidence[] {
  const logs = new Set(acts.map(({ basis }) => basis?.log));
  return [...logs].flatMap((log) => {
    const ofLog = acts.filter(({ basis }) => basis?.log === log);
    return largestBy(ofLog, [byBasis]);
  });
}

/** Compares acts whose bases are in one log, or acts without a basis. */
const byBasis: Comparison = ({ basis: a }, { basis: b }) => (a?.position ?? 0) - (b?.position ?? 0);
/** An act without a date comes before any other. `|| 0` replaces the NaN of two acts without one. */
const byOptInDate: Comparison = (a, b) =>
  (proofOf(a).optInDate ?? -Infinity) - (proofOf(b).optInDate ?? -Infinity) || 0;
const bySweep: Comparison = (a, b) => proofOf(a).sweep - proofOf(b).sweep;
const proofOf = ({ proof }: Evidence) => proof as OptInProof;
