/**
 * Optional options accept `undefined`, as in `{ timeout: settings.timeout }`: in every type under
 * `exactOptionalPropertyTypes`, and in every function that reads them.
 */

import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { guardFetch, type GuardFetchOptions } from '../../src/gates/fetch/fetch.ts';
import {
  guardDispatcher,
  type SendRule,
  type UndiciGuardOptions,
} from '../../src/gates/undici/interceptor.ts';
import { guardVonage, type GuardVonageOptions } from '../../src/gates/vonage-sdk/client.ts';
import {
  createGuard,
  memoryStore,
  type CheckOptions,
  type CsvStreamOptions,
  type FilterOptions,
  type Guard,
  type GuardOptions,
  type ImportRow,
  type ListOptions,
  type MiddlewareOptions,
  type PolicyOptions,
  type RefreshOptions,
  type RowStreamOptions,
  type SendOptions,
  type WebhooksOptions,
} from '../../src/index.ts';
import {
  createTestGuard,
  signedWebhook,
  startSimulator,
  type SimulatorOptions,
  type TestGuardOptions,
  type WebhookSpec,
} from '../../src/testing/index.ts';

type OptionalKey<T> = { [K in keyof T]-?: object extends Pick<T, K> ? K : never }[keyof T];
/** The optional keys of a type that do not accept `undefined`. It must be `never`. */
type Exact<T> = T extends object
  ? { [K in OptionalKey<T>]: { [P in K]: undefined } extends Pick<T, K> ? never : K }[OptionalKey<T>]
  : never;
type Second<F> = F extends (first: never, options?: infer O) => unknown ? NonNullable<O> : never;
type First<F> = F extends (options?: infer O) => unknown ? NonNullable<O> : never;

/** Compiles only for types without such keys. */
function acceptsUndefined<T>(..._keys: [Exact<T>] extends [never] ? [] : [Exact<T>]): void {}

it('accepts undefined in the type of every options object', () => {
  acceptsUndefined<GuardOptions>();
  acceptsUndefined<RefreshOptions>();
  acceptsUndefined<PolicyOptions>();
  acceptsUndefined<ListOptions>();
  acceptsUndefined<CheckOptions>();
  acceptsUndefined<SendOptions>();
  acceptsUndefined<FilterOptions<string>>();
  acceptsUndefined<RowStreamOptions<string>>();
  acceptsUndefined<CsvStreamOptions>();
  acceptsUndefined<CsvStreamOptions['csv']>();
  acceptsUndefined<MiddlewareOptions>();
  acceptsUndefined<WebhooksOptions>();
  acceptsUndefined<NonNullable<WebhooksOptions['keywords']>>();
  acceptsUndefined<GuardFetchOptions>();
  acceptsUndefined<UndiciGuardOptions>();
  acceptsUndefined<SendRule>();
  acceptsUndefined<GuardVonageOptions>();
  acceptsUndefined<TestGuardOptions>();
  acceptsUndefined<SimulatorOptions>();
  acceptsUndefined<WebhookSpec>();
  acceptsUndefined<Exclude<ImportRow, string | number>>();
  acceptsUndefined<NonNullable<Parameters<typeof memoryStore>[0]>>();
  acceptsUndefined<First<Guard['ready']>>();
  acceptsUndefined<First<Guard['close']>>();
  acceptsUndefined<First<Guard['refresh']>>();
  acceptsUndefined<First<Guard['optOuts']>>();
  acceptsUndefined<Second<Guard['optOut']>>();
  acceptsUndefined<Second<Guard['resubscribe']>>();
  acceptsUndefined<Second<Guard['import']>>();
  acceptsUndefined<Second<Guard['history']>>();
  // @ts-expect-error -- this type does not accept undefined
  acceptsUndefined<{ readonly every?: string }>();
  expect(acceptsUndefined.length).toBe(0);
});

