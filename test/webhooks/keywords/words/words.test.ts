/** The collected texts: fails if the keywords judge them worse than the documents say. */

import { describe, expect, it } from 'vitest';
import { createKeywords } from '../../../../src/webhooks/keywords/keywords.ts';
import { figuresOf, isRight, readTexts, shareOf } from './corpus.ts';

const read = createKeywords();
const FILES = ['corpus.tsv', 'additions.tsv', 'held-out.tsv', 'held-out-2.tsv', 'held-out-3.tsv'];
const texts = FILES.flatMap((file) => readTexts(new URL(file, import.meta.url)));
/** The fewest texts of a class that a language has to have. */
const MIN_TEXTS = 50;

describe.each([
  ['all', undefined] as const,
  ...['en', 'fr', 'es'].map((language) => [language, language] as const),
])('the texts of %s', (_name, language) => {
  const some = texts.filter((text) => language === undefined || text.language === language);
  const figures = figuresOf(some, read);

  it('are enough of each class for a figure', () => {
    const count = (name: string) => some.filter((text) => text.class === name).length;
    expect(Math.min(...['out', 'block', 'free'].map(count))).toBeGreaterThanOrEqual(MIN_TEXTS);
  });

  it('block or are under review if they opt out, 97 % of them', () => {
    expect(shareOf(figures.blocked)).toBeGreaterThanOrEqual(0.97);
  });

  it('are recognised as opt-outs if they are plain ones, 95 % of them', () => {
    expect(shareOf(figures.recognised)).toBeGreaterThanOrEqual(0.95);
  });

  it('block if they are harmless, 5 % of them at most', () => {
    expect(shareOf(figures.harmlessBlocked)).toBeLessThanOrEqual(0.05);
  });
});

it('opt in with START and UNSTOP, and nothing else does', () => {
  const optIns = texts.filter(({ text }) => read(text).meaning === 'opt_in');
  expect(optIns.length).toBeGreaterThan(3);
  expect(optIns.filter((text) => !isRight(text, read(text.text)))).toEqual([]);
  expect(texts.filter((text) => text.class === 'in' && read(text.text).meaning !== 'opt_in')).toEqual([]);
});
