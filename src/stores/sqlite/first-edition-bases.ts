/**
 * What the acts in a file of versions 1 and 2 had seen when they were made. Those versions did not write it down. It is
 * concluded from when entries were received, so that an act counts as having seen too little rather than too much.
 */

import type { Database } from './driver.ts';

/** How long before an act an entry was received that the acting process surely had seen, ms: its own, and others'. */
const OWN_MS = 60_000;
const FOREIGN_MS = 600_000;

/** Values that only grow, each with the position from which on it holds. */
interface Staircase {
  readonly positions: number[];
  readonly heights: number[];
}

const newStaircase = (): Staircase => ({ positions: [], heights: [] });

/** @returns whether there is a new step. */
function climb({ positions, heights }: Staircase, position: number, height: number): boolean {
  if (height <= (heights.at(-1) ?? -Infinity)) return false;
  positions.push(position);
  heights.push(height);
  return true;
}

/** The first index from which on ascending values are above a limit. */
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

/** When entries were received, up to each position. */
interface Received {
  add(position: number, writer: string, seenAt: number): void;
  /** The last position up to which everything was received long enough before an act of `writer`. */
  surelySeen(writer: string, actedAt: number): number;
}

/**
 * Keeps the latest time of each writer, that of all writers with the writer that it is of, the leader, and that of all
 * but the leader: the latest time of all writers but one is one of the last two.
 */
function createReceived(): Received {
  const byWriter = new Map<string, Staircase>();
  const all = newStaircase();
  const leaders: string[] = [];
  /** The steps of `all` at which another writer became the leader. */
  const changes: number[] = [];
  const others = newStaircase();
  let leader = { writer: '', seenAt: -Infinity };
  let second = -Infinity;

  const positionBefore = ({ positions }: Staircase, step: number) => (positions[step] ?? Infinity) - 1;

  /** The last position before an entry of another writer was received after `limit`. */
  function ofOthers(writer: string, limit: number): number {
    let step = firstAbove(all.heights, limit);
    // The first one is this writer's own: then the next leader.
    if (leaders[step] === writer) step = changes[firstAbove(changes, step)] ?? Infinity;
    return Math.min(positionBefore(all, step), positionBefore(others, firstAbove(others.heights, limit)));
  }

  return {
    add(position, writer, seenAt) {
      const own = byWriter.get(writer) ?? newStaircase();
      byWriter.set(writer, own);
      climb(own, position, seenAt);
      if (seenAt > leader.seenAt) {
        if (writer !== leader.writer) second = leader.seenAt;
        leader = { writer, seenAt };
      } else if (writer !== leader.writer) second = Math.max(second, seenAt);
      if (climb(all, position, leader.seenAt)) {
        if (leaders.at(-1) !== leader.writer) changes.push(leaders.length);
        leaders.push(leader.writer);
      }
      climb(others, position, second);
    },
    surelySeen(writer, actedAt) {
      const own = byWriter.get(writer);
      const ofOwn = own ? positionBefore(own, firstAbove(own.heights, actedAt - OWN_MS)) : Infinity;
      return Math.min(ofOwn, ofOthers(writer, actedAt - FOREIGN_MS));
    },
  };
}

/** Rows that are read as one: to make an object of each takes several times as long. */
const READ_AT_A_TIME = 5_000;

/** Gives a basis to acts of opt-in that an operator or website made. Within a transaction. */
export function concludeBases(database: Database): void {
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
  const received = createReceived();
  for (let last = 0; ;) {
    const row = select.get(last, READ_AT_A_TIME) ?? {};
    const read = <T>(name: string) => JSON.parse(String(row[name])) as T[];
    const [seqs, times] = [read<number>('seqs'), read<number>('times')];
    const [writers, begun] = [read<string>('writers'), read<number | null>('begun')];
    if (seqs.length === 0) return;
    for (const [index, seq] of seqs.entries()) {
      const [writer, actedAt] = [writers[index] as string, begun[index] ?? null];
      // It saw nothing that came after it began.
      if (actedAt !== null) update.run(Math.min(received.surelySeen(writer, actedAt), seq - 1), seq);
      received.add(seq, writer, times[index] as number);
      last = seq;
    }
  }
}
