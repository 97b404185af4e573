/** Line ends of CSV files: every row that a program could read from the filtered file has been checked. */

import { execFileSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { CsvStreamOptions } from '../../../src/gates/batch/stream.ts';
import { createTestGuard } from '../../../src/testing/index.ts';

const OUT = '15551230001';
const A = '447700900001';
const B = '447700900002';
const guard = await createTestGuard({ optedOut: [OUT] });

type Csv = CsvStreamOptions['csv'];

/** Returns the output, or the code of the error. */
async function filtered(pieces: readonly Buffer[], csv: Csv, options: Partial<CsvStreamOptions> = {}) {
  const stream = guard.filterStream({ ...options, csv });
  const passed: Buffer[] = [];
  try {
    await pipeline(Readable.from(pieces, { objectMode: true }), stream, async (source) => {
      for await (const piece of source as AsyncIterable<Buffer>) passed.push(piece);
    });
  } catch (error) {
    return (error as { code?: string }).code;
  }
  return Buffer.concat(passed).toString('latin1');
}

const bytesOf = (file: string | Buffer) => (Buffer.isBuffer(file) ? file : Buffer.from(file));

/**
 * Filters a file in one chunk, byte by byte, and in two chunks split at every position: the result must be the same.
 */
async function everyWay(file: string | Buffer, csv: Csv): Promise<string | undefined> {
  const bytes = bytesOf(file);
  const whole = await filtered([bytes], csv);
  expect(
    await filtered(
      Array.from(bytes, (byte) => Buffer.of(byte)),
      csv,
    ),
  ).toBe(whole);
  for (let cut = 1; cut < bytes.length; cut++) {
    expect(await filtered([bytes.subarray(0, cut), bytes.subarray(cut)], csv)).toBe(whole);
  }
  return whole;
}

const named: Csv = { column: 'phone' };
const first: Csv = { column: 0 };
const second: Csv = { column: 1 };

describe('outside quotes', () => {
  it.each<[string, string, string, Csv?]>([
    ['CR', `phone\r${OUT}\r${A}\r`, `phone\r${A}\r`],
    ['CR, without a last line end', `phone,x\r${A},1\r${OUT},2`, `phone,x\r${A},1\r`],
    ['one CR in an LF file', `phone\n${A}\r${OUT}\n${B}\n`, `phone\n${A}\r${B}\n`],
    ['one CR in a CRLF file', `phone\r\n${A}\r${OUT}\r\n${B}\r\n`, `phone\r\n${A}\r${B}\r\n`],
    ['a CR after the header', `phone\r${OUT}\n${A}\n`, `phone\r${A}\n`],
    ['a CR in another column', `a,phone\nx\r${OUT},${OUT}\ny,${A}\n`, `a,phone\ny,${A}\n`],
    ['two CR', `phone\r${A}\r\r${OUT}\r${B}`, `phone\r${A}\r${B}`],
    ['CR CR LF', `phone\r\r\n${OUT}\r\r\n${A}\r\r\n`, `phone\r${A}\r`],
    ['LF CR', `phone\n\r${OUT}\n\r${A}\n\r`, `phone\n${A}\n`],
    ['CRLF, LF and CR', `phone\r\n${A}\n${OUT}\r${B}\r\n`, `phone\r\n${A}\n${B}\r\n`],
    ['CR after a closing quote', `phone\r"${A}"\r"${OUT}"\r`, `phone\r"${A}"\r`],
    ['CR, without a header', `${OUT}\r${A}\r`, `${A}\r`, first],
    ['CR, after a byte order mark', `\uFEFFphone\r${OUT}\r${A}\r`, `\uFEFFphone\r${A}\r`],
    ['CR within a number', `phone\n4477009\r00001\n`, `phone\n4477009\r`],
  ])('ends a row at %s', async (_what, file, expected, csv = named) => {
    expect(await everyWay(file, csv)).toBe(Buffer.from(expected).toString('latin1'));
  });
});

const breaks: readonly [string, Buffer][] = [
  ...['\n', '\r', '\r\n', '\v', '\f', '\u001C', '\u001D', '\u001E', '\u0085', '\u2028', '\u2029'].map(
    (end): [string, Buffer] => [JSON.stringify(end), Buffer.from(end)],
  ),
  ['the byte 0x85', Buffer.of(0x85)],
];
const withBreak = (file: string, end: Buffer) =>
  Buffer.concat(file.split('|').flatMap((part, index) => [...(index ? [end] : []), Buffer.from(part)]));

describe.each(breaks)('%s inside a quoted field', (_name, end) => {
  it.each<[string, string, Csv]>([
    ['hides a row', `phone,note\n${A},"x|${OUT},y"\n`, named],
    ['hides a row in another column', `note,phone\n"x|y,${OUT}|z",${A}\n`, named],
    ['hides a row whose column is quoted', `note,phone\n"x|y,""${OUT}""|z",${A}\n`, named],
    ['hides the last row', `phone,note\n${A},"x|${OUT}"`, named],
    ['hides a row written with a plus', `phone,note\n${A},"x|+1 555 123 0001"\n`, named],
    ['hides a row in full-width digits', `phone,note\n${A},"x|１５５５１２３０００１"\n`, named],
    ['hides a row with a no-break space', `phone,note\n${A},"x|${OUT}\u00A0"\n`, named],
    ['hides a row after another one', `phone,note\n${A},"x|${B},y|${OUT}|z"\n`, named],
    ['hides a row in the header', `phone,"note|${OUT},x"\n${A},y\n`, named],
    ['hides a row in a file without header', `${A},"x|${OUT}"\n`, first],
    ['hides a row between semicolons', `"x|y;${OUT}";${A}\n`, { ...second, delimiter: ';' }],
  ])('is an error if it %s', async (_what, file, csv) => {
    const text = withBreak(file, end);
    expect(await filtered([text], csv)).toBe('csv_unreadable');
    expect(
      await filtered(
        Array.from(text, (byte) => Buffer.of(byte)),
        csv,
      ),
    ).toBe('csv_unreadable');
  });

  it.each<[string, string, Csv]>([
    ['text', `phone,note\n${A},"x|y"\n`, named],
    ['a row of a person who did not opt out', `phone,note\n${A},"x|${B},y"\n`, named],
    ['a listed number in another column', `note,phone\n"x|${OUT},y",${A}\n`, named],
    ['a sentence with a listed number', `phone,note\n${A},"x|call ${OUT} back"\n`, named],
    ['a header of two lines', `phone,"note|2"\n${A},y\n`, named],
    ['letters of other scripts', `phone,note\n${A},"Zoë|漢字😀|…|à"\n`, named],
  ])('passes if it is followed by %s', async (_what, file, csv) => {
    const text = withBreak(file, end);
    expect(await everyWay(text, csv)).toBe(text.toString('latin1'));
  });

  it('is no error in a row that is blocked', async () => {
    const text = withBreak(`phone,note\n${OUT},"x|${OUT}"\n`, end);
    expect(await filtered([text], named)).toBe('phone,note\n');
  });

  it('is reported, but no error, if the gate observes', async () => {
    const blocked = vi.fn();
    const unsubscribe = guard.on('blocked', blocked);
    const text = withBreak(`phone,note\n${A},"x|${OUT}"\n`, end);
    expect(await filtered([text], named, { onBlocked: 'observe' })).toBe(text.toString('latin1'));
    expect(blocked).toHaveBeenCalledWith(expect.objectContaining({ observed: true, reason: 'opted_out' }));
    unsubscribe();
  });
});

it.each(breaks.slice(3))('is an error for %s outside quotes, too', async (_name, end) => {
  expect(await filtered([withBreak(`phone,note\n${A},x|${OUT},y\n`, end)], named)).toBe('csv_unreadable');
  // The line inside has a quoted field, which is none to the row.
  const quoted = withBreak(`a,b,phone,c\nx|"y,z",${A},${OUT}\n`, end);
  expect(await filtered([quoted], named)).toBe('csv_unreadable');
  const clean = withBreak(`phone,note\n${A},x|${B},y\n`, end);
  expect(await everyWay(clean, named)).toBe(clean.toString('latin1'));
});

it('names the row in the error, but no phone number', async () => {
  const stream = guard.filterStream({ csv: named });
  const file = Buffer.from(`phone,note\n${A},x\n${A},"x\n${OUT}"\n`);
  const failed = pipeline(Readable.from([file], { objectMode: true }), stream, async (source) => {
    for await (const piece of source as AsyncIterable<Buffer>) void piece;
  });
  await expect(failed).rejects.toThrow(/^row 3 has a line break inside a field/);
  await expect(failed).rejects.not.toThrow(OUT);
});

/** The rows that programs see in a file, each row as its fields. */
const readers: readonly [string, (file: string) => Promise<string[][]> | string[][]][] = [
  [
    'node:readline',
    async (file) => {
      const rows: string[][] = [];
      for await (const line of createInterface({ input: Readable.from([Buffer.from(file)]) })) {
        rows.push(line.split(','));
      }
      return rows;
    },
  ],
  ['lines', (file) => file.split('\n').map((line) => line.split(','))],
];
const python = `
import csv, io, json, sys
for line in sys.stdin:
    text = json.loads(line)
    ways = [io.StringIO(text, newline=None), io.StringIO(text, newline=''), text.splitlines(), text.splitlines(True)]
    split = [[one.split(',') for one in text.splitlines()], [one.split(',') for one in text.split('\\n')]]
    rows = [list(csv.reader(way)) for way in ways]
    print(json.dumps([row for way in rows + split for row in way]))
`;

function pythonRows(files: readonly string[]): string[][][] | undefined {
  try {
    const input = files.map((file) => `${JSON.stringify(file)}\n`).join('');
    const printed = execFileSync('python3', ['-c', python], { input, encoding: 'utf8', stdio: 'pipe' });
    return printed
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as string[][]);
  } catch (error) {
    // Only a missing interpreter is no failure.
    if ((error as { code?: string }).code === 'ENOENT') return undefined;
    throw error;
  }
}

