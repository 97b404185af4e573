/** Reads texts with their classes, and counts how the keywords judge them. */

import { readFileSync } from 'node:fs';
import type { KeywordMatch } from '../../../../src/webhooks/keywords/keyword-match.ts';

/**
 * What a text has to come to.
 *
 * - `out`: an opt-out; it blocks and is recorded as an opt-out
 * - `block`: no more messages, in other words; it blocks, or is under review
 * - `free`: an answer, an order, a reaction; it does not block
 * - `in`: an opt-in; nothing else may be one
 */
export type TextClass = 'out' | 'block' | 'free' | 'in';

/** A text and what it has to come to. */
export interface ClassifiedText {
  readonly class: TextClass;
  readonly language: string;
  readonly text: string;
}

const ESCAPES: readonly (readonly [string, string])[] = [
  ['\\n', '\n'],
  ['\\u200b', '\u200B'],
];

/** Reads a file: class, language and text of each line, with tabs between. Lines with `#` are comments. */
export function readTexts(file: URL): readonly ClassifiedText[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#') && !line.startsWith('class\t'))
    .map((line) => {
      const [name = '', language = '', written = ''] = line.split('\t');
      if (!['out', 'block', 'free', 'in'].includes(name)) throw new Error(`unknown class in: ${line}`);
      const text = ESCAPES.reduce((read, [escape, sign]) => read.replaceAll(escape, sign), written);
      return { class: name as TextClass, language, text };
    });
}

/** Whether a text comes to what its class demands. */
export function isRight({ class: name, text }: ClassifiedText, match: KeywordMatch): boolean {
  switch (name) {
    case 'out':
      return match.meaning === 'opt_out';
    case 'block':
      return match.blocks;
    case 'free':
      return !match.blocks && match.meaning !== 'opt_in';
    case 'in':
      return match.meaning === 'opt_in' && /^\W*(?:start|unstop)\W*$/i.test(text);
  }
}

/** How many of some texts come to what they have to. */
export interface Figure {
  readonly right: number;
  readonly count: number;
}

/** The share of a figure, from 0 to 1; 1 of none. */
export const shareOf = ({ right, count }: Figure): number => (count === 0 ? 1 : right / count);

/** The figures for some texts. */
export interface Figures {
  /** Of `out` and `block`: how many block or are under review. */
  readonly blocked: Figure;
  /** Of `out`: how many are recognised as opt-outs. */
  readonly recognised: Figure;
  /** Of `free`: how many block. */
  readonly harmlessBlocked: Figure;
  /** Texts that opt in: how many have the class `in`. */
  readonly optIns: Figure;
  /** Of `in`: how many opt in. */
  readonly optedIn: Figure;
}

/** Counts how texts are judged. */
export function figuresOf(texts: readonly ClassifiedText[], read: (text: string) => KeywordMatch): Figures {
  const judged = texts.map((text) => ({ ...text, match: read(text.text) }));
  type Judged = (typeof judged)[number];
  const figure = (counts: (one: Judged) => boolean, right: (one: Judged) => boolean): Figure => {
    const counted = judged.filter(counts);
    return { right: counted.filter(right).length, count: counted.length };
  };
  return {
    blocked: figure(
      (one) => one.class === 'out' || one.class === 'block',
      ({ match }) => match.blocks || match.meaning === 'unclear',
    ),
    recognised: figure(
      (one) => one.class === 'out',
      ({ match }) => match.meaning === 'opt_out',
    ),
    harmlessBlocked: figure(
      (one) => one.class === 'free',
      ({ match }) => match.blocks,
    ),
    optIns: figure(
      ({ match }) => match.meaning === 'opt_in',
      (one) => one.class === 'in',
    ),
    optedIn: figure(
      (one) => one.class === 'in',
      ({ match }) => match.meaning === 'opt_in',
    ),
  };
}
