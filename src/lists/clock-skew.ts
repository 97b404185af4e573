/**
 * Compares this machine's wall clock with other clocks: the provider's and that of stored entries. It warns once and
 * decides nothing: a reply's date may be cached, and a webhook may come late.
 */

import type { Clock } from '../clock.ts';

/** What `status()` shows of it. */
export interface ClockStatus {
  /** The provider's clock minus ours, ms: above 0 ours is behind. */
  readonly providerOffsetMs: number;
}

export interface ClockSkew {
  /** Takes the provider's time, ms UTC, as a reply of the provider carries it that has just come. */
  serverTime(time: number): void;
  /**
   * Takes the time, ms UTC, of a webhook that has just come and is proven to be the provider's: when the provider began
   * to push it.
   */
  webhookTime(time: number): void;
  /** Takes the latest time, ms UTC, of what the store holds or has just handed over. */
  storedTime(time: number): void;
  /** `null` while no clock of the provider was seen. */
  readonly status: ClockStatus | null;
}

export interface ClockSkewPorts {
  readonly clock: Pick<Clock, 'now'>;
  /** How far clocks may be apart, ms. */
  readonly slackMs: number;
  /** Told once, when a clock is further away than that. */
  readonly warn: (message: string) => void;
}

/**
 * Webhooks whose times are compared. The least delayed of them tells the provider's clock: none comes before it was
 * sent, but one that was tried again may be hours old. So a single one proves that our clock is behind, and only so
 * many that are all old say that it may be ahead.
 */
const RECENT_WEBHOOKS = 16;

/** Creates it for one guard. */
export function createClockSkew({ clock, slackMs, warn }: ClockSkewPorts): ClockSkew {
  let byReply: number | undefined;
  const byWebhook: number[] = [];
  let isTold = false;

  function compare(offsetMs: number, whose: string): void {
    if (isTold || Math.abs(offsetMs) <= slackMs) return;
    isTold = true;
    const way = offsetMs > 0 ? 'behind' : 'ahead of';
    warn(
      `this machine's clock is ${seconds(offsetMs)} s ${way} ${whose} (offset ${Math.round(offsetMs)} ms, clockSlack ${slackMs} ms): set it right, for example with NTP`,
    );
  }

  /** By webhooks; `undefined` while that is not certain. */
  function byWebhooks(): number | undefined {
    const nearest = Math.max(...byWebhook);
    return nearest > 0 || byWebhook.length === RECENT_WEBHOOKS ? nearest : undefined;
  }

  return {
    serverTime(time) {
      byReply = time - clock.now();
      compare(byReply, "the provider's, by the Date of its replies");
    },
    webhookTime(time) {
      if (!Number.isFinite(time)) return;
      byWebhook.push(time - clock.now());
      if (byWebhook.length > RECENT_WEBHOOKS) byWebhook.shift();
      const offset = byWebhooks();
      if (offset !== undefined) compare(offset, "the provider's, by the times of its webhooks");
    },
    storedTime(time) {
      const offset = time - clock.now();
      if (offset > 0 && Number.isFinite(offset)) compare(offset, 'times in the store');
    },
    get status() {
      const offset = byReply ?? byWebhooks();
      // Adding 0 makes 0 of -0.
      return offset === undefined ? null : { providerOffsetMs: Math.round(offset) + 0 };
    },
  };
}

const seconds = (ms: number) => Math.round(Math.abs(ms) / 1_000);
