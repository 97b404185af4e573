/** The stream of a campaign: the rows that pass, the counts, and backpressure. */

import { Readable, Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { ConfigError, GuardError, createGuard, type Guard } from '../../../src/index.ts';
import type { CsvStreamOptions, FilterStream } from '../../../src/gates/batch/stream.ts';
import { createTestGuard } from '../../../src/testing/index.ts';

const OUT = '15551230001';
const CLEAN = '447700900001';
const OTHER = '447700900002';
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const NOBODY = { opted_out: 0, not_ready: 0, stale: 0, expired: 0, closed: 0 };
const guard = await createTestGuard({ optedOut: [OUT] });

/** Returns the output of a stream for the given chunks. */
async function through(stream: FilterStream, pieces: readonly unknown[]): Promise<unknown[]> {
  const passed: unknown[] = [];
  await pipeline(Readable.from(pieces, { objectMode: true }), stream, async (source) => {
    for await (const piece of source as AsyncIterable<unknown>) passed.push(piece);
  });
  return passed;
}

async function filtered(
  file: string | Buffer,
  csv: CsvStreamOptions['csv'] = { column: 'phone' },
  options: Omit<CsvStreamOptions, 'csv'> = {},
) {
  const stream = guard.filterStream({ csv, ...options });
  const passed = (await through(stream, [Buffer.from(file as string)])) as Buffer[];
  return { text: Buffer.concat(passed).toString(), report: stream.report };
}

describe('filterStream of objects', () => {
  it('passes on the allowed rows in their order, and reports the others', async () => {
    const rows = [{ phone: CLEAN }, { phone: OUT }, { phone: 'x' }, { phone: OTHER }, { phone: '' }];
    const onRefused = vi.fn<(row: (typeof rows)[number], decision: { readonly reason: string }) => void>();
    const stream = guard.filterStream({ to: (row: (typeof rows)[number]) => row.phone, onRefused });
    expect(await through(stream, rows)).toEqual([rows[0], rows[3]]);
    expect(stream.report).toEqual({
      ...{ rows: 5, allowed: 2, folded: 0, isObserved: false },
      blocked: { ...NOBODY, opted_out: 1 },
      invalid: { count: 2, rows: [3, 5], hasMore: false },
    });
    expect(onRefused.mock.calls.map(([row, { reason }]) => [row, reason])).toEqual([
      [rows[1], 'opted_out'],
      [rows[2], 'invalid_number'],
      [rows[4], 'invalid_number'],
    ]);
  });

  it('accepts any number of plain numbers', async () => {
    const rows = Array.from({ length: 1000 }, (_, index) => (index % 3 ? 447_700_900_000 + index : 1));
    const stream = guard.filterStream();
    expect(await through(stream, rows)).toEqual(rows.filter((row) => row !== 1));
    expect(stream.report.invalid).toMatchObject({ count: 334, hasMore: false });
  });

  it('passes on each row at once if rows arrive one by one', async () => {
    const stream = guard.filterStream();
    for (const row of [CLEAN, OTHER]) {
      stream.write(row);
      await expect.poll(() => stream.read() as unknown, { interval: 1 }).toBe(row);
    }
    stream.destroy();
  });

  it('counts a row as invalid if the function to throws', async () => {
    const stream = guard.filterStream({
      to() {
        throw new Error('no such column');
      },
    });
    expect(await through(stream, [{}])).toEqual([]);
    expect(stream.report.invalid).toEqual({ count: 1, rows: [1], hasMore: false });
  });

  it('reports the numbers of the first thousand invalid rows', async () => {
    const stream = guard.filterStream();
    await through(
      stream,
      Array.from({ length: 1001 }, () => 'x'),
    );
    const { count, rows, hasMore } = stream.report.invalid;
    expect([count, rows.length, rows.at(-1), hasMore]).toEqual([1001, 1000, 1000, true]);
  });

  it('folds rows of the same number, however it is written', async () => {
    const rows = [CLEAN, OUT, `+${CLEAN}`, OTHER, '00 44 7700 900001', OUT];
    const stream = guard.filterStream({ duplicates: 'fold' });
    expect(await through(stream, rows)).toEqual([CLEAN, OTHER]);
    expect(stream.report).toMatchObject({ rows: 6, allowed: 2, folded: 2, blocked: { opted_out: 2 } });
  });

  it('folds rows of one subscriber under two numbers', async () => {
    const stream = guard.filterStream({ duplicates: 'fold' });
    const rows = ['5215512345678', '525512345678', '525512345679', '5511987654321', '551187654321'];
    expect(await through(stream, rows)).toEqual(['5215512345678', '525512345679', '5511987654321']);
    expect(stream.report).toMatchObject({ rows: 5, allowed: 3, folded: 2 });
  });

  it('folds by the number of the decision if a number has two readings', async () => {
    await using american = await createTestGuard({ defaultCountry: 'US' });
    const stream = american.filterStream({ duplicates: 'fold' });
    // Without a plus, the first number is an international or a US one. The decision names the international one.
    expect(await through(stream, ['2125550123', '+2125550123', '+12125550123', '212-555-0123'])).toEqual([
      '2125550123',
      '+12125550123',
    ]);
  });

  it('passes on every row and reports the blocked ones if it only observes', async () => {
    const blocked = vi.fn<(event: { readonly gate: string; readonly observed: boolean }) => void>();
    const warned = vi.fn<(event: { readonly code: string }) => void>();
    await using own = await createTestGuard({ optedOut: [OUT] });
    own.on('blocked', blocked);
    own.on('warn', warned);
    const stream = own.filterStream({ onBlocked: 'observe' });
    expect(await through(stream, [CLEAN, OUT, 'x'])).toEqual([CLEAN, OUT, 'x']);
    expect(stream.report).toMatchObject({
      ...{ rows: 3, allowed: 1, isObserved: true },
      ...{ blocked: { opted_out: 1 }, invalid: { count: 1 } },
    });
    expect(blocked.mock.calls.map(([{ gate, observed }]) => [gate, observed])).toEqual([
      ['filterStream', true],
      ['filterStream', true],
    ]);
    expect(warned.mock.calls.map(([{ code }]) => code)).toEqual(['observe_only']);
    expect(own.status().counters).toMatchObject({ allowed: 1, observed: 2 });
  });

  it('checks with the sender', async () => {
    const lists = { alerts: { senders: ['73737'] }, news: { senders: ['Acme'] } };
    await using own = createGuard({ lists, logger: silent });
    await own.ready();
    await own.optOut(CLEAN, { list: 'news' });
    expect(await through(own.filterStream({ from: '73737' }), [CLEAN])).toEqual([CLEAN]);
    expect(await through(own.filterStream({ from: 'Acme' }), [CLEAN])).toEqual([]);
  });

  it('blocks the remaining rows if the guard is closed meanwhile', async () => {
    const own = await createTestGuard();
    const stream = own.filterStream();
    const passed: unknown[] = [];
    await pipeline(
      async function* rows() {
        for (let row = 0; row < 100; row++) yield 447_700_900_000 + row;
        await vi.waitUntil(() => stream.report.rows === 100);
        await own.close();
        for (let row = 0; row < 100; row++) yield 447_700_900_000 + row;
      },
      stream,
      async (source) => {
        for await (const row of source as AsyncIterable<unknown>) passed.push(row);
      },
    );
    expect(passed).toHaveLength(100);
    expect(stream.report).toMatchObject({ rows: 200, allowed: 100, blocked: { closed: 100 } });
  });
});

describe('filterStream of CSV', () => {
  it.each([
    ['line feeds', `id,phone\n1,${CLEAN}\n2,${OUT}\n3,${OTHER}\n`, `id,phone\n1,${CLEAN}\n3,${OTHER}\n`],
    ['CRLF', `phone,id\r\n${OUT},1\r\n${CLEAN},2\r\n`, `phone,id\r\n${CLEAN},2\r\n`],
    ['CRLF, the column last', `id,phone\r\n1,${CLEAN}\r\n`, `id,phone\r\n1,${CLEAN}\r\n`],
    ['no last line end', `phone\n${OUT}\n${CLEAN}`, `phone\n${CLEAN}`],
    ['a final CR', `phone\n${CLEAN}\r`, `phone\n${CLEAN}\r`],
    ['a byte order mark', `\uFEFFphone\n${OUT}\n${CLEAN}\n`, `\uFEFFphone\n${CLEAN}\n`],
    ['empty lines', `phone\n\n${CLEAN}\n\r\n${OTHER}\n\n`, `phone\n${CLEAN}\n${OTHER}\n`],
    ['quotes', `a,"phone"\n"x","${CLEAN}"\n"y","${OUT}"\n`, `a,"phone"\n"x","${CLEAN}"\n`],
    [
      'delimiters and quotes in quotes',
      `a,phone\n"x,\n""y""\r\n",${CLEAN}\n`,
      `a,phone\n"x,\n""y""\r\n",${CLEAN}\n`,
    ],
    ['an empty quoted field', `a,phone\n"",${CLEAN}\n`, `a,phone\n"",${CLEAN}\n`],
    ['a quote within a field', `a,phone\n5" pipe,${CLEAN}\n`, `a,phone\n5" pipe,${CLEAN}\n`],
    ['spaces around a name', `a, phone \n1,${CLEAN}\n`, `a, phone \n1,${CLEAN}\n`],
    ['digits of another script', `phone\n+４４ 7700 900001\n`, `phone\n+４４ 7700 900001\n`],
    ['only a header', 'phone', 'phone'],
    ['an empty file', '', ''],
  ])('parses %s', async (_what, file, expected) => {
    expect((await filtered(file)).text).toBe(expected);
  });

  it.each([
    ['=""1555…', `"=""${CLEAN}"""`],
    ['="1555…"', `="${CLEAN}"`],
    ['a formula', `=${CLEAN}`],
    ['a number in scientific notation', '1.5551E+10'],
    ['text after a closing quote', `"${CLEAN}"x`],
    ['a lone quote that the next row closes', `"x,${OUT}\n"${CLEAN}",${CLEAN}`],
    ['an empty field', ''],
    ['bytes that are no UTF-8', Buffer.from([0x31, 0xff, 0x32])],
  ])('counts %s as an invalid number, and does not guess', async (_what, field) => {
    const file = Buffer.concat([Buffer.from('a,phone\n1,'), Buffer.from(field as string), Buffer.from('\n')]);
    const { text, report } = await filtered(file);
    expect([text, report.invalid]).toEqual(['a,phone\n', { count: 1, rows: [2], hasMore: false }]);
  });

  it('counts a row as invalid if it is too short, or if another field has misplaced quotes', async () => {
    const { text, report } = await filtered(`id,phone\n1\n\n"2"x,${CLEAN}\n3,${CLEAN},more\n`);
    expect([text, report.rows]).toEqual([`id,phone\n3,${CLEAN},more\n`, 3]);
    // As a spreadsheet counts: header and empty line are rows too.
    expect(report.invalid.rows).toEqual([2, 4]);
  });

  it.each([
    [{ column: 1 }, `a,${CLEAN}\nb,${OUT}\n`, `a,${CLEAN}\n`],
    [{ column: 0, delimiter: ';' }, `${CLEAN};x,y\n${OUT};z\n`, `${CLEAN};x,y\n`],
    [{ column: 1, delimiter: '\t' }, `a\t${CLEAN}\nb\t${OUT}\n`, `a\t${CLEAN}\n`],
    [{ column: 0, header: true }, `phone\n${CLEAN}\n`, `phone\n${CLEAN}\n`],
    [{ column: 0 }, `\uFEFF${OUT}\n${CLEAN}\n`, `\uFEFF${CLEAN}\n`],
  ] as const)('finds the column by %j', async (csv, file, expected) => {
    expect((await filtered(file, csv)).text).toBe(expected);
  });

  it('passes refused rows to onRefused as text', async () => {
    const onRefused = vi.fn<(row: string, decision: { readonly reason: string }) => void>();
    await filtered(`phone,name\r\n${OUT},Zoë\r\n${CLEAN},x\nz,"a\nb"`, undefined, { onRefused });
    expect(onRefused.mock.calls.map(([row, { reason }]) => [row, reason])).toEqual([
      [`${OUT},Zoë`, 'opted_out'],
      ['z,"a\nb"', 'invalid_number'],
    ]);
  });

  it.each([
    ['lacks it', 'id;phone\n1;2\n', /has no such column; it has 'id;phone'$/],
    ['has it twice', 'phone,phone\n1,2\n', /has it twice; it has 'phone', 'phone'$/],
    ['is a row of data', `${OUT},Ann\n`, /it has \*\*\*, 'Ann'$/],
    ['is long', 'x,'.repeat(30), /'x', 'x' and 11 more$/],
  ])('names the existing columns if the header %s', async (_what, file, message) => {
    const failed = filtered(file);
    await expect(failed).rejects.toThrow(message);
    await expect(failed).rejects.toMatchObject({
      name: 'ConfigError',
      key: 'filterStream.csv.column',
    });
  });

  it.each([
    ['a quote that is never closed', Buffer.from(`phone\n${CLEAN}\n"x,${CLEAN}\n`), /^row 3 has a quote/],
    ['a header that never ends', Buffer.from('"phone'), /^row 1 has a quote/],
    ['a row without end', Buffer.alloc(2 ** 21, 'x'), /^row 1 is longer than 1048576 bytes/],
    ['UTF-16', Buffer.from(`\uFEFFphone\n${CLEAN}\n`, 'utf16le'), /UTF-16/],
    ['big-endian UTF-16', Buffer.from([0xfe, 0xff]), /UTF-16/],
  ])('ends with an error for %s', async (_what, file, message) => {
    const failed = filtered(file);
    await expect(failed).rejects.toThrow(message);
    await expect(failed).rejects.toSatisfy(
      (error) => error instanceof GuardError && error.code === 'csv_unreadable',
    );
  });

  it('gives other work its turn during one huge chunk', async () => {
    let turns = 0;
    let isOver = false;
    const count = () => {
      turns++;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    const { report } = await filtered(`phone\n${`${CLEAN}\n`.repeat(300_000)}`);
    isOver = true;
    expect(report.allowed).toBe(300_000);
    expect(turns).toBeGreaterThan(20);
  });

  const number = fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 15_551_230_000, max: 15_551_230_009 }).map(String) },
    fc.constantFrom('', 'x', '1.5551E+10', `="${OUT}"`, '+15551230002', ' 15551230003'),
  );
  const cell = fc.oneof(
    fc.constantFrom('', 'x', '"', 'a"b', ',', '\n', '\r\n', 'ë', '漢字😀', '""', OUT),
    fc.string(),
  );
  const quoted = (value: string) => `"${value.replaceAll('"', '""')}"`;
  const written = (value: string, isQuoted: boolean) =>
    isQuoted || /["\r\n,]/.test(value) ? quoted(value) : value;
  const row = fc.record({
    cells: fc.array(fc.tuple(cell, fc.boolean()), { maxLength: 3 }),
    number,
    isQuoted: fc.boolean(),
    end: fc.constantFrom('\n', '\r\n'),
  });

  it('passes on the allowed lines byte for byte, wherever chunks of the file end', async () => {
    const listed = new Set(['15551230001', '15551230002', '15551230005']);
    await using own = await createTestGuard({ optedOut: listed });
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { maxLength: 150 }),
        fc.array(fc.nat({ max: 400 }), { minLength: 1, maxLength: 20 }),
        fc.boolean(),
        fc.boolean(),
        async (rows, sizes, isFolding, hasMark) => {
          const lines = rows.map(({ cells, number: given, isQuoted, end }) => {
            const others = cells.map(([value, isInQuotes]) => `,${written(value, isInQuotes)}`).join('');
            // A line of its own that is empty is no row.
            const first = written(given, isQuoted || others === '');
            return { line: `${first}${others}${end}`, msisdn: /^\+?\s*(\d+)$/.exec(given.trim())?.[1] };
          });
          const seen = new Set<string>();
          const expected = { allowed: 0, folded: 0, out: 0, invalid: 0 };
          const kept = lines.filter(({ msisdn }) => {
            if (msisdn === undefined) return expected.invalid++ < 0;
            if (listed.has(msisdn)) return expected.out++ < 0;
            if (isFolding && seen.has(msisdn)) return expected.folded++ < 0;
            seen.add(msisdn);
            return ++expected.allowed > 0;
          });
          const head = `${hasMark ? '\uFEFF' : ''}phone,"x\n"\r\n`;
          const bytes = Buffer.from(head + lines.map(({ line }) => line).join(''));
          const pieces: Buffer[] = [];
          for (let at = 0, turn = 0; at < bytes.length; turn++) {
            const size = (sizes[turn % sizes.length] ?? 0) + 1;
            pieces.push(bytes.subarray(at, at + size));
            at += size;
          }
          const stream = own.filterStream({
            csv: { column: 'phone' },
            duplicates: isFolding ? 'fold' : 'keep',
          });
          const passed = Buffer.concat((await through(stream, pieces)) as Buffer[]);
          expect(passed.toString()).toBe(head + kept.map(({ line }) => line).join(''));
          const { allowed, folded, blocked, invalid, rows: all } = stream.report;
          expect({ allowed, folded, out: blocked.opted_out, invalid: invalid.count }).toEqual(expected);
          expect(all).toBe(lines.length);
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('a filterStream', () => {
  it.each([
    ['objects', {}, 447_700_900_001],
    ['CSV', { csv: { column: 0 } }, Buffer.from(`${CLEAN}\n`.repeat(5000))],
  ] as const)('applies backpressure: %s', async (_what, options, piece) => {
    let made = 0;
    const endless = new Readable({
      objectMode: true,
      read() {
        made++;
        this.push(piece);
      },
    });
    const stream = guard.filterStream(options as CsvStreamOptions);
    let consumed = 0;
    const slow = new Writable({
      objectMode: true,
      highWaterMark: 1,
      write(_row, _encoding, done) {
        consumed++;
        setTimeout(done, 5);
      },
    });
    const ended = pipeline(endless, stream, slow);
    await vi.waitUntil(() => consumed >= 20, { timeout: 20_000 });
    // No more than the buffers of the streams between the two.
    expect(made - consumed).toBeLessThan(600);
    const buffered = stream.readableLength + stream.writableLength;
    expect(buffered).toBeLessThan(stream.readableObjectMode ? 450 : 300_000);
    endless.destroy(new Error('enough'));
    await expect(ended).rejects.toThrow('enough');
    expect(stream.destroyed).toBe(true);
  });

  it('stops in the middle of a chunk if it is destroyed', async () => {
    const stream = guard.filterStream({ csv: { column: 0 } });
    const closed = new Promise((resolve) => stream.once('close', resolve));
    stream.write(Buffer.from(`${CLEAN}\n`.repeat(1_000_000)));
    stream.once('data', () => stream.destroy());
    await closed;
    const { rows } = stream.report;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(stream.report.rows).toBe(rows);
    expect(rows).toBeLessThan(1_000_000);
  });

  it('is a Transform', () => {
    const stream = guard.filterStream();
    expect(stream).toBeInstanceOf(Transform);
    stream.destroy();
  });

  it.each([
    ['an error', new TypeError('mine'), /^mine$/],
    ['anything else', 'mine', /^onRefused failed$/],
  ])('fails with the error that onRefused throws: %s', async (_what, thrown, message) => {
    const onRefused = () => {
      throw thrown;
    };
    await expect(through(guard.filterStream({ onRefused }), [OUT])).rejects.toThrow(message);
    await expect(filtered(`phone\n${OUT}\n`, undefined, { onRefused })).rejects.toThrow(message);
  });

  it.each([
    [{ form: '1' }],
    [{ to: 'phone' }],
    [{ duplicates: 'drop' }],
    [{ onBlocked: 'strip' }],
    [{ csv: true }],
    [{ csv: {} }],
    [{ csv: { column: -1 } }],
    [{ csv: { column: '' } }],
    [{ csv: { column: 'phone', header: false } }],
    [{ csv: { column: 0, delimiter: '|' } }],
    [{ csv: { column: 0 }, to: () => '' }],
  ])('refuses invalid options: %j', (options) => {
    expect(() => guard.filterStream(options as unknown as Parameters<Guard['filterStream']>[0])).toThrow(
      ConfigError,
    );
  });
});
