/** A Redis for a test: on a free port, in a folder that goes, and it keeps nothing. */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { freePort } from '../free-port.ts';
import { newFolder } from '../stores/folders.ts';

/** Whether the tests that need Redis have to run: where somebody has seen to it that there is one. */
export const isRedisRequired = (process.env['REQUIRE_REDIS'] ?? '') !== '';

/** Whether there is a `redis-server`. */
export const hasRedis = spawnSync('redis-server', ['--version']).status === 0;

/** Starts one. */
export async function startRedis() {
  const port = await freePort();
  const args = ['--bind', '127.0.0.1', '--port', String(port), '--dir', newFolder()];
  const child = spawn('redis-server', [...args, '--save', '', '--appendonly', 'no'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  while (!said.includes('Ready to accept connections')) {
    if (child.exitCode !== null) throw new Error(`redis-server has ended: ${said}`);
    await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
  }
  return {
    port,
    async [Symbol.asyncDispose]() {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}
