/**
 * What keeps the main thread from everything else for long, measured in a process of its own. A program: a task's name
 * and what it takes as arguments, its figures as a message. Each task is done a few times, beside the same loop idle.
 */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { createGuard, vonage, type Guard, type Provider } from 'sms-send-guard';
import { signedWebhook, type WebhookHttp } from 'sms-send-guard/testing';
import { clusteredSample } from './clustered.ts';
import { watchGaps } from './gaps.ts';
import { requireThat, silent } from './saved-guard.ts';
import type { RowForm } from './sweep-provider.ts';
import { startProvider } from './sweep-provider-process.ts';

/** The longest wait of each round, ms. */
export interface Stalls {
  readonly idle: readonly number[];
  readonly waits: readonly number[];
}

const PAGE_ROWS = 180_000;
/** The largest page that can be asked for: nearly the 16 MiB of a reply that is read at most. */
const LONGEST_PAGE_ROWS = 1_000_000;
const BARE_NUMBERS = 1_150_000;
const PARAMETERS = 12_000;
/** ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM: NFKD makes 18 characters of it. */
const LIGATURE = '\uFDFA';
const LIGATURES = 6_500;
const SECRET = 'a secret of a bench';
const ROUNDS = 3;
const IDLE_MS = 1_000;

async function longestOf(work: () => Promise<unknown>): Promise<number> {
  globalThis.gc?.();
  await pause(100);
  const stop = watchGaps();
  await work();
  return stop().longest;
}

/** Measures rounds that each prepare their work first, which counts for nothing. */
async function rounds(prepare: () => Promise<() => Promise<unknown>>): Promise<Stalls> {
  const idle: number[] = [];
  const waits: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const work = await prepare();
    idle.push(await longestOf(() => pause(IDLE_MS)));
    waits.push(await longestOf(work));
  }
  return { idle, waits };
}

/** A guard's first sweep: it does not know yet how long the list is. */
async function firstSweep(provider: Provider, pageSize: number, count: number): Promise<void> {
  const guard = createGuard({ provider, refresh: { every: '23h', pageSize }, logger: silent });
  requireThat((await guard.ready({ timeout: '1m' })) === 'fresh', 'the sweep is complete');
  requireThat(guard.status().lists['default']?.size === count, 'every number is listed');
  await guard.close();
}

/** A list that fits in one reply. */
async function onePage(count: number, form: RowForm): Promise<Stalls> {
  const provider = await startProvider(count, form);
  const options = { apiKey: 'key', apiSecret: 'secret', baseUrl: provider.baseUrl };
  const stalls = await rounds(async () => () => firstSweep(vonage(options), count, count));
  await provider.close();
  return stalls;
}

const longPage = () => onePage(PAGE_ROWS, 'undated');
const longestPage = () => onePage(LONGEST_PAGE_ROWS, 'bare');

async function bareNumbers(): Promise<Stalls> {
  const rows: number[] = [];
  for (const batch of clusteredSample(BARE_NUMBERS).batches()) for (const number of batch) rows.push(number);
  const page: Provider['page'] = async ({ index }) => ({ rows: index === 0 ? rows : [], total: rows.length });
  return rounds(async () => () => firstSweep({ page }, 1_000, rows.length));
}

/** Sends one webhook to a guard and waits for its answer. */
async function webhook({ method, url, headers, body }: WebhookHttp): Promise<Stalls> {
  const guard: Guard = createGuard({ logger: silent });
  await guard.ready();
  const handle = guard.webhooks({ signature: { secret: SECRET, method: 'sha256' }, maxBody: '1mb' });
  const server = createServer((req, res) => handle(req, res));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const send = async () => {
    const response = await fetch(base + url, { method, headers, ...(body === undefined ? {} : { body }) });
    await response.arrayBuffer();
  };
  const stalls = await rounds(async () => {
    const warm = signedWebhook({ person: '15551234567', secret: SECRET, text: 'hello' });
    await fetch(base, { method: warm.method, headers: warm.headers, body: warm.body ?? '' });
    return send;
  });
  server.close();
  server.closeAllConnections();
  await guard.close();
  return stalls;
}

function manyParameters(): Promise<Stalls> {
  const extra: Record<string, string> = {};
  for (let index = 0; index < PARAMETERS; index++) extra[`p${index.toString(36)}`] = '';
  return webhook(signedWebhook({ person: '15551234567', secret: SECRET, text: 'hello', extra }));
}

function ligatures(): Promise<Stalls> {
  const text = LIGATURE.repeat(LIGATURES);
  return webhook(signedWebhook({ person: '15551234567', secret: SECRET, text }));
}

const tasks = { longPage, longestPage, bareNumbers, manyParameters, ligatures };
type Tasks = typeof tasks;
export type StallTasks = { [K in keyof Tasks]: (takes: null) => Promise<Stalls> };

const [name = ''] = process.argv.slice(2);
process.send?.(await tasks[name as keyof Tasks]());
process.disconnect();
