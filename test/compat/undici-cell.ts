/**
 * The global guard in a fresh process of one Node version, with one version of undici beside the one of the package. A
 * program: `undici-cell.js <folder of undici> <order>`; prints one line for each check that failed, and `ok <count>`.
 * It runs the package as it is built.
 */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import type { Guard } from 'sms-send-guard';

/** In which order the modules are loaded, and what is set before the guard is installed. */
export const ORDERS = [
  'guard first',
  'undici first',
  'fetch first',
  'own agent',
  'redirect',
  'retry',
] as const;
export type Order = (typeof ORDERS)[number];

/** What the checks use of undici, in every version. */
interface Undici {
  readonly Agent: new (options?: object) => Composable;
  readonly interceptors?: {
    redirect(options: object): unknown;
    retry?(options: object): unknown;
  };
  fetch(url: string, options: object): Promise<Response>;
  request(url: string, options: object): Promise<{ statusCode: number; body: { text(): Promise<string> } }>;
  setGlobalDispatcher(dispatcher: object): void;
  getGlobalDispatcher(): object;
}
interface Composable {
  compose(...interceptors: unknown[]): object;
}

const LISTED = '15551230001';
const CLEAN = '15551230002';
const LATE = '15551230003';
const LEARNT = '15551230004';
const [folder = '', order = ''] = process.argv.slice(2) as [string?, Order?];

const require = createRequire(import.meta.url);
const { version } = require(`${folder}/package.json`) as { version: string };
const major = Number(version.split('.')[0]);
let undici: Undici | undefined;
const load = () => (undici ??= require(folder) as Undici);

const received: string[] = [];
let connections = 0;
let answer = (_request: IncomingMessage, response: ServerResponse, _body: string): unknown =>
  response.end('{}');
const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('latin1').on('data', (chunk: string) => (body += chunk));
  request.on('end', () => {
    received.push(`${request.url} ${body}`);
    answer(request, response, body);
  });
});
server.on('connection', () => connections++);
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
const origin = `http://${host}`;
// The same server under another name, which is not guarded.
const other = origin.replace('127.0.0.1', 'localhost');
const url = `${origin}/sms/json`;

let passed = 0;
async function check(name: string, run: () => unknown): Promise<void> {
  try {
    await run();
    passed++;
  } catch (error) {
    process.stdout.write(`${order}: ${name}: ${String(error)}${causeOf(error)}\n`);
  }
}

const causeOf = (error: unknown) =>
  error instanceof Error && error.cause instanceof Error ? ` <- ${error.cause.message}` : '';

function equal(actual: unknown, expected: unknown): void {
  if (actual !== expected) throw new Error(`expected ${String(expected)}, got ${String(actual)}`);
}

async function refused(call: Promise<unknown>): Promise<void> {
  const arrived = received.length;
  const error: unknown = await call.then(
    () => new Error('it was sent'),
    (thrown: unknown) => thrown,
  );
  if (!isSendBlocked(error)) throw error;
  equal(received.length, arrived);
}

async function sent(call: Promise<unknown>): Promise<void> {
  const arrived = received.length;
  const { status, statusCode, text, body } = (await call) as Response & { statusCode?: number };
  equal(status ?? statusCode, 200);
  await (typeof text === 'function' ? text.call(await call) : (body as unknown as Response).text());
  equal(received.length, arrived + 1);
}

const form = (to: string) => ({ method: 'POST', body: new URLSearchParams({ to }).toString() });
const streamed = (to: string) => ({
  method: 'POST',
  body: Readable.from([Buffer.from('to='), Buffer.from(to)]),
});
const webStream = (to: string) => ({ method: 'POST', duplex: 'half', body: new Blob([`to=${to}`]).stream() });

const symbols = [Symbol.for('undici.globalDispatcher.1'), Symbol.for('undici.globalDispatcher.2')];
const globals = () => symbols.map((symbol) => Object.getOwnPropertyDescriptor(globalThis, symbol));

if (order === 'fetch first') await (await fetch(origin)).text();
if (order === 'own agent') load().setGlobalDispatcher(new (load().Agent)());
if (order === 'redirect') load().setGlobalDispatcher(redirecting());
if (order === 'retry') load().setGlobalDispatcher(retrying());
const { isSendBlocked } = await import('sms-send-guard');
const { createTestGuard } = await import('sms-send-guard/testing');
const { installGlobalGuard, verifyGlobalGuard } = await import('sms-send-guard/undici');

function redirecting(): object {
  const { Agent, interceptors } = load();
  // Undici 5 and 6 redirect inside their agents.
  if (major < 7) return new Agent({ maxRedirections: 3 });
  return new Agent().compose(interceptors?.redirect({ maxRedirections: 3 }));
}

function retrying(): object {
  const { Agent, interceptors } = load();
  if (interceptors?.retry === undefined) return new Agent();
  return new Agent().compose(interceptors.retry({ methods: ['POST'], minTimeout: 1, statusCodes: [503] }));
}

