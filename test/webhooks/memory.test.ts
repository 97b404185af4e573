/** The memory that bodies take: as many bytes as they have, in any number of chunks. */

import { fork } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { connect, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { createBodyBuffer } from '../../src/webhooks/body-buffer.ts';
import { readRequestBody, type BodySource } from '../../src/webhooks/request-body.ts';
import { root } from '../built.ts';

const open: (() => unknown)[] = [];

afterEach(() => {
  for (const close of open.splice(0)) close();
});

describe('a body buffer', () => {
  it('holds the bytes of any chunks in at most twice their size, and keeps no chunk', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 3_000 }), { maxLength: 60 }), (chunks) => {
        const buffer = createBodyBuffer(1_000_000);
        const expected = Buffer.concat(chunks);
        let size = 0;
        for (const chunk of chunks) {
          const copy = Uint8Array.from(chunk);
          expect(buffer.add(copy)).toBe(true);
          // A later change of the chunk must not change the buffer.
          copy.fill(0);
          size += chunk.length;
          expect(buffer.capacity).toBeLessThanOrEqual(Math.max(1_024, 2 * size));
        }
        expect(Buffer.compare(buffer.bytes(), expected)).toBe(0);
      }),
    );
  });

  it.each([
    ['its limit', 4_000, [4_000], true],
    ['its limit in chunks', 4_000, [1_500, 1_500, 1_000], true],
    ['one byte more', 4_000, [1_500, 1_500, 1_001], false],
    ['one chunk that is too large', 10, [11], false],
    ['nothing, with a limit of nothing', 0, [0], true],
  ])('takes bytes up to its limit: %s of %i', (_name, limit, sizes, isTaken) => {
    const buffer = createBodyBuffer(limit);
    const taken = sizes.map((size) => buffer.add(new Uint8Array(size)));
    expect(taken.every(Boolean)).toBe(isTaken);
    expect(buffer.capacity).toBeLessThanOrEqual(limit);
    if (isTaken) return;
    // Over its limit it drops all bytes, and takes no more.
    expect([buffer.capacity, buffer.bytes().length, buffer.add(new Uint8Array(1))]).toEqual([0, 0, false]);
  });
});

describe('reading a body', () => {
  /** A request whose chunks a test emits. */
  function streamOf(headers: Record<string, string> = {}) {
    const events = new EventEmitter();
    const request: BodySource = {
      ...{ headers, readableEnded: false, readableDidRead: false },
      on: (event, listener) => events.on(event, listener as never),
    };
    return { request, emit: (event: string, value?: unknown) => events.emit(event, value) };
  }

  it('copies each chunk at once', async () => {
    const stream = streamOf();
    const read = readRequestBody(stream.request, 65_536);
    const chunk = Buffer.alloc(1);
    const body = Array.from({ length: 65_000 }, (_, index) => index % 251);
    for (const byte of body) {
      chunk[0] = byte;
      stream.emit('data', chunk);
    }
    stream.emit('end');
    expect(await read).toEqual({ body: Buffer.from(body) });
  });

  it.each([
    ['announced', { 'content-length': '101' }, []],
    ['in one chunk', {}, [101]],
    ['in chunks', { 'transfer-encoding': 'chunked' }, [50, 50, 1, 1]],
    ['announced as less than it is', { 'content-length': '5' }, [99, 2]],
  ])('ends before the end of a body over its limit: %s', async (_name, headers, sizes) => {
    const stream = streamOf(headers);
    const read = readRequestBody(stream.request, 100);
    for (const size of sizes) stream.emit('data', Buffer.alloc(size));
    expect(await read).toBe('too_large');
  });

  it('counts text in bytes', async () => {
    const stream = streamOf();
    const read = readRequestBody(stream.request, 100);
    stream.emit('data', 'é'.repeat(51));
    expect(await read).toBe('too_large');
  });
});

describe('two hundred connections', () => {
  const CONNECTIONS = 200;
  const CHUNKS = 4_000;
  const LIMIT = 64 * 1024 * 1024;

  it('take less than 64 MB with endless bodies of one-byte chunks', { timeout: 120_000 }, async () => {
    const program = `${root}test/webhooks/children/receiver.mjs`;
    const child = fork(program, { execArgv: ['--expose-gc'] });
    open.push(() => child.kill('SIGKILL'));
    const nextMessage = async <T>() => ((await once(child, 'message')) as [T])[0];
    const { port } = await nextMessage<{ port: number }>();
    const measure = () => {
      child.send('measure');
      return nextMessage<{ kept: number; bytes: number }>();
    };
    const before = await measure();

    const head = 'POST /hooks HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n';
    const flood = head + '1\r\na\r\n'.repeat(CHUNKS);
    for (let index = 0; index < CONNECTIONS; index++) {
      const socket: Socket = connect(port, '127.0.0.1');
      open.push(() => socket.destroy());
      socket.on('error', () => undefined);
      socket.write(flood);
    }
    const sent = CONNECTIONS * flood.length;
    await expect.poll(async () => (await measure()).bytes, { timeout: 100_000 }).toBe(sent);
    const after = await measure();
    expect(after.kept - before.kept).toBeLessThan(LIMIT);
  });
});
