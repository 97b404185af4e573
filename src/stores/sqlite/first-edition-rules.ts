/**
 * How files of versions 1 and 2 were judged: by comparing times, each of one of two clocks. Used by the migration alone,
 * to tell whose answer changes. Pure.
 */

/** A row of evidence as these versions read it. */
export interface FirstEditionRow {
  readonly direction: string;
  readonly clock: string;
  /** ms UTC. */
  readonly at: number;
  readonly seenAt: number;
}

/** What sweeps said about the number, ms UTC. */
export interface FirstEditionListed {
  readonly start: number;
  readonly date: number;
}

/** The defaults of the options `clockSlack` and `lagGrace`, ms. */
const CLOCK_SLACK_MS = 60_000;
const LAG_GRACE_MS = 600_000;

/** The newest rows of one direction and clock, as one: of several with the same time the last that was received. */
function newestPerClock(rows: readonly FirstEditionRow[]): readonly FirstEditionRow[] {
  const slots = new Map<string, FirstEditionRow>();
  for (const row of rows) {
    const before = slots.get(row.clock);
    const isNewer = before === undefined || row.at > before.at;
    if (isNewer || (row.at === before.at && row.seenAt > before.seenAt)) slots.set(row.clock, row);
  }
  return [...slots.values()];
}

function beats(optIn: FirstEditionRow, optOut: FirstEditionRow): boolean {
  if (optIn.clock === optOut.clock) return optIn.at > optOut.at;
  return optOut.seenAt <= optIn.at || optOut.at + CLOCK_SLACK_MS < optIn.at;
}

/** `true`: blocked. `false`: released, also while the provider lists the number. `undefined`: as the provider's list says. */
export function firstEditionVerdict(
  rows: readonly FirstEditionRow[],
  listed: FirstEditionListed | undefined,
): boolean | undefined {
  const outs = newestPerClock(rows.filter(({ direction }) => direction === 'out'));
  const ins = newestPerClock(rows.filter(({ direction }) => direction !== 'out'));
  if (outs.some((optOut) => !ins.some((optIn) => beats(optIn, optOut)))) return true;
  if (ins.length === 0) return undefined;
  const isOverruled =
    listed !== undefined &&
    ins.every(({ at, clock, seenAt }) => {
      const slack = clock === 'local' ? CLOCK_SLACK_MS : 0;
      return listed.date > at + slack || listed.start > seenAt + LAG_GRACE_MS;
    });
  return isOverruled ? undefined : false;
}
