/** Plays the worked example of src/ledger/README.md with a guard: each step blocks or releases as the table says. */

import { expect, it } from 'vitest';
import { createGuard } from 'sms-send-guard';
import { webhooksFetch } from 'sms-send-guard/fetch';
import { signedWebhook } from 'sms-send-guard/testing';
import { tablesOf } from '../documents/markdown.ts';
import { START as MIDNIGHT, createFakeClock } from '../fake-clock.ts';

const PERSON = '15551230001';
const SECRET = 'test-signature-secret';
const LAG_GRACE_MS = 600_000;

/** The column "blocked" of the table. */
function expectedAnswers(): readonly boolean[] {
  const table = tablesOf('src/ledger/README.md').find(({ head }) => head === 'step');
  return (table?.rows ?? []).map(([, , , blocked]) => blocked === 'yes');
}

function at(time: string): number {
  const [hours = '', minutes = ''] = time.split(':');
  return MIDNIGHT + (Number(hours) * 60 + Number(minutes)) * 60_000;
}

it('answers as the worked example says', async () => {
  const clock = createFakeClock();
  await clock.advance(at('12:00') - clock.now());
  const rows: string[] = [];
  let proof = Promise.resolve();
  await using guard = createGuard({
    lists: {
      default: { provider: { page: async () => ({ rows }), optIn: () => proof }, optInByReply: true },
    },
    clock,
    logger: { debug() {}, info() {}, warn() {}, error() {} },
  });
  await guard.refresh();
  const receive = webhooksFetch(guard, { signature: { secret: SECRET, method: 'sha256' } });

  async function write(text: string, time: string, messageId: string): Promise<void> {
    const {
      method,
      url,
      headers,
      body = null,
    } = signedWebhook({
      ...{ person: PERSON, text, at: at(time), messageId, secret: SECRET },
      path: 'http://127.0.0.1/webhooks/sms',
    });
    expect((await receive(new Request(url, { method, headers, body }))).status).toBe(200);
  }

  const list = { list: 'default' };
  let prove = (): void => undefined;
  let act: Promise<unknown> = Promise.resolve();
  const steps: (() => Promise<unknown>)[] = [
    () => write('STOP', '10:00', 'a'),
    () => write('STOP', '10:00', 'a'),
    () => write('START', '10:00', 'b'),
    () => write('START', '10:05', 'c'),
    () => write('STOP', '10:03', 'd'),
    () => guard.optOut(PERSON, list),
    () => write('START', '11:00', 'e'),
    async () => {
      proof = new Promise((resolve) => (prove = resolve));
      act = guard.resubscribe(PERSON, list);
    },
    () => write('STOP', '10:59', 'f'),
    async () => {
      prove();
      expect(await act).toEqual({ released: true, stillBlocked: [] });
    },
    () => write('STOP', '11:30', 'g'),
    () => guard.resubscribe(PERSON, list),
    async () => {
      rows.push(PERSON);
      await guard.refresh();
    },
    async () => {
      clock.skip(LAG_GRACE_MS + 1);
      await guard.refresh();
    },
  ];
  const answers: boolean[] = [];
  for (const step of steps) {
    await step();
    answers.push(!guard.canSend(PERSON));
  }
  expect(answers).toEqual(expectedAnswers());
});
