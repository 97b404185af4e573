/**
 * What is measured of the gates around requests in a process of its own. A program: a task's name and what it takes as
 * arguments, its figures as a message.
 */

import { guardDispatcher, installGlobalGuard } from 'sms-send-guard/undici';
import { Agent, request, type Dispatcher } from 'undici';
import { clusteredSample } from './clustered.ts';
import { ratesOf, type Rates, type Turn } from './rates.ts';
import { requireThat, savedGuard } from './saved-guard.ts';

interface Served {
  readonly port: number;
  readonly count: number;
  readonly rounds: number;
}

/** A POST of a JSON body, up to the end of its reply. */
type Post = (url: string, body: string) => Promise<unknown>;

const CONNECTIONS = 16;
const TURN_MS = 60;
const BODIES = 4_096;
const WITH = 'with the gate';
const VARIANTS = ['without the gate', 'without, once more', WITH];
const PATHS = { 'a send': '/sms/json', 'no send': '/reports/rows' };
const HEADERS = { 'content-type': 'application/json' };

const bodyFor = (number: number) =>
  JSON.stringify({ api_key: 'key', to: String(number), from: '73737', text: 'Your parcel comes today' });

const postByFetch: Post = async (url, body) =>
  (await fetch(url, { method: 'POST', headers: HEADERS, body })).text();

const postBy =
  (dispatcher: Dispatcher): Post =>
  async (url, body) =>
    (await request(url, { method: 'POST', headers: HEADERS, body, dispatcher })).body.text();

/** Posts one after the other, some at a time, for a while. */
async function turnOf(post: Post, url: string, bodies: readonly string[]): Promise<Turn> {
  const [start, before] = [performance.now(), process.cpuUsage()];
  let done = 0;
  let sent = 0;
  const loops = Array.from({ length: CONNECTIONS }, async () => {
    while (performance.now() - start < TURN_MS) {
      await post(url, bodies[sent++ % bodies.length] as string);
      done++;
    }
  });
  await Promise.all(loops);
  const { user, system } = process.cpuUsage(before);
  return { done, ms: performance.now() - start, usedMs: (user + system) / 1_000 };
}

const isRefused = (post: Post, url: string, body: string) =>
  post(url, body).then(
    () => false,
    () => true,
  );

/** Requests that all pass, with and without the gate: by client and path, then by variant. */
async function requests({ port, count, rounds }: Served) {
  const sample = clusteredSample(count);
  const guard = await savedGuard(sample);
  const options = { hosts: [`127.0.0.1:${port}`] };
  const bodies = Array.from({ length: BODIES }, (_, index) => bodyFor(sample.other(index)));
  const agent = new Agent();
  const guarded = agent.compose(guardDispatcher(guard, options));

  async function byFetch<T>(isGuarded: boolean, work: (post: Post) => Promise<T>): Promise<T> {
    const end = isGuarded ? installGlobalGuard(guard, options) : undefined;
    const result = await work(postByFetch);
    if (end !== undefined) requireThat(end(), 'the gate is taken away');
    return result;
  }
  const byRequest = <T>(isGuarded: boolean, work: (post: Post) => Promise<T>) =>
    work(postBy(isGuarded ? guarded : agent));

  const figures: Record<string, Record<string, Rates>> = {};
  for (const [client, over] of Object.entries({ fetch: byFetch, 'undici.request': byRequest })) {
    for (const [kind, path] of Object.entries(PATHS)) {
      const url = `http://127.0.0.1:${port}${path}`;
      for (const isGuarded of [true, false]) {
        const refused = await over(isGuarded, (post) => isRefused(post, url, bodyFor(sample.at(0))));
        requireThat(
          refused === (isGuarded && path === PATHS['a send']),
          'a listed number is refused by the gate',
        );
      }
      figures[`${client}, ${kind}`] = await ratesOf(VARIANTS, rounds, (name) =>
        over(name === WITH, (post) => turnOf(post, url, bodies)),
      );
    }
  }
  await agent.close();
  await guard.close();
  return figures;
}

const tasks = { requests };
export type GateTasks = typeof tasks;

const [name = '', takes = ''] = process.argv.slice(2);
const run = tasks[name as keyof GateTasks];
process.send?.(await run(JSON.parse(takes) as Served));
process.disconnect();
