/** What it takes to find the meaning of a text, beside one normalisation of it. */

import type * as Keywords from '../../src/webhooks/keywords/keywords.ts';
import { builtModule } from './built.ts';
import { line, median, ns, spread, times } from './measure.ts';

const { createKeywords } = await builtModule<typeof Keywords>('webhooks/keywords/keywords.js');

const ROUNDS = 7;
const REPEATS = 2_000;
const TEXTS: Readonly<Record<string, readonly string[]>> = {
  'keywords alone': ['STOP', 'stop please', 'Arrêt', 'BAJA', 'Stpo', 'stop2end', 'START', 'ok'],
  sentences: [
    'Stop! I never signed up for this',
    'please take my number off your list',
    'I accidentally unsubscribed, please add me back',
    'Can we move my appointment to Friday at 3 pm? I am at the bus stop',
    'Loved “Acme: 20% off today! Reply STOP to unsubscribe”',
    'Merci de me retirer de votre liste, je ne suis plus cliente chez vous',
  ],
  'texts of 4,096 characters': ['stop the bus and text me '.repeat(164), 'a '.repeat(2_048)],
};

/** Nanoseconds for each text of a round. */
function timesOf(texts: readonly string[], repeats: number, work: (text: string) => unknown): number[] {
  const values: number[] = [];
  for (let round = -1; round < ROUNDS; round++) {
    const start = performance.now();
    for (let turn = 0; turn < repeats; turn++) for (const text of texts) work(text);
    if (round >= 0) values.push(((performance.now() - start) * 1e6) / (repeats * texts.length));
  }
  return values;
}

/** Prints all of it. */
export async function benchWords(): Promise<void> {
  const read = createKeywords();
  line('words: the mean time of a text', 'median', 'spread, ns', 'NFKD');
  for (const [label, texts] of Object.entries(TEXTS)) {
    const isLong = texts.some((text) => text.length > 1_000);
    const repeats = isLong ? REPEATS / 100 : REPEATS;
    const own = timesOf(texts, repeats, read);
    const peer = timesOf(texts, repeats, (text) => text.normalize('NFKD').length);
    line(label, ns(own), spread(own), times(median(own), median(peer)));
    line("  text.normalize('NFKD')", ns(peer), spread(peer));
  }
}