describe('undefined options', () => {
  const NUMBER = '15551230001';
  const none = <K extends string>(...keys: K[]) =>
    Object.fromEntries(keys.map((key) => [key, undefined])) as Record<K, undefined>;
  const guardOptions: GuardOptions = {
    ...none(
      'provider',
      'lists',
      'store',
      'staleAfter',
      'maxAge',
      'defaultCountry',
      'logger',
      'clock',
      'random',
    ),
    refresh: {
      ...none('every', 'jitter', 'timeout', 'pageSize', 'concurrency', 'maxPages'),
      ...none('lagGrace', 'shrinkHold', 'clockSlack'),
    },
    policy: none('whenNotReady', 'whenStale', 'whenExpired'),
  };

  it('are accepted by a guard and its calls', async () => {
    const guard = createGuard(guardOptions);
    createGuard({ refresh: undefined, policy: undefined, store: memoryStore({ keepsSweeps: undefined }) });
    expect(await guard.ready({ timeout: undefined })).toBe('fresh');
    expect(guard.canSend(NUMBER, none('from', 'purpose'))).toBe(true);
    guard.assertCanSend(NUMBER, none('from', 'purpose'));
    expect(await guard.send(NUMBER, (to) => to, none('from', 'purpose', 'onBlocked'))).toBe(NUMBER);
    expect(guard.filter([NUMBER], none('from', 'to', 'onBlocked')).allowed).toEqual([NUMBER]);
    const rows = none('from', 'to', 'csv', 'duplicates', 'onBlocked', 'onRefused');
    expect(guard.filterStream(rows)).toBeInstanceOf(PassThrough.Transform);
    const csv = { column: 0, ...none('header', 'delimiter') };
    guard.filterStream({ csv, ...none('from', 'duplicates', 'onBlocked', 'onRefused') });
    guard.middleware(none('to', 'from', 'onBlocked', 'setTo', 'maxRecipients'));
    guard.webhooks({
      ...none('signature', 'jwt', 'maxBody', 'replayWindow', 'unclear', 'parse'),
      keywords: none('languages', 'optOut', 'optIn', 'unclear', 'footers'),
      unsigned: 'block_only',
    });
    guard.webhooks({ keywords: undefined, unsigned: 'block_only' });
    await guard.optOut(NUMBER, none('list', 'reason'));
    await guard.resubscribe(NUMBER, none('list', 'localOnly'));
    await guard.import([{ msisdn: NUMBER, ...none('at', 'reason') }], none('list', 'source'));
    for await (const { msisdn } of guard.optOuts(none('list'))) expect(msisdn).toBe(NUMBER);
    expect((await guard.history(NUMBER, none('list', 'limit'))).length).toBeGreaterThan(0);
    expect(await guard.refresh(none('acceptShrink'))).toMatchObject({ isComplete: true });
    await guard.close(none('timeout'));
  });

  it('are accepted by a list', () => {
    const options = none('senders', 'provider', 'optInByReply', 'trustProviderRemoval');
    expect(() => createGuard({ lists: { alerts: options } })).not.toThrow();
  });

  it('are accepted by the gates', async () => {
    const guard = createGuard(guardOptions);
    await guard.ready();
    guardDispatcher(guard, none('hosts', 'rules', 'maxBody', 'onBlocked'));
    guardDispatcher(guard, { rules: [{ path: '/send', to: 'to', ...none('host', 'from') }] });
    guardVonage(guard, { sms: {} }, none('onBlocked', 'allow'));
    const next = async () => new Response('sent');
    const gate = guardFetch(guard, {
      next,
      ...none('to', 'from', 'onBlocked', 'setTo', 'maxRecipients', 'maxBody'),
    });
    const request = new Request('http://x/', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ to: NUMBER }),
    });
    expect((await gate(request)).status).toBe(200);
    await guard.close();
  });

  it('are accepted by the helpers for tests', async () => {
    const guard = await createTestGuard({ logger: undefined, optedOut: undefined });
    expect(guard.canSend(NUMBER)).toBe(true);
    await guard.close();
    const spec = none(
      'shape',
      'sender',
      'text',
      'errorCode',
      'at',
      'messageId',
      'transport',
      'extra',
      'signed',
    );
    const { body } = signedWebhook({
      person: NUMBER,
      ...spec,
      ...none('secret', 'method', 'apiKey', 'path'),
    });
    expect(body).toContain(NUMBER);
    await using simulator = await startSimulator({
      ...none('optOuts', 'apiKey', 'apiSecret', 'signature', 'pageCap', 'listLagMs', 'port', 'now'),
    });
    expect(simulator.url).toMatch(/^http:/);
  });
});
