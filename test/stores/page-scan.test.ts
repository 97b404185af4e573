/** Evidence in pages that no table refers to any more. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadDriver } from '../../src/stores/sqlite/driver.ts';
import { createEngine } from '../../src/stores/sqlite/engine.ts';
import { scanPages } from '../../src/stores/sqlite/page-scan.ts';
import type { OptOutChange } from '../../src/ledger/evidence.ts';
import { newFolder } from './folders.ts';

const COUNT = 400;

function change(index: number): OptOutChange {
  const evidence = {
    direction: index % 5 === 0 ? 'in' : 'out',
    at: index % 2 === 0 ? 1_700_000_000_000 + index : 1_000.5,
    kind: index % 3 === 0 ? 'told' : 'act',
    seenAt: 1_700_000_000_123,
    source: 'manual',
    id: `id-${index}`,
    // Some of these words continue in pages of their own.
    reason: 'Ann called '.repeat(index % 50 === 7 ? 900 : index % 4),
  } as const;
  return {
    list: index % 7 === 0 ? 'märz' : '*',
    msisdn: String(12_345 + index * 2_500_000_000_000),
    evidence,
  };
}

/** Makes a file with changes, in the database or only in its log. */
function filled({ isInLog }: { isInLog: boolean }): string {
  const file = join(newFolder(), 'store.db');
  const engine = createEngine(loadDriver(), file);
  engine.open({ accounts: {} });
  engine.file.log.append(Array.from({ length: COUNT }, (_, index) => change(index)));
  if (!isInLog) engine.checkpoint();
  const copy = join(newFolder(), 'copy.db');
  writeFileSync(copy, readFileSync(file));
  writeFileSync(`${copy}-wal`, isInLog ? readFileSync(`${file}-wal`) : '');
  engine.close();
  return copy;
}

describe('a scan of pages', () => {
  it.each([{ isInLog: true }, { isInLog: false }])('finds every change, without words: %o', (location) => {
    const file = filled(location);
    expect(existsSync(`${file}-wal`)).toBe(true);
    const found = new Map([...scanPages(file, `${file}-wal`)].map((row) => [row['id'], row]));
    const expected = Array.from({ length: COUNT }, (_, index) => change(index));
    for (const { list, msisdn, evidence } of expected) {
      const { direction, at, kind, seenAt, source, id } = evidence;
      // Opt-ins are in the other table, which has the kind in this column.
      const clock = direction === 'in' ? kind : kind === 'told' ? 'provider' : 'local';
      expect(found.get(id)).toMatchObject({
        ...{ list, msisdn: Number(msisdn), direction, at, clock, source, words: null },
        seen_at: seenAt,
      });
    }
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['less than a header', Buffer.alloc(40, 13)],
    ['zeros', Buffer.alloc(16_384)],
    ['bytes that look like the beginning of a leaf', Buffer.alloc(16_384, 13)],
    ['bytes 0xff', Buffer.alloc(16_384, 255)],
    ['noise that looks like leaves', noise()],
  ])('finds nothing in %s', (_name, bytes) => {
    const file = join(newFolder(), 'store.db');
    writeFileSync(file, bytes);
    expect([...scanPages(file, file)].filter(({ direction }) => direction === 'out')).toEqual([]);
  });
});

/** Random bytes, the same in every run. */
function noise(): Buffer {
  const bytes = Buffer.alloc(65_536);
  let state = 1;
  for (let at = 0; at < bytes.length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = at % 4_096 === 0 ? 13 : state >>> 24;
  }
  return bytes;
}
