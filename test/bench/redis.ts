/** A Redis of our own on loopback, without a file, and a client for it on a plain socket: no library's work is in it. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../free-port.ts';

export interface RedisClient {
  /** Sends a command and waits for its reply; one at a time. @returns the numbers of it, or its text. */
  ask(...command: readonly string[]): Promise<readonly number[] | string>;
  close(): void;
}

export interface RedisServer {
  readonly port: number;
  stop(): Promise<void>;
}

const START_MS = 10_000;
const LINE_END = '\r\n';

/** A reply (RESP2) as far as sets and their figures need it; `undefined` while it is not complete. */
function replyOf(text: string): readonly number[] | string | undefined {
  const end = text.indexOf(LINE_END);
  if (end === -1) return undefined;
  const [kind, head] = [text[0], text.slice(1, end)];
  if (kind === '+') return head;
  if (kind === ':') return [Number(head)];
  const rest = text.slice(end + LINE_END.length);
  if (kind === '$') return rest.length < Number(head) + LINE_END.length ? undefined : rest.trimEnd();
  if (kind !== '*') throw new Error(`expected a reply that is no error, not ${text.trimEnd()}`);
  const lines = rest.split(LINE_END);
  return lines.length <= Number(head) ? undefined : lines.slice(0, -1).map((one) => Number(one.slice(1)));
}

const written = (command: readonly string[]) =>
  command.reduce(
    (text, part) => `${text}$${part.length}${LINE_END}${part}${LINE_END}`,
    `*${command.length}${LINE_END}`,
  );

/** Connects to a server of this host. What is asked is ASCII. */
export async function redisClient(port: number): Promise<RedisClient> {
  const socket: Socket = connect(port, '127.0.0.1').setNoDelay().setEncoding('latin1');
  await once(socket, 'connect');
  let text = '';
  let waiting: { resolve: (reply: readonly number[] | string) => void; reject: (error: unknown) => void };
  socket.on('data', (chunk: string) => {
    text += chunk;
    try {
      const reply = replyOf(text);
      if (reply === undefined) return;
      text = '';
      waiting.resolve(reply);
    } catch (error) {
      waiting.reject(error);
    }
  });
  return {
    ask: (...command) =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        socket.write(written(command));
      }),
    close: () => void socket.destroy(),
  };
}

/** Starts one that keeps nothing. @returns `undefined` where there is no `redis-server` to start. */
export async function startRedis(folder: string): Promise<RedisServer | undefined> {
  const port = await freePort();
  const own = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder];
  const child = spawn('redis-server', [...own, '--save', '', '--appendonly', 'no'], { stdio: 'ignore' });
  let failure: Error | undefined;
  child.once('error', (error) => (failure = error));
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const until = performance.now() + START_MS;
  while (performance.now() < until) {
    if (failure !== undefined || child.exitCode !== null) break;
    try {
      const client = await redisClient(port);
      client.close();
      return {
        port,
        async stop() {
          child.kill();
          await gone;
        },
      };
    } catch {
      await pause(50);
    }
  }
  if (failure !== undefined && 'code' in failure && failure.code === 'ENOENT') return undefined;
  child.kill();
  throw failure ?? new Error('redis-server does not answer');
}
