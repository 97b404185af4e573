/**
 * What users write, against every entry point. It is compiled against the packed package by old and new versions of
 * TypeScript, and never run.
 */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import {
  ConfigError,
  createGuard,
  findSendBlocked,
  isSendBlocked,
  memoryStore,
  vonage,
  type Clock,
  type Decision,
  type Guard,
  type GuardEvents,
  type GuardOptions,
  type ListsOptions,
  type Provider,
  type State,
  type Store,
  type WebhooksOptions,
} from 'sms-send-guard';
import { guardFetch, webhooksFetch } from 'sms-send-guard/fetch';
import { sqliteStore } from 'sms-send-guard/sqlite';
import { createTestGuard, signedWebhook, startSimulator, storeConformance } from 'sms-send-guard/testing';
import { guardDispatcher, installGlobalGuard } from 'sms-send-guard/undici';
import { guardVonage } from 'sms-send-guard/vonage-sdk';
import { Agent, interceptors } from 'undici';

const settings: { readonly every?: '5m' | undefined; readonly country?: string | undefined } = {};

const own: Provider = {
  page: async ({ index, size, signal }) => {
    signal.throwIfAborted();
    return { rows: index === 0 ? ['15551230001', { msisdn: '15551230002', optOut: true }] : [], total: size };
  },
};
const lists: ListsOptions = {
  alerts: { senders: ['73737'], provider: own },
  marketing: { optInByReply: true },
  resolve: (from) => (from === 'Acme' ? 'marketing' : undefined),
};
const store: Store = sqliteStore('./optouts.db');
const options: GuardOptions = {
  provider: vonage({ apiKey: 'key', signature: { secret: 'secret', method: 'sha256' } }),
  store,
  refresh: { every: settings.every, timeout: '30s', concurrency: 2 },
  policy: { whenStale: 'block', whenExpired: undefined },
  defaultCountry: settings.country,
  logger: console,
};

function reasonOf(decision: Decision): string {
  if (decision.allowed) return `${decision.reason} ${decision.to.length}`;
  return decision.reason === 'opted_out' ? `${decision.list} ${decision.source}` : decision.reason;
}

/** Everything that a guard does. */
export async function useGuard(guard: Guard, clock: Clock): Promise<string> {
  const state: State = await guard.ready({ timeout: '5s' });
  const stop = guard.on('blocked', ({ to, reason }: GuardEvents['blocked']) => `${to} ${reason}`);
  const words = [state, reasonOf(guard.check('15551234567', { from: '73737' })), String(clock.now())];
  const { allowed, blocked } = guard.filter([{ phone: '15551234567' }], { to: (row) => row.phone });
  words.push(...allowed.map(({ phone }) => phone), ...blocked.map(({ decision }) => decision.reason));
  const sent: { id: string } = await guard.send('15551234567', async (to) => ({ id: to }));
  await guard.optOut('15551234567', { reason: 'by phone' });
  const { released, stillBlocked } = await guard.resubscribe('15551234567', { localOnly: true });
  for await (const { msisdn, source } of guard.optOuts()) words.push(msisdn, source);
  for (const { list, direction, at } of await guard.history('15551234567', { limit: 5 }))
    words.push(list, direction, String(at));
  await guard.import([{ msisdn: 15_551_234_567, at: new Date() }], { source: 'file' });
  const stream = guard.filterStream({ csv: { column: 'phone' }, duplicates: 'fold' });
  await pipeline(process.stdin, stream, process.stdout);
  const { ready, reasons, lists: byName, counters } = guard.status();
  words.push(String(ready), ...reasons, ...Object.keys(byName), String(counters.blocked.opted_out));
  await guard.prune({ olderThan: '365d' });
  const { isComplete } = await guard.refresh({ acceptShrink: true });
  stop();
  await guard.close();
  return [
    ...words,
    sent.id,
    String(released),
    ...stillBlocked,
    String(isComplete),
    stream.report.rows,
  ].join();
}

/** How refused sends are told from other errors. */
export function explain(error: unknown): string {
  if (error instanceof ConfigError) return error.key;
  const blocked = findSendBlocked(error);
  if (blocked !== undefined) return blocked.decision.reason;
  return isSendBlocked(error) ? error.message : 'another error';
}

/** Every host and gate. */
export function useGates(): unknown[] {
  const guard = createGuard(options);
  createGuard({ lists, store: memoryStore() });
  const secrets: WebhooksOptions = { signature: { secret: ['new', 'old'], method: 'sha256' } };
  const handler: (req: IncomingMessage, res: ServerResponse) => void = guard.webhooks(secrets);
  const gate = guard.middleware<{ body?: { to: string } }>({ to: (req) => req.body?.to, onBlocked: 'strip' });
  const answer: (request: Request) => Promise<Response> = guardFetch(guard, {
    next: async (request) => new Response(await request.text()),
  });
  const client = guardVonage(guard, { sms: { send: async (message: { to: string }) => message.to } });
  const agent = new Agent().compose(
    guardDispatcher(guard, { hosts: ['localhost:3000'] }),
    interceptors.retry(),
  );
  const uninstall: () => void = installGlobalGuard(guard);
  return [
    createServer(handler),
    gate,
    answer,
    webhooksFetch(guard, secrets),
    client.sms.send,
    agent,
    uninstall,
  ];
}

/** The helpers for tests. */
export async function useTesting(): Promise<unknown[]> {
  const guard = await createTestGuard({ optedOut: ['15551230001'] });
  guard.setProviderDown(true);
  const simulator = await startSimulator({ optOuts: ['15551230001'] });
  const { body } = signedWebhook({ person: '15551230001', text: 'STOP' });
  return [guard.providerList.size, simulator.url, body, storeConformance.map(({ name }) => name)];
}
