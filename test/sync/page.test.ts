/** Long replies are parsed in short steps, between which other work runs. */

import { describe, expect, it } from 'vitest';
import { createGuard, vonage } from '../../src/index.ts';
import { ProviderError } from '../../src/errors.ts';
import type { RawReply } from '../../src/providers/raw-replies.ts';
import { BYTES_PER_STEP } from '../../src/providers/vonage/json-steps.ts';
import { LONG_REPLY_BYTES, parseReply, type FetchedPage } from '../../src/sync/page.ts';
import { startSimulator } from '../../src/testing/index.ts';

const START = Date.UTC(2026, 0, 1);
const NEVER = new AbortController().signal;
const number = (index: number) => 15_550_000_000 + index;

/** Creates a reply of about so many bytes. */
function replyOf(bytes: number, beside: object = {}): RawReply {
  const list: unknown[] = Array.from({ length: bytes / 14 }, (_, index) => String(number(index)));
  list.push('x', { msisdn: number(1), optIn: true, optOut: false });
  const body = JSON.stringify({ 'opt-in-count': list.length, 'opt-in-list': list, ...beside });
  return { httpStatus: 200, body: Buffer.from(body), serverTime: 7 };
}

/** Counts the turns of the event loop in which other work could run. */
async function turnsOf<T>(work: () => Promise<T>): Promise<{ value: T; turns: number }> {
  let turns = 0;
  const count = () => {
    turns++;
    next = setImmediate(count);
  };
  let next = setImmediate(count);
  try {
    return { value: await work(), turns };
  } finally {
    clearImmediate(next);
  }
}

async function slicesOf(page: FetchedPage) {
  const slices = [];
  for await (const slice of page.slices()) slices.push(slice);
  return slices;
}

describe('a long reply', () => {
  it('has the rows that a short reply has, in slices of at most 500 rows', async () => {
    const reply = replyOf(LONG_REPLY_BYTES);
    const rows = Math.floor(LONG_REPLY_BYTES / 14) + 2;
    const page = await parseReply(reply, 0, START, NEVER);
    expect(page).toMatchObject({ length: rows, total: rows, serverTime: 7 });
    const slices = await slicesOf(page);
    expect(Math.max(...slices.map((slice) => slice.rows))).toBe(500);
    expect(slices.flatMap((slice) => [...slice.outs])).toEqual(
      Array.from({ length: rows - 2 }, (_, index) => number(index)),
    );
    expect(slices.flatMap((slice) => [...slice.ins])).toEqual([number(1)]);
    expect(slices.reduce((sum, { unreadable }) => sum + unreadable, 0)).toBe(1);
  });

  it('is parsed a step at a time: other work runs after each', async () => {
    const reply = replyOf(4 * LONG_REPLY_BYTES);
    const { turns } = await turnsOf(() => parseReply(reply, 0, START, NEVER));
    // A turn for each step of the search, and for each slice of 500 rows.
    const steps = reply.body.length / BYTES_PER_STEP + (4 * LONG_REPLY_BYTES) / 14 / 500;
    expect(turns).toBeGreaterThan(0.9 * steps);
  });

  it('that is no page is refused', async () => {
    const parsed = parseReply(replyOf(LONG_REPLY_BYTES, { status: '4' }), 0, START, NEVER);
    await expect(parsed).rejects.toMatchObject({ code: 'provider_credentials', providerStatus: '4' });
  });

  it('is given up if the page is no longer needed', async () => {
    const abort = new AbortController();
    const parsed = parseReply(replyOf(LONG_REPLY_BYTES), 0, START, abort.signal);
    abort.abort(new ProviderError('provider_aborted', 'the sweep was ended'));
    await expect(parsed).rejects.toMatchObject({ code: 'provider_aborted' });
  });
});

it('parses a short reply at once', async () => {
  const reply = replyOf(LONG_REPLY_BYTES / 2);
  const { value, turns } = await turnsOf(() => parseReply(reply, 0, START, NEVER));
  expect([value.length, turns]).toEqual([Math.floor(LONG_REPLY_BYTES / 28) + 2, 0]);
});

it('reads a list of one long reply, which is requested again if the error may pass', async () => {
  const optOuts = Array.from({ length: 15_000 }, (_, index) => String(number(index)));
  const simulator = await startSimulator({ optOuts });
  const { apiKey, apiSecret, url: baseUrl } = simulator;
  simulator.fault({ on: 'query', times: 2, status: 503 });
  const provider = vonage({ apiKey, apiSecret, baseUrl, random: () => 0 });
  const guard = createGuard({ provider, refresh: { pageSize: optOuts.length } });
  expect(await guard.ready({ timeout: '20s' })).toBe('fresh');
  expect(guard.status().lists['default']).toMatchObject({ size: optOuts.length, consecutiveFailures: 0 });
  expect([guard.canSend(String(number(14_999))), guard.canSend(String(number(15_000)))]).toEqual([
    false,
    true,
  ]);
  await guard.close();
  await simulator.close();
});
