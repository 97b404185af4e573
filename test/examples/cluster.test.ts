/** The cluster as it is deployed: real processes of the built program, seen from outside only. */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, expect, it } from 'vitest';
import type { GuardStatus } from '../../src/index.ts';
import { signedWebhook, startSimulator, type Simulator } from '../../src/testing/index.ts';
import { builtProgram } from '../built.ts';
import { newFolder } from '../stores/folders.ts';

const program = builtProgram('examples/cluster/main.js');
const WORKERS = 4;
const PATIENCE = { timeout: 10_000, interval: 50 };
const running = new Set<ChildProcess>();

// Workers end when their primary is gone.
afterEach(async () => {
  for (const child of running) {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }
});

function start(env: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  child.on('exit', () => running.delete(child));
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  return { child, lines, errors: () => errors };
}

interface Answer {
  readonly worker: string;
  readonly status: number;
  readonly type: string | undefined;
  readonly body: string;
}

interface Asked {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

async function startCluster(simulator: Simulator, storeFile: string) {
  const { child, lines, errors } = start({
    API_KEY: simulator.apiKey,
    API_SECRET: simulator.apiSecret,
    SIGNATURE_SECRET: simulator.signature.secret,
    PROVIDER_URL: simulator.url,
    STORE_FILE: storeFile,
    REFRESH_SECONDS: '1',
    HOST: '127.0.0.1',
    PORT: '0',
  });
  await expect.poll(() => lines[0], PATIENCE).toMatch(/^listening on port \d+$/);
  const port = Number(lines[0]?.split(' ').at(-1));

  /** One request on a connection of its own: the primary gives it to the worker whose turn it is. */
  function ask({ path, method = 'GET', headers = {}, body }: Asked): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const sent = request(
        { host: '127.0.0.1', port, path, method, headers, agent: false, timeout: 5_000 },
        (res) => {
          let text = '';
          res.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
          res.on('error', reject).on('end', () => {
            const { 'x-worker': worker, 'content-type': type } = res.headers;
            resolve({
              worker: String(worker),
              status: res.statusCode ?? 0,
              type: type?.split(';')[0],
              body: text,
            });
          });
        },
      );
      sent.on('error', reject).on('timeout', () => sent.destroy(new Error('no answer')));
      sent.end(body);
    });
  }

  const send = (to: string): Asked => ({
    path: '/messages',
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ to, text: 'hello' }),
  });

  /** Asks until every worker has answered, in vain at most so often. */
  async function throughAll(asked: Asked): Promise<Answer[]> {
    const answers = new Map<string, Answer>();
    for (let tries = 0; answers.size < WORKERS && tries < 10 * WORKERS; tries++) {
      const answer = await ask(asked);
      answers.set(answer.worker, answer);
    }
    expect(answers.size).toBe(WORKERS);
    return [...answers.values()];
  }

  async function statuses() {
    const answers = await throughAll({ path: '/health' });
    return answers.map(({ worker, body }) => {
      const { state, lists } = JSON.parse(body) as GuardStatus;
      return { worker, state, lists: Object.values(lists) };
    });
  }

  /** The process of each worker that ever listened, by its id. */
  const processes = () =>
    new Map(
      lines.flatMap((line) => {
        const [, id, pid] = /^worker (\d+) is process (\d+)$/.exec(line) ?? [];
        return id === undefined ? [] : [[id, Number(pid)]];
      }),
    );

  await expect.poll(() => processes().size, PATIENCE).toBe(WORKERS);
  return { child, errors, ask, send, throughAll, statuses, processes };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const refusals = (answers: readonly Answer[]) =>
  answers.map(({ status, type, body }) => [status, type, (JSON.parse(body) as { code?: string }).code]);
const REFUSED_BY_ALL = Array.from({ length: WORKERS }, () => [403, 'application/problem+json', 'opted_out']);

