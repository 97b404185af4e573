/**
 * Compares this machine's wall clock with the provider's clock and with the times of stored entries. It warns once and
 * decides nothing: the date of a reply may come from a cache, and a webhook may be late.
 */

import type { Clock } from '../clock.ts';

/** The provider's clock, as `status()` shows it. */
export interface ClockStatus {
  /** The provider's clock minus ours, ms: above 0 if ours is behind. */
  readonly providerOffsetMs: number;
}

export interface ClockSkew {
  /** Takes the provider's time (ms UTC) from a reply that has just arrived. */
  serverTime(time: number): void;
  /**
   * Takes the time (ms UTC) at which the provider began to push a webhook. The webhook has just arrived, and is proven
   * to be the provider's.
   */
  webhookTime(time: number): void;
  /** Takes the latest time (ms UTC) among the entries that the store holds or has just returned. */
  storedTime(time: number): void;
  /** `null` before a time of the provider is known. */
  readonly status: ClockStatus | null;
}

export interface ClockSkewPorts {
  readonly clock: Pick<Clock, 'now'>;
  /** How far apart two clocks may be without a warning, ms. */
  readonly slackMs: number;
  /** Called once, for the first clock that is further away than that. */
  readonly warn: (message: string) => void;
}

/**
 * How many webhook times are compared. The least delayed webhook shows the provider's clock: no webhook arrives before
 * it was sent, but one that the provider sends again may be hours old. So a single webhook can prove that our clock is
 * behind. Only this many webhooks that are all old show that our clock may be ahead.
 */
const RECENT_WEBHOOKS = 16;

/** Creates the comparison for one guard. */
export function createClockSkew({ clock, slackMs, warn }: ClockSkewPorts): ClockSkew {
  let replyOffset: number | undefined;
  const webhookOffsets: number[] = [];
  let hasWarned = false;

  function compare(offsetMs: number, otherClock: string): void {
    if (hasWarned || Math.abs(offsetMs) <= slackMs) return;
    hasWarned = true;
    const direction = offsetMs > 0 ? 'behind' : 'ahead of';
    warn(
      `this machine's clock is ${seconds(offsetMs)} s ${direction} ${otherClock} (offset ${Math.round(offsetMs)} ms, clockSlack ${slackMs} ms): set it right, for example with NTP`,
    );
  }

  /** The provider's offset by its webhooks; `undefined` while it is not certain. */
  function webhookOffset(): number | undefined {
    const largest = Math.max(...webhookOffsets);
    return largest > 0 || webhookOffsets.length === RECENT_WEBHOOKS ? largest : undefined;
  }

  return {
    serverTime(time) {
      replyOffset = time - clock.now();
      compare(replyOffset, "the provider's, by the Date of its replies");
    },
    webhookTime(time) {
      if (!Number.isFinite(time)) return;
      webhookOffsets.push(time - clock.now());
      if (webhookOffsets.length > RECENT_WEBHOOKS) webhookOffsets.shift();
      const offset = webhookOffset();
      if (offset !== undefined) compare(offset, "the provider's, by the times of its webhooks");
    },
    storedTime(time) {
      const offset = time - clock.now();
      if (offset > 0 && Number.isFinite(offset)) compare(offset, 'times in the store');
    },
    get status() {
      const offset = replyOffset ?? webhookOffset();
      // Adding 0 turns -0 into 0.
      return offset === undefined ? null : { providerOffsetMs: Math.round(offset) + 0 };
    },
  };
}

const seconds = (ms: number) => Math.round(Math.abs(ms) / 1_000);
