/** The one confirmation that an opt-out permits: to whom, how often and for how long. */

import { describe, expect, it } from 'vitest';
import { createGuard, memoryStore, type Guard, type GuardOptions } from '../../src/index.ts';
import { accessOf } from '../../src/gates/guard-access.ts';
import { createAgeClock } from '../../src/clock.ts';
import { createPermits } from '../../src/lists/confirmation-permits.ts';
import { signedWebhook } from '../../src/testing/index.ts';
import { createFakeClock, settle, type FakeClock } from '../fake-clock.ts';

const PERSON = '15551230001';
const SHORT_CODE = '73737';
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const confirmation = { from: SHORT_CODE, purpose: 'opt_out_confirmation' } as const;
const secret = 'test-signature-secret';

interface Given {
  readonly options?: GuardOptions;
  readonly unsigned?: boolean;
}

async function world({ options = {}, unsigned = false }: Given = {}) {
  const clock = createFakeClock();
  const lists = { alerts: { senders: [SHORT_CODE], optInByReply: true }, offers: { senders: ['Brand'] } };
  const guard = createGuard({ lists, clock, logger: silent, ...options });
  await settle();
  const receiver = accessOf(guard).receiver(
    unsigned ? { unsigned: 'block_only' } : { signature: { secret, method: 'sha256' } },
  );
  const text = async (words: string, given: { sender?: string; messageId?: string } = {}) => {
    const { method, url, headers, body } = signedWebhook({
      person: PERSON,
      sender: SHORT_CODE,
      text: words,
      at: clock.now(),
      ...(unsigned ? { signed: 'none' } : {}),
      ...given,
    });
    const answer = receiver.receive({ method, url, headers, body: Buffer.from(body ?? '') });
    await settle();
    expect((await answer).status).toBe(200);
    // The provider's times are whole seconds.
    await clock.advance(2_000);
  };
  return { clock, guard, text };
}

async function confirms(guard: Guard, given: object = confirmation): Promise<boolean> {
  return guard.canSend(PERSON, given);
}

