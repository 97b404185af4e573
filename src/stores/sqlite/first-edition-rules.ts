/**
 * The rules of versions 1 and 2, which compared times of two clocks. Only the migration uses them, to find the numbers
 * whose answer changes. Pure.
 */

/** A row of evidence, as versions 1 and 2 read it. */
export interface FirstEditionRow {
  readonly direction: string;
  readonly clock: string;
  /** ms UTC. */
  readonly at: number;
  readonly seenAt: number;
}

/** A sweep that listed the number: its start, and the date of the row, ms UTC. */
export interface FirstEditionListed {
  readonly start: number;
  readonly date: number;
}

/** The defaults of the options `clockSlack` and `lagGrace`, ms. */
const CLOCK_SLACK_MS = 60_000;
const LAG_GRACE_MS = 600_000;

/** Returns the newest row of each clock. Of rows with the same time, that is the one that was received last. */
function newestPerClock(rows: readonly FirstEditionRow[]): readonly FirstEditionRow[] {
  const slots = new Map<string, FirstEditionRow>();
  for (const row of rows) {
    const newest = slots.get(row.clock);
    const isNewer = newest === undefined || row.at > newest.at;
    if (isNewer || (row.at === newest.at && row.seenAt > newest.seenAt)) slots.set(row.clock, row);
  }
  return [...slots.values()];
}

function canBeat(optIn: FirstEditionRow, optOut: FirstEditionRow): boolean {
  if (optIn.clock === optOut.clock) return optIn.at > optOut.at;
  return optOut.seenAt <= optIn.at || optOut.at + CLOCK_SLACK_MS < optIn.at;
}

/**
 * Returns `true` if a number is blocked, `false` if it is released even while the provider lists it, and `undefined` if
 * the provider's list decides.
 */
export function isBlockedByFirstEdition(
  rows: readonly FirstEditionRow[],
  listed: FirstEditionListed | undefined,
): boolean | undefined {
  const outs = newestPerClock(rows.filter(({ direction }) => direction === 'out'));
  const ins = newestPerClock(rows.filter(({ direction }) => direction !== 'out'));
  if (outs.some((optOut) => !ins.some((optIn) => canBeat(optIn, optOut)))) return true;
  if (ins.length === 0) return undefined;
  const isOverruled =
    listed !== undefined &&
    ins.every(({ at, clock, seenAt }) => {
      const slack = clock === 'local' ? CLOCK_SLACK_MS : 0;
      return listed.date > at + slack || listed.start > seenAt + LAG_GRACE_MS;
    });
  return isOverruled ? undefined : false;
}
