/** How an engine repairs files that are replaced, rolled back or migrated while it has them open. */

import { copyFileSync, existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import type { Evidence, OptOutChange } from '../../src/ledger/evidence.ts';
import { Damage } from '../../src/stores/sqlite/repair.ts';
import { loadDriver } from '../../src/stores/sqlite/driver.ts';
import { createEngine, type Engine } from '../../src/stores/sqlite/engine.ts';
import { readLogId } from '../../src/stores/sqlite/log-id.ts';
import type { RequestMessage, WorkerMessage } from '../../src/stores/sqlite/messages.ts';
import { serve } from '../../src/stores/sqlite/worker.ts';
import { newFolder } from './folders.ts';

const OPENING = { accounts: {} };
const driver = loadDriver();

function openEngine(file = join(newFolder(), 'store.db')): { engine: Engine; file: string } {
  const engine = createEngine(driver, file);
  engine.open(OPENING);
  return { engine, file };
}

let ids = 0;
function entry(fields: Partial<Evidence> = {}): OptOutChange {
  const evidence: Evidence = {
    ...{ direction: 'out', kind: 'act', at: 1, seenAt: 1, source: 'manual', id: `e${++ids}` },
    ...fields,
  };
  return { list: '*', msisdn: '15550000001', evidence };
}

const idsIn = ({ file }: Engine) =>
  file.log.history('15550000001', undefined, undefined).map(({ evidence }) => evidence.id);
const asides = (file: string) => readdirSync(dirname(file)).filter((name) => name.includes('damaged'));

/** Makes a file with one opt-out that no connection of this process has open. @returns its path */
function closedFile(id: string, version = 3): string {
  const { engine, file } = openEngine();
  engine.file.log.append([entry({ id })]);
  engine.file.database.exec(`PRAGMA user_version = ${version}`);
  engine.checkpoint();
  copyFileSync(file, `${file}.copy`);
  engine.close();
  return `${file}.copy`;
}

/** Repairs what happened. @returns the kinds of the fault and of the reported trouble */
function repair(engine: Engine): (string | undefined)[] {
  const fault = engine.fault();
  return [fault?.kind, fault && engine.repair(OPENING, fault).trouble.kind];
}

describe('two processes that use one file', () => {
  it('see no fault in a write-ahead log that the other began again', () => {
    const { engine: one, file } = openEngine();
    const { engine: other } = openEngine(file);
    const faults: unknown[] = [];
    for (let turn = 0; turn < 24; turn++) {
      const writer = [one, other, other, one, other][turn % 5] as Engine;
      writer.file.log.append([entry()]);
      if (turn % 4 === 3) writer.erase('15550000009', { logId: '', lists: new Map() });
      else writer.checkpoint();
      faults.push(one.fault(), other.fault());
    }
    expect(faults.filter((fault) => fault !== undefined)).toEqual([]);
    one.close();
    other.close();
  });
});

describe('an older copy of the file', () => {
  it.each<[string, string, (copy: string, file: string) => void]>([
    ['renamed', 'moved', renameSync],
    ['copied', 'damaged', copyFileSync],
  ])(
    'gets a log of its own, and everything that was written since, if it was %s over the file',
    (_name, kind, put) => {
      const { engine, file } = openEngine();
      engine.file.log.append([entry({ id: 'early' })]);
      expect(engine.clearLog()).toBe(true);
      engine.checkpoint();
      copyFileSync(file, `${file}.copy`);
      const former = readLogId(engine.file.database).id;
      engine.file.log.append([entry({ id: 'late' })]);
      engine.expectErasedWords();
      expect([engine.clearLog(), engine.fault()]).toEqual([true, undefined]);
      expect(engine.fault()).toBeUndefined();
      put(`${file}.copy`, file);
      expect(repair(engine)).toEqual([kind, 'damaged']);
      expect(engine.fault()).toBeUndefined();
      expect(idsIn(engine).toSorted()).toEqual(['early', 'late']);
      const { id } = readLogId(engine.file.database);
      expect(id > former).toBe(true);
      for (const { evidence } of engine.file.log.history('15550000001', undefined, undefined)) {
        const [own, before] = evidence.positions ?? [];
        expect([own?.log, before]).toEqual([id, { log: former, position: evidence.id === 'early' ? 1 : 2 }]);
      }
      engine.close();
    },
  );
});

describe('a file of a later version', () => {
  it('is noticed when another process has migrated the open file, and is not written to', () => {
    const { engine, file } = openEngine();
    engine.file.log.append([entry({ id: 'kept' })]);
    const later = new driver.DatabaseSync(file);
    later.exec('PRAGMA user_version = 4');
    expect(repair(engine)).toEqual(['newer', 'newer']);
    expect([engine.file.isReadOnly, engine.fault(), idsIn(engine)]).toEqual([true, undefined, ['kept']]);
    later.close();
    engine.close();
    expect(asides(file)).toEqual([]);
  });

  it('is not put aside, even if damage was noted', () => {
    const { engine, file } = openEngine();
    const later = new driver.DatabaseSync(file);
    later.exec('PRAGMA user_version = 4');
    engine.noteDamage(new Damage('bent'));
    expect(engine.open(OPENING)?.kind).toBe('newer');
    later.close();
    engine.close();
    expect([existsSync(file), asides(file)]).toEqual([true, []]);
  });

  it('is left as it is, even if its lists are of another account', () => {
    const { engine, file } = openEngine();
    engine.open({ accounts: { default: 'ours' } });
    engine.file.database.exec('PRAGMA user_version = 4');
    engine.close();
    const bytes = readFileSync(file);
    expect(engine.open({ accounts: { default: 'theirs' } })?.kind).toBe('newer');
    engine.close();
    expect([readFileSync(file), asides(file)]).toEqual([bytes, []]);
  });

  it('does not take the evidence of the file that it replaces: the connection keeps it until it can be stored', () => {
    const { engine, file } = openEngine();
    const newer = closedFile('newer', 4);
    engine.file.log.append([entry({ id: 'kept' })]);
    renameSync(newer, file);
    expect(repair(engine)).toEqual(['moved', 'newer']);
    expect([engine.fault(), idsIn(engine)]).toEqual([undefined, ['newer']]);
    expect(asides(file).filter((name) => !name.endsWith('-wal'))).toEqual([]);
    rmSync(file);
    expect(repair(engine)).toEqual(['moved', 'damaged']);
    expect([engine.fault(), idsIn(engine)]).toEqual([undefined, ['kept']]);
    engine.close();
  });

  it('is never said to hold what was written while it replaced the file', async () => {
    const { engine, file } = openEngine();
    const newer = closedFile('newer', 4);
    const opened = engine.file;
    const log: typeof opened.log = {
      ...opened.log,
      appendEach(requests) {
        const results = opened.log.appendEach(requests);
        renameSync(newer, file);
        return results;
      },
    };
    const exchanging = Object.create(engine, {
      file: { get: () => (engine.file === opened ? { ...opened, log } : engine.file) },
    }) as Engine;
    const { port1, port2 } = new MessageChannel();
    serve(port2, exchanging);
    const answer = new Promise<WorkerMessage>((resolve) => {
      port1.on('message', (message: WorkerMessage) => {
        if (message.kind === 'answer' || message.kind === 'failure') resolve(message);
      });
    });
    const takes = { entries: [entry()], wantsBefore: false };
    port1.postMessage({ id: 1, name: 'append', takes } satisfies RequestMessage);
    expect(await answer).toMatchObject({ kind: 'failure', code: 'store_newer' });
    port1.close();
    engine.close();
  });
});

describe('a damaged file', () => {
  it('is not put aside if another process has replaced it', () => {
    const { engine, file } = openEngine();
    engine.file.log.append([entry({ id: 'kept' })]);
    const replacement = closedFile('theirs');
    engine.noteDamage(new Damage('bent'));
    renameSync(replacement, file);
    expect(engine.open(OPENING)?.kind).toBe('damaged');
    expect(engine.isDamaged).toBe(false);
    expect(idsIn(engine).toSorted()).toEqual(['kept', 'theirs']);
    expect(asides(file).filter((name) => !name.endsWith('-wal'))).toEqual([]);
    engine.close();
  });
});

describe('the numbers of sweeps', () => {
  it('continue in a new file above the sweeps that opt-ins were proven after', () => {
    const { engine, file } = openEngine();
    engine.file.log.append([entry({ direction: 'in', proof: { optInDate: null, sweep: 57 } })]);
    expect(engine.nextSweep()).toBe(58);
    rmSync(file);
    expect(repair(engine)).toEqual(['moved', 'damaged']);
    expect(engine.nextSweep()).toBe(59);
    engine.close();
  });
});
