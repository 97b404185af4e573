/**
 * The whole story on one machine: a provider simulator with 250 opt-outs, the sending service of ./express-service,
 * and what each of them sees. Exits 0 only if the provider was asked to send exactly the allowed messages.
 * With `--serve` both stay up, and the lines to try them are printed.
 */

import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signedWebhook, startSimulator, type Simulator } from 'sms-send-guard/testing';
import { createService } from './express-service/service.ts';

interface Step {
  readonly what: string;
  readonly answered: string;
  readonly seen: string;
}

const PAGE_SIZE = 100;
/** The simulator's numbers begin here: the first page holds 0 to 99, the third 200 to 249. */
const listed = (index: number) => String(15_550_000_000 + index);
const CLEAN = ['15551230001', '15551230002'];
const STOPPER = '15551230003';
const ELSEWHERE = '15551230004';

async function listen(simulator: Simulator, folder: string) {
  const service = createService({
    store: `sqlite:${join(folder, 'optouts.db')}`,
    apiKey: simulator.apiKey,
    apiSecret: simulator.apiSecret,
    signatureSecret: simulator.signature.secret,
    providerUrl: simulator.url,
    refresh: { pageSize: PAGE_SIZE, every: '5m' },
  });
  // A failed sweep is part of the story, and told in the table.
  service.guard.on('error', () => undefined);
  const server = service.app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  await service.guard.ready();
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { ...service, server, url };
}

const newFolder = () => mkdtempSync(join(tmpdir(), 'sms-send-guard-demo-'));

async function play(): Promise<boolean> {
  const simulator = await startSimulator({ optOuts: 250 });
  const folder = newFolder();
  let { guard, server, url } = await listen(simulator, folder);
  const steps: Step[] = [];
  const webhooks = `${url}/webhooks/sms`;

  async function stop(): Promise<void> {
    server.close();
    server.closeAllConnections();
    await guard.close();
  }

  async function step(what: string, act: () => Promise<string>): Promise<void> {
    const before = simulator.messages.length;
    const answered = await act();
    const seen = simulator.messages.slice(before).map(({ api, to }) => `${api} to ${to}`);
    steps.push({ what, answered, seen: seen.join(', ') || '-' });
  }

  async function post(path: string, body: unknown): Promise<string> {
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const said = (await response.json()) as Record<string, unknown>;
    const type = response.headers.get('content-type')?.split(';')[0];
    const detail = type === 'application/problem+json' ? `${type} ${String(said['code'])}` : summary(said);
    return `${response.status} ${detail}`;
  }
  const send = (to: string | string[]) => () =>
    post('/messages', { to, from: '73737', text: 'Your code is 1234' });

  const pages = simulator.requests.filter(({ endpoint }) => endpoint === 'query').length;
  steps.push({
    what: `start: 250 opt-outs read in ${pages} requests`,
    answered: guard.status().state,
    seen: '-',
  });
  await step('send to a clean number', send(CLEAN[0] ?? ''));
  await step('send to another, written +1 (555) 123-0002', send('+1 (555) 123-0002'));
  await step('send to a number on page 1', send(listed(7)));
  await step('send to a number on page 2', send(listed(150)));
  await step('send to a number on page 3', send(listed(249)));
  await step('send to two, one of them opted out', send([CLEAN[0] ?? '', listed(42)]));
  await step('send to a number before its STOP', send(STOPPER));
  await step('a signed STOP arrives by webhook', async () => {
    const { status, body } = await simulator.receiveStop(webhooks, { person: STOPPER, text: 'Stop.' });
    return `${status} ${body}`;
  });
  await step('send to it again', send(STOPPER));
  await step('resubscribe through manage', () => post('/resubscribe', { to: STOPPER }));
  await step('send to it once more', send(STOPPER));
  // This person opted out where nobody told us: the provider accepts the message, and fails it later.
  simulator.list.isLagging = true;
  simulator.list.add(ELSEWHERE);
  await step('send to one who opted out elsewhere', send(ELSEWHERE));
  await step('its receipt says err-code 9', async () => {
    const [result] = await simulator.deliverReceipts(webhooks);
    return `${result?.status} ${result?.body}`;
  });
  await step('send to it again', send(ELSEWHERE));
  simulator.setDown(true);
  await step('the provider goes down; a refresh', async () => {
    const { isComplete, lists } = await guard.refresh();
    const outcome = lists[0];
    return `complete: ${isComplete}, ${outcome?.status === 'failed' ? outcome.error.code : outcome?.status}`;
  });
  await step('send to a number on page 1', send(listed(7)));
  await step('send to the one learnt from the receipt', send(ELSEWHERE));
  await step('the service restarts, the provider is still down', async () => {
    await stop();
    ({ guard, server, url } = await listen(simulator, folder));
    return guard.status().state;
  });
  await step('send to a number on page 3', send(listed(249)));
  await step('send to the one learnt from the receipt', send(ELSEWHERE));
  simulator.setDown(false);

  print(steps);
  const allowed = [CLEAN[0], CLEAN[1], STOPPER, STOPPER, ELSEWHERE];
  const seen = simulator.messages.map(({ to }) => to);
  const isRight = JSON.stringify(seen) === JSON.stringify(allowed);
  console.log(
    isRight
      ? `\nThe provider saw exactly the ${allowed.length} messages that were allowed.`
      : `\nWRONG: the provider saw ${seen.join(', ')}; allowed were ${allowed.join(', ')}.`,
  );
  await stop();
  await simulator.close();
  rmSync(folder, { recursive: true });
  return isRight;
}