const guard: Guard = await createTestGuard({ optedOut: [LISTED] });
const faults: string[] = [];
guard.on('error', ({ code }) => faults.push(code));
const before = globals();

if (order === 'retry' && major === 6) {
  await check('undici 6 hides what it composes, and is refused', () => {
    try {
      installGlobalGuard(guard);
    } catch (error) {
      equal((error as { code?: unknown }).code, 'dispatcher_composed');
      return;
    }
    throw new Error('it was installed');
  });
  await check('nothing is changed by that', () => {
    for (const [index, own] of globals().entries()) equal(own?.value, before[index]?.value);
  });
} else {
  await checkGuarded();
}

async function checkGuarded(): Promise<void> {
  const uninstall = installGlobalGuard(guard, { hosts: [host] });
  await check('fetch: clean', () => sent(fetch(url, form(CLEAN))));
  await check('fetch: a clean stream', () => sent(fetch(url, webStream(CLEAN) as RequestInit)));
  const opened = connections;
  await check('fetch: listed', () => refused(fetch(url, form(LISTED))));
  await check('fetch: a listed stream', () => refused(fetch(url, webStream(LISTED) as RequestInit)));
  await check('no connection for a refused one', () => equal(connections, opened));
  await check('fetch: another host', () => sent(fetch(`${other}/sms/json`, form(LISTED))));
  const { request, fetch: undiciFetch } = load();
  await check('request: clean', () => sent(request(url, form(CLEAN))));
  await check('request: a clean stream', () => sent(request(url, streamed(CLEAN))));
  await check('request: listed', () => refused(request(url, form(LISTED))));
  await check('request: a listed stream', () => refused(request(url, streamed(LISTED))));
  await check('undici.fetch: clean', () => sent(undiciFetch(url, form(CLEAN))));
  await check('undici.fetch: listed', () => refused(undiciFetch(url, form(LISTED))));
  await check('it is seen', () => verifyGlobalGuard(guard));
  await checkLearning();
  await checkRedirects();
  if (order === 'retry') await checkRetries();
  await check('no fault', () => equal(faults.join(), ''));

  await check('uninstall says so', () => equal(uninstall(), true));
  await check('what was there is there again', () => {
    for (const [index, own] of globals().entries()) {
      // What was loaded meanwhile may use the agent that it found under a symbol that was empty.
      if (before[index]?.value !== undefined) equal(own?.value, before[index].value);
    }
  });
  await check('fetch after it', () => sent(fetch(url, form(LISTED))));
  await check('request after it', () => sent(request(url, form(LISTED))));
}

async function checkLearning(): Promise<void> {
  answer = (_request, response) => response.end(`{"messages":[{"status":"102","to":"${LEARNT}"}]}`);
  await check('a reply is read', () => sent(fetch(`${origin}/sc/us/2fa/json`, form(LEARNT))));
  await check('an opt-out is learnt from it', () => equal(guard.canSend(LEARNT), false));
  answer = (_request, response) => response.end('{}');
}

async function checkRedirects(): Promise<void> {
  answer = ({ url: path }, response) =>
    path === '/begin'
      ? response.writeHead(307, { location: `${url}?to=${LISTED}` }).end()
      : response.end('{}');
  // Agents of undici 5 and 6 follow redirects themselves; a newer one that they were handed refuses to.
  const isOld = 'interceptors' in load().getGlobalDispatcher();
  const isFollowed = order === 'redirect' || isOld;
  const options = { method: 'POST', body: 'x', ...(isOld ? { maxRedirections: 2 } : {}) };
  const notSent = async (call: Promise<unknown>) => {
    const arrived = received.length;
    const error: unknown = await call.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (received.length !== arrived + 1) throw error;
    return error;
  };
  await check('request: redirected from another host', async () => {
    const error = await notSent(load().request(`${other}/begin`, options));
    if (isSendBlocked(error) !== isFollowed) throw error;
  });
  await check('fetch: redirected from another host', async () => {
    equal(isSendBlocked(await notSent(fetch(`${other}/begin`, { method: 'POST', body: 'x' }))), true);
  });
  answer = (_request, response) => response.end('{}');
}

async function checkRetries(): Promise<void> {
  if (load().interceptors?.retry === undefined) return;
  answer = (_request, response) => void guard.optOut(LATE).then(() => response.writeHead(503).end());
  await check('request: retried after an opt-out', async () => {
    const arrived = received.length;
    const error: unknown = await load()
      .request(url, form(LATE))
      .then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
    equal(isSendBlocked(error), true);
    equal(received.length, arrived + 1);
  });
  answer = (_request, response) => response.end('{}');
}

await guard.close();
process.stdout.write(`ok ${passed}\n`);
// Agents that keep connections alive must not keep the process.
process.exit();