describe('the confirmation of an opt-out', () => {
  it('may be sent once, by any kind of check', async () => {
    const ways: readonly ((guard: Guard) => unknown)[] = [
      (guard) => guard.canSend(PERSON, confirmation),
      (guard) => guard.canSend(`+${PERSON}`, confirmation),
      (guard) => guard.check(PERSON, confirmation).allowed,
      (guard) => guard.assertCanSend(PERSON, confirmation) === undefined,
      (guard) => guard.send(PERSON, () => true, confirmation),
    ];
    for (const way of ways) {
      const { guard, text } = await world();
      await text('STOP');
      expect(guard.canSend(PERSON, { from: SHORT_CODE })).toBe(false);
      expect(await way(guard)).toBe(true);
      expect(guard.check(PERSON, confirmation)).toMatchObject({ allowed: false, reason: 'opted_out' });
      await guard.close();
    }
  });

  it('has the reason confirmation and counts as allowed', async () => {
    const { guard, text } = await world();
    await text('STOP');
    expect(guard.check(PERSON, confirmation)).toEqual({
      ...{ allowed: true, reason: 'confirmation', to: PERSON, list: 'alerts', state: 'fresh', ageMs: null },
    });
    expect(guard.status().counters).toMatchObject({ allowed: 1 });
  });

  it('is permitted to one of two simultaneous sends', async () => {
    const { guard, text } = await world();
    await text('STOP');
    const sent = await Promise.allSettled([1, 2].map((one) => guard.send(PERSON, () => one, confirmation)));
    expect(sent.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });

  it('may be sent for five minutes, also if the process was stopped meanwhile', async () => {
    for (const pass of [
      (clock: FakeClock, ms: number) => clock.advance(ms),
      async (clock: FakeClock, ms: number) => clock.skip(ms),
    ]) {
      const early = await world();
      await early.text('STOP');
      await pass(early.clock, 297_000);
      expect(await confirms(early.guard)).toBe(true);
      const late = await world();
      await late.text('STOP');
      await pass(late.clock, 299_000);
      expect(await confirms(late.guard)).toBe(false);
    }
  });

  it('is not permitted again by a repeated webhook or by another STOP', async () => {
    const { guard, text } = await world();
    await text('STOP', { messageId: 'one' });
    expect(await confirms(guard)).toBe(true);
    await text('STOP', { messageId: 'one' });
    expect(await confirms(guard)).toBe(false);
    await text('STOP', { messageId: 'two' });
    expect(await confirms(guard)).toBe(false);
  });

  it('is cancelled by an opt-in, and permitted by the opt-out after it', async () => {
    const { guard, text } = await world();
    await text('STOP');
    await text('START');
    expect(guard.check(PERSON, confirmation)).toMatchObject({ allowed: true, reason: 'not_listed' });
    await guard.optOut(PERSON, { list: 'alerts' });
    expect(await confirms(guard)).toBe(false);
    await guard.resubscribe(PERSON, { localOnly: true });
    await text('STOP');
    expect(await confirms(guard)).toBe(true);
  });

  it('is only for the list and the person of the opt-out', async () => {
    const { guard, text } = await world();
    await text('STOP');
    await guard.optOut(PERSON, { list: 'offers' });
    await guard.optOut('15551230002', { list: 'alerts' });
    expect(guard.canSend('15551230002', confirmation)).toBe(false);
    // Without a sender every list is asked, and one of them has no permit.
    expect(await confirms(guard, { purpose: 'opt_out_confirmation' })).toBe(false);
    expect(await confirms(guard, { ...confirmation, from: 'Brand' })).toBe(false);
    expect(await confirms(guard, { ...confirmation, purpose: 'advertising' })).toBe(false);
    expect(await confirms(guard)).toBe(true);
  });

  it('is blocked if the person opted out everywhere as well', async () => {
    const { guard, text } = await world();
    await text('STOP');
    await guard.optOut(PERSON);
    expect(await confirms(guard)).toBe(false);
  });

  it('is not permitted by a receipt, an operator or an unsigned message', async () => {
    const { guard, text } = await world({ unsigned: true });
    await text('STOP');
    expect(await confirms(guard)).toBe(false);
    const other = await world();
    await accessOf(other.guard).learn({ msisdn: PERSON, from: SHORT_CODE });
    expect(await confirms(other.guard)).toBe(false);
  });

  it('is blocked after close(), and while an unlisted number would be blocked', async () => {
    const provider = { page: () => Promise.reject(new Error('down')) };
    const { guard, text } = await world({
      options: { lists: { alerts: { senders: [SHORT_CODE], provider } } },
    });
    await text('STOP');
    expect(guard.check(PERSON, confirmation)).toMatchObject({
      allowed: false,
      reason: 'opted_out',
      state: 'starting',
    });
    const closed = await world();
    await closed.text('STOP');
    await closed.guard.close();
    expect(await confirms(closed.guard)).toBe(false);
  });

  it('is not permitted in a process that loaded the opt-out from the store', async () => {
    const store = memoryStore();
    const first = await world({ options: { store } });
    await first.text('STOP');
    await first.guard.close();
    const second = await world({ options: { store } });
    expect(await confirms(second.guard)).toBe(false);
  });

  it('is not used up if the number may be sent to anyway', async () => {
    const { guard } = await world();
    for (let times = 0; times < 3; times++) expect(await confirms(guard)).toBe(true);
    expect(guard.canSend('nobody', confirmation)).toBe(false);
  });

  it('needs a permit for each reading that is listed', async () => {
    const { guard, text } = await world({ options: { defaultCountry: 'US' } });
    await text('STOP');
    const national = PERSON.slice(1);
    await guard.optOut(`+${national}`, { list: 'alerts' });
    expect(guard.canSend(national, confirmation)).toBe(false);
    expect(guard.canSend(`+${PERSON}`, confirmation)).toBe(true);
  });

  it('is permitted for a bounded number of opt-outs, the newest ones', () => {
    const permits = createPermits(createAgeClock(createFakeClock()));
    for (let one = 0; one <= 100_000; one++) permits.grant('list', String(one));
    expect([permits.has('list', '0'), permits.has('list', '1'), permits.has('list', '100000')]).toEqual([
      false,
      true,
      true,
    ]);
  });
});