function summary(said: Record<string, unknown>): string {
  return Array.isArray(said['sent']) ? `sent ${said['sent'].length}` : JSON.stringify(said);
}

function print(steps: readonly Step[]): void {
  const rows = [{ what: 'step', answered: 'the service answered', seen: 'the provider saw' }, ...steps];
  const width = (name: keyof Step) => Math.max(...rows.map((row) => row[name].length));
  for (const [index, { what, answered, seen }] of rows.entries()) {
    console.log(`${what.padEnd(width('what'))} | ${answered.padEnd(width('answered'))} | ${seen}`);
    if (index === 0) console.log('-'.repeat(width('what') + width('answered') + width('seen') + 6));
  }
}

async function serve(): Promise<void> {
  const simulator = await startSimulator({ optOuts: 250 });
  const folder = newFolder();
  const { guard, server, url } = await listen(simulator, folder);
  const json = "-H 'content-type: application/json'";
  const { method, query, headers, body } = signedWebhook({
    ...simulator.signature,
    person: CLEAN[0] ?? '',
    text: 'STOP',
  });
  const sent = Object.entries(headers).map(([name, value]) => `-H '${name}: ${value}'`);
  console.log(`service    ${url}
simulator  ${simulator.url} (${simulator.list.size} opt-outs, ${listed(0)} and on)

# leaves
curl -i ${url}/messages ${json} -d '{"to":"${CLEAN[0]}","text":"hello"}'
# is refused
curl -i ${url}/messages ${json} -d '{"to":"${listed(0)}","text":"hello"}'
# a signed STOP of ${CLEAN[0]}; send to it again afterwards
curl -i -X ${method} '${url}/webhooks/sms${query}' ${sent.join(' ')} -d '${body ?? ''}'
# through the provider's manage endpoint
curl -i ${url}/resubscribe ${json} -d '{"to":"${CLEAN[0]}"}'
# state, sizes, last sweep
curl -s ${url}/health

Ctrl+C ends both.`);
  await once(process, 'SIGINT');
  server.close();
  server.closeAllConnections();
  await guard.close();
  await simulator.close();
  rmSync(folder, { recursive: true });
}

if (process.argv.includes('--serve')) await serve();
else process.exitCode = (await play()) ? 0 : 1;
