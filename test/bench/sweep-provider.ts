/**
 * A provider in a process of its own, so that its work is in nobody's figures. A program: how many numbers as argument,
 * what its rows are (`dated`, `undated`, or `bare` numbers); its port as a message. Rows come in no order, as people opt out; each
 * page is written before it is asked for.
 */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { clusteredSample } from './clustered.ts';

/** What rows look like: objects with or without a date, or numbers alone. */
export type RowForm = 'dated' | 'undated' | 'bare';

/** What the process is told: from now on the list is without some of its numbers. */
export interface Leaving {
  /** Every how many-th number leaves. */
  readonly every: number;
}

const DATE = ',"opt-out-date":"2014-06-27 18:31:33"';
const FLAGS = ',"opt-in":"false","opt-out":"true"';
const ROWS: Readonly<Record<RowForm, readonly [string, string]>> = {
  dated: ['{"msisdn":"', `"${FLAGS}${DATE}}`],
  undated: ['{"msisdn":"', `"${FLAGS}}`],
  bare: ['"', '"'],
};
const [ROW_START, ROW_END] = ROWS[process.argv[3] as RowForm];
/** A number further on by that many places: a prime, so that all of them have their turn. */
const STRIDE = 7_368_787;

function shuffled(count: number): Float64Array {
  const numbers = new Float64Array(count);
  let place = 0;
  for (const batch of clusteredSample(count).batches()) {
    for (const number of batch) {
      numbers[place] = number;
      place = (place + STRIDE) % count;
    }
  }
  return numbers;
}

let numbers = shuffled(Number(process.argv[2]));
let next: { readonly key: string; readonly body: Buffer } = { key: '', body: Buffer.alloc(0) };

function pageOf(index: number, size: number): Buffer {
  const key = `${index} ${size}`;
  if (next.key === key) return next.body;
  let rows = '';
  for (const number of numbers.subarray(index * size, (index + 1) * size)) {
    rows += `${rows === '' ? '' : ','}${ROW_START}${number}${ROW_END}`;
  }
  return Buffer.from(`{"opt-in-count":${numbers.length},"opt-in-list":[${rows}]}`);
}

const server = createServer((req, res) => {
  let text = '';
  req.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  req.on('end', () => {
    const asked = new URLSearchParams(text);
    const [index, size] = [Number(asked.get('page')), Number(asked.get('page-size'))];
    const body = pageOf(index, size);
    res.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body);
    // The guard reads this one meanwhile.
    setImmediate(() => (next = { key: `${index + 1} ${size}`, body: pageOf(index + 1, size) }));
  });
});
process.on('message', ({ every }: Leaving) => {
  numbers = numbers.filter((_, place) => place % every !== 0);
  next = { key: '', body: next.body };
  process.send?.({ count: numbers.length });
});
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
