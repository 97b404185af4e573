/** Makes folders for tests, and removes them after each test. */

import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';

const folders: string[] = [];

/** Makes a new folder that every user may enter. */
export function newFolder(): string {
  const made = mkdtempSync(join(tmpdir(), 'sms-send-guard-test-'));
  chmodSync(made, 0o755);
  folders.push(made);
  return made;
}

afterEach(() => {
  for (const made of folders.splice(0)) rmSync(made, { recursive: true, force: true });
});
