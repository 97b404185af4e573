/**
 * What is known first-hand about one number on one list: the newest opt-out and the newest opt-in of each clock,
 * and which of them wins. Pure. Merging is commutative, associative and idempotent, so that processes and replays
 * may meet in any order.
 */

import type { Evidence } from './change.ts';

/** How two clocks and a lagging provider are allowed for. All in ms. */
export interface WeighingOptions {
  /** How far the provider's clock and ours may be apart. */
  readonly clockSlackMs: number;
  /** How long the provider's list may lag behind what we know first-hand. */
  readonly lagGraceMs: number;
}

/**
 * Evidence of one direction and clock with the newest `at`. Usually one; more where different acts carry the same
 * time. Kept apart by id, because one act keeps its first `seenAt` while of different acts the later counts.
 */
type Slot = readonly [Evidence, ...Evidence[]];

/** What sweeps said about the number: start of the newest sweep that listed it, newest date of such a row (ms UTC). */
export interface Listed {
  readonly start: number;
  readonly date: number;
  /** Not a row that was read, but what one may have said: the first that is read takes its place. */
  readonly isAssumed?: true;
}

/** Evidence of one time and direction that is kept apart by id; beyond it what was received last counts. */
const MOST_TIES = 16;

/** The evidence about one number. Immutable. */
export interface NumberRecord {
  readonly outs: readonly Slot[];
  readonly ins: readonly Slot[];
  readonly listed: Listed | undefined;
}

/** A number that nothing is known about. */
export const EMPTY_RECORD: NumberRecord = { outs: [], ins: [], listed: undefined };

/**
 * Adds evidence to a record.
 *
 * @returns the same record where the evidence changes nothing.
 */
export function mergeEvidence(record: NumberRecord | undefined, evidence: Evidence): NumberRecord {
  const { outs, ins, listed } = record ?? EMPTY_RECORD;
  const slots = evidence.direction === 'out' ? outs : ins;
  const index = slots.findIndex(([{ clock }]) => clock === evidence.clock);
  const before = slots[index];
  const after = before === undefined ? ([evidence] as const) : mergeSlot(before, evidence);
  if (record !== undefined && after === before) return record;
  const merged = index === -1 ? [...slots, after] : slots.with(index, after);
  return evidence.direction === 'out' ? { outs: merged, ins, listed } : { outs, ins: merged, listed };
}

function mergeSlot(slot: Slot, evidence: Evidence): Slot {
  const [{ at }] = slot;
  if (evidence.at !== at) return evidence.at > at ? [evidence] : slot;
  const known = slot.find(({ id }) => id === evidence.id);
  if (known !== undefined && evidence.seenAt >= known.seenAt) return slot;
  const others = slot.filter((one) => one !== known);
  // In one order, so that whatever is shown of a tie does not hang on what came first.
  const all = [evidence, ...others].toSorted((a, b) => b.seenAt - a.seenAt || (a.id < b.id ? -1 : 1));
  return all.slice(0, MOST_TIES) as [Evidence, ...Evidence[]];
}

/** Notes that a sweep listed the number. Newest start and newest date are kept, whatever the order. */
export function mergeListed(record: NumberRecord, listed: Listed): NumberRecord {
  const { listed: known } = record;
  if (known === undefined || known.isAssumed) return { ...record, listed };
  const start = Math.max(known.start, listed.start);
  const date = Math.max(known.date, listed.date);
  return { ...record, listed: { start, date } };
}

/** When the newest evidence of a slot was first received. */
function seenAtOf(slot: Slot): number {
  return slot.reduce((latest, { seenAt }) => Math.max(latest, seenAt), -Infinity);
}

function beats(inSlot: Slot, outSlot: Slot, { clockSlackMs }: WeighingOptions): boolean {
  const [optIn] = inSlot;
  const [optOut] = outSlot;
  if (optIn.clock === optOut.clock) return optIn.at > optOut.at;
  return seenAtOf(outSlot) <= optIn.at || optOut.at + clockSlackMs < optIn.at;
}

/** The opt-out that holds on first-hand evidence, the newest where several do; `undefined` where none does. */
export function standingOptOut(record: NumberRecord, options: WeighingOptions): Evidence | undefined {
  let newest: Evidence | undefined;
  for (const outSlot of record.outs) {
    if (record.ins.some((inSlot) => beats(inSlot, outSlot, options))) continue;
    const [evidence] = outSlot;
    if (newest === undefined || evidence.at > newest.at) newest = evidence;
  }
  return newest;
}

/**
 * Whether the provider's list weighs more than the opt-ins: it listed the number with a newer date than each of
 * them, or goes on listing it long after each was received. Worked out from times alone, so that it does not
 * matter in which order an opt-in and a row arrive; a new opt-in therefore lifts it, a late one does not.
 */
export function isOverruled({ ins, listed }: NumberRecord, options: WeighingOptions): boolean {
  if (listed === undefined) return false;
  return ins.every((slot) => {
    const [{ at, clock }] = slot;
    const slack = clock === 'local' ? options.clockSlackMs : 0;
    return listed.date > at + slack || listed.start > seenAtOf(slot) + options.lagGraceMs;
  });
}

/** Whether an opt-in holds against everything but the provider's list. */
export function isReleased(record: NumberRecord, options: WeighingOptions): boolean {
  return record.ins.length > 0 && standingOptOut(record, options) === undefined;
}

/** The opt-out that is all evidence there is in a record; `undefined` where there is any other. */
export function soleOutOf({ outs, ins }: NumberRecord): Evidence | undefined {
  const [slot] = outs;
  return outs.length === 1 && slot?.length === 1 && ins.length === 0 ? slot[0] : undefined;
}

/** All evidence that is kept, in no order. */
export function evidenceOf({ outs, ins }: NumberRecord): readonly Evidence[] {
  return [...outs.flat(), ...ins.flat()];
}

/** When the newest opt-in was first received, ms UTC; `-Infinity` without one. */
export function lastOptInSeenAt(record: NumberRecord): number {
  return record.ins.reduce((latest, slot) => Math.max(latest, seenAtOf(slot)), -Infinity);
}

/** The latest moment of any opt-out, by its own time or by when it was received. */
export function lastOptOutMoment(record: NumberRecord): number {
  return record.outs.flat().reduce((latest, { at, seenAt }) => Math.max(latest, at, seenAt), -Infinity);
}