it('four workers over one store file know what one of them learns, whichever dies', async () => {
  await using simulator = await startSimulator({ optOuts: 250 });
  const cluster = await startCluster(simulator, join(newFolder(), 'store.db'));
  const { ask, send, throughAll, statuses, processes } = cluster;

  // All are up, by one reading of the list.
  const areUp = (await statuses()).map(({ state }) => state === 'fresh' || state === 'restored');
  expect(areUp).toEqual([true, true, true, true]);
  expect(refusals(await throughAll(send('15550000007')))).toEqual(REFUSED_BY_ALL);
  expect((await ask(send('15551230001'))).status).toBe(202);
  expect(simulator.messages.map(({ to }) => to)).toEqual(['15551230001']);

  // A STOP to one of them holds in all of them. Before they say so, a send might be in time to leave.
  const stop = signedWebhook({ ...simulator.signature, person: '15551230001', path: '/webhooks/sms' });
  expect((await ask({ ...stop, path: stop.url })).status).toBe(200);
  const stoppedAt = performance.now();
  const known = async () =>
    (await statuses()).map(({ lists }) => lists.reduce((sum, { firstHand }) => sum + firstHand, 0));
  await expect.poll(known, { timeout: 1_000, interval: 10 }).toEqual([1, 1, 1, 1]);
  expect(refusals(await throughAll(send('15551230001')))).toEqual(REFUSED_BY_ALL);
  expect(performance.now() - stoppedAt).toBeLessThan(1_000);
  expect(simulator.messages).toHaveLength(1);

  // One of them reads the list, the others take over what it finds.
  const sweeps = () => simulator.requests.filter(({ inputs }) => inputs['page'] === '0');
  await expect.poll(() => sweeps().length, PATIENCE).toBeGreaterThanOrEqual(4);
  const elapsedMs = (sweeps().at(-1)?.at ?? 0) - (sweeps()[0]?.at ?? 0);
  // No process begins a sweep within a second of its last one; one that came late adds one.
  expect(sweeps().length).toBeLessThanOrEqual(elapsedMs / 1_000 + 2);
  const readers = (await statuses()).filter(({ lists }) => lists.some(({ lastAttempt }) => lastAttempt));
  expect(readers).toHaveLength(1);
  await expect
    .poll(async () => (await statuses()).map(({ state }) => state), PATIENCE)
    .toEqual(['fresh', 'fresh', 'fresh', 'fresh']);

  // Who read it dies, and is replaced by one that knows.
  const before = new Set(processes().keys());
  const victim = processes().get(readers[0]?.worker ?? '') ?? 0;
  process.kill(victim, 'SIGKILL');
  await expect.poll(() => processes().size, PATIENCE).toBe(WORKERS + 1);
  const answers = await throughAll(send('15551230001'));
  expect(answers.filter(({ worker }) => !before.has(worker))).toHaveLength(1);
  expect(refusals(answers)).toEqual(REFUSED_BY_ALL);
  expect(refusals(await throughAll(send('15550000007')))).toEqual(REFUSED_BY_ALL);
  expect(simulator.messages).toHaveLength(1);
  expect(cluster.errors()).toMatch(/^worker \d ended \(SIGKILL\); another one starts in 100 ms$/m);
}, 30_000);

it('on SIGTERM they finish what is under way and leave neither a process nor their turn behind', async () => {
  await using simulator = await startSimulator({ optOuts: 250 });
  const storeFile = join(newFolder(), 'store.db');
  const { child, ask, send, processes } = await startCluster(simulator, storeFile);
  simulator.fault({ on: 'sms', delayMs: 500 });
  const answer = ask(send('15551230001'));
  await expect.poll(() => simulator.messages.length, PATIENCE).toBe(1);
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  expect((await answer).status).toBe(202);
  expect(await gone).toEqual([0, null]);
  expect([...processes().values()].filter(isAlive)).toEqual([]);

  // A guard that was not closed would hold the right to read the list for 15 seconds.
  const before = simulator.requests.length;
  await startCluster(simulator, storeFile);
  await expect.poll(() => simulator.requests.length, { timeout: 5_000 }).toBeGreaterThan(before);
}, 30_000);

it('says what is missing instead of starting workers', async () => {
  const { child, errors } = start({ API_KEY: 'key', API_SECRET: 'secret', PORT: '0' });
  expect(await once(child, 'close')).toEqual([1, null]);
  expect(errors()).toBe('not in the environment: SIGNATURE_SECRET, STORE_FILE\n');
});