describe('programs that read the filtered file', () => {
  const part = fc.constantFrom(
    ...['\n', '\r', '\r\n', '\v', '\f', '\u0085', '\u2028', '"', '""', ',', 'x', ' ', 'ë', OUT, A, B],
  );
  const files = fc.sample(
    fc.array(part, { minLength: 3, maxLength: 30 }).map((parts) => `${A},"x"\n${parts.join('')}`),
    { numRuns: 3000, seed: 20_261_130 },
  );

  it('find no person who opted out', async () => {
    const passed: string[] = [];
    for (const file of files) {
      const text = await filtered([Buffer.from(file)], first);
      if (text !== 'csv_unreadable') passed.push(Buffer.from(text ?? '', 'latin1').toString());
    }
    // Most rows must pass, so that the test checks more than blocking.
    expect(passed.length).toBeGreaterThan(300);
    const seenByPython = pythonRows(passed);
    for (const [index, text] of passed.entries()) {
      const rows = [...(seenByPython?.[index] ?? [])];
      for (const [, read] of readers) rows.push(...(await read(text)));
      const numbers = rows.map(([field = '']) => field.replaceAll('"', '').trim());
      expect({ text, numbers }).not.toMatchObject({ numbers: expect.arrayContaining([OUT]) });
    }
  });
});
