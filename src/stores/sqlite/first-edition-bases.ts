/**
 * Infers the basis of the acts in a file of versions 1 and 2, which did not store one. It is inferred from the times at
 * which entries were received, so that an act counts as having seen too little rather than too much.
 */

import type { Database } from './driver.ts';

/** An act had surely seen an entry of its own process that was received this long before it, ms. */
const OWN_MS = 60_000;
/** The same for an entry of another process, ms. */
const FOREIGN_MS = 600_000;

/** Growing values, each with the first position at which it holds. */
interface Staircase {
  readonly positions: number[];
  readonly heights: number[];
}

const newStaircase = (): Staircase => ({ positions: [], heights: [] });

/** Adds a step if `height` is a new maximum. @returns whether it did */
function addStep({ positions, heights }: Staircase, position: number, height: number): boolean {
  if (height <= (heights.at(-1) ?? -Infinity)) return false;
  positions.push(position);
  heights.push(height);
  return true;
}

/** Returns the first index of ascending values that is above a limit. */
function firstAbove(values: readonly number[], limit: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] as number) <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The times at which entries were received, up to each position. */
interface ReceiptTimes {
  add(position: number, writer: string, seenAt: number): void;
  /** Returns the last position up to which every entry was received long enough before an act of `writer`. */
  surelySeen(writer: string, actedAt: number): number;
}

/**
 * Keeps three kinds of latest times: of each writer; of all writers, together with its writer, the leader; and of all
 * writers but the leader. The latest time of all writers but a given one is one of the last two.
 */
function createReceiptTimes(): ReceiptTimes {
  const byWriter = new Map<string, Staircase>();
  const all = newStaircase();
  const leaders: string[] = [];
  /** The steps of `all` at which another writer became the leader. */
  const leaderChanges: number[] = [];
  const others = newStaircase();
  let leader = { writer: '', seenAt: -Infinity };
  let second = -Infinity;

  const positionBefore = ({ positions }: Staircase, step: number) => (positions[step] ?? Infinity) - 1;

  /** Returns the last position before the first entry of another writer that was received after `limit`. */
  function ofOthers(writer: string, limit: number): number {
    let step = firstAbove(all.heights, limit);
    // If the first such entry is of this writer, the next leader's counts.
    if (leaders[step] === writer) step = leaderChanges[firstAbove(leaderChanges, step)] ?? Infinity;
    return Math.min(positionBefore(all, step), positionBefore(others, firstAbove(others.heights, limit)));
  }

  return {
    add(position, writer, seenAt) {
      const own = byWriter.get(writer) ?? newStaircase();
      byWriter.set(writer, own);
      addStep(own, position, seenAt);
      if (seenAt > leader.seenAt) {
        if (writer !== leader.writer) second = leader.seenAt;
        leader = { writer, seenAt };
      } else if (writer !== leader.writer) second = Math.max(second, seenAt);
      if (addStep(all, position, leader.seenAt)) {
        if (leaders.at(-1) !== leader.writer) leaderChanges.push(leaders.length);
        leaders.push(leader.writer);
      }
      addStep(others, position, second);
    },
    surelySeen(writer, actedAt) {
      const own = byWriter.get(writer);
      const ofOwn = own ? positionBefore(own, firstAbove(own.heights, actedAt - OWN_MS)) : Infinity;
      return Math.min(ofOwn, ofOthers(writer, actedAt - FOREIGN_MS));
    },
  };
}

/** Rows that are read as one row of JSON arrays: an object for each row takes several times as long. */
const READ_AT_A_TIME = 5_000;

/** Gives a basis to opt-ins that an operator or website made. Within a transaction. */
export function inferBases(database: Database): void {
  const isAct = "direction = 'in' AND clock = 'local' AND source = 'manual'";
  if (database.prepare(`SELECT 1 FROM changes WHERE ${isAct} LIMIT 1`).get() === undefined) return;
  const update = database.prepare('UPDATE changes SET basis = ? WHERE seq = ?');
  const select = database.prepare(
    `SELECT json_group_array(seq) AS seqs, json_group_array(writer) AS writers,
       json_group_array(seen_at) AS times, json_group_array(begun) AS begun
     FROM (
       SELECT seq, writer, seen_at, CASE WHEN ${isAct} THEN min(at, seen_at) END AS begun
       FROM changes WHERE seq > ? ORDER BY seq LIMIT ?
     )`,
  );
  const received = createReceiptTimes();
  for (let last = 0; ;) {
    const row = select.get(last, READ_AT_A_TIME) ?? {};
    const read = <T>(name: string) => JSON.parse(String(row[name])) as T[];
    const [seqs, times] = [read<number>('seqs'), read<number>('times')];
    const [writers, begun] = [read<string>('writers'), read<number | null>('begun')];
    if (seqs.length === 0) return;
    for (const [index, seq] of seqs.entries()) {
      const [writer, actedAt] = [writers[index] as string, begun[index] ?? null];
      // An act has seen no entry that came after it began.
      if (actedAt !== null) update.run(Math.min(received.surelySeen(writer, actedAt), seq - 1), seq);
      received.add(seq, writer, times[index] as number);
      last = seq;
    }
  }
}
