/** Builds once before the tests: threads and child processes run what is built, since Node 20 runs no TypeScript. */

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export default function setup(): void {
  for (const script of ['build', 'demo:build']) {
    execFileSync('npm', ['run', '--silent', script], {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
      stdio: 'inherit',
    });
  }
}
