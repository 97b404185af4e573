/** The steps by which a text's meaning is found, each alone. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aloneFrom } from '../../../src/webhooks/keywords/alone.ts';
import { foldCharacters } from '../../../src/webhooks/keywords/characters.ts';
import { splitJoined } from '../../../src/webhooks/keywords/joined-words.ts';
import { readSentences } from '../../../src/webhooks/keywords/message.ts';
import { createSpelling, isOneEdit } from '../../../src/webhooks/keywords/misspelling.ts';
import { KEYWORD_PACKS } from '../../../src/webhooks/keywords/packs/packs.ts';
import { createPhraseSet } from '../../../src/webhooks/keywords/phrase.ts';
import { REAL_WORDS } from '../../../src/webhooks/keywords/real-words.ts';
import { footerPattern, withoutUnwritten } from '../../../src/webhooks/keywords/unwritten.ts';

describe('foldCharacters', () => {
  it.each([
    ['STOP', 'stop'],
    ['ＳＴＯＰ', 'stop'],
    ['Arrêt', 'arret'],
    ['ЅТОР', 'stop'],
    ['ΝΟ', 'no'],
    ['ꜱᴛᴏᴘ', 'stop'],
    ['🅂🅃🄾🄿', 'stop'],
    ['🆂🆃🅾🅿', 'stop'],
    ['🅢🅣🅞🅟', 'stop'],
    ['🇸🇹🇴🇵', 'stop'],
    ['st\u00ADo\u200Bp', 'stop'],
    ['don’t', "don't"],
    ['don`t', "don't"],
    ['œuf', 'oeuf'],
    ['🛑 no', '🛑 no'],
  ])('folds %j to %j', (text, folded) => {
    expect(foldCharacters(text)).toBe(folded);
  });

  it('reads 4,096 characters', () => {
    expect(foldCharacters('x'.repeat(5_000))).toHaveLength(4_096);
    expect(foldCharacters('\uFDFA'.repeat(5_000))).toHaveLength(4_096);
  });
});

describe('readSentences', () => {
  const repair = {
    pairs: new Map([['opt', new Map([['out', 'optout']])]]),
    correct: (word: string) => (word === 'unsubsribe' ? 'unsubscribe' : word),
  };
  const wordsOf = (text: string) => readSentences(text, repair).map(({ words }) => words.join(' '));

  it.each([
    ['stop. i voted', ['stop', 'i voted']],
    ['hi\nstop', ['hi', 'stop']],
    ['s.t.o.p', ['stop']],
    ['s t o p me', ['stop me']],
    ['s-t-o-p', ['stop']],
    ['st0p', ['stop']],
    ['5top', ['stop']],
    ['stop 36180', ['stop 36180']],
    ['stooop', ['stop']],
    ['www', ['www']],
    ["don't", ['dont']],
    ["l'arret", ['l arret']],
    ['opt out', ['optout']],
    ['opt-out', ['optout']],
    ['opt, out', ['opt out']],
    ['unsubsribe', ['unsubscribe']],
    ['🛑', ['stopemoji']],
    ['lose this #', ['lose this number']],
    ['order #44', ['order 44']],
    ['...', []],
  ])('reads %j as %j', (text, words) => {
    expect(wordsOf(text)).toEqual(words);
  });

  it('marks the ends of clauses and questions', () => {
    expect(readSentences('no, stop (now) - ok?', repair)).toEqual([
      { words: ['no', 'stop', 'now', 'ok'], clauseEnds: [true, true, true, false], isQuestion: true },
    ]);
  });
});

describe('withoutUnwritten', () => {
  const known = {
    isReaction: (words: readonly string[]) => words.join(' ') === 'liked',
    footers: [footerPattern(['reply', 'stop', 'to', 'end'])],
  };
  it.each([
    ['a reaction', 'liked “sale. reply stop”', ''],
    ['a reaction that is cut off', 'liked “sale. rep', ''],
    ['a reaction with an answer', 'liked “sale” stop', ' stop'],
    ['an emoji before a quotation', '👍 “sale today only”', ''],
    ['the words before a quotation', 'i said “stop”', 'i said “stop”'],
    ['an own word in quotes', '"stop"', '"stop"'],
    ['a stop emoji before a quotation', '🛑 "stop it now"', '🛑 "stop it now"'],
    ['an emoji before a short quotation', '👍 "stop"', '👍 "stop"'],
    ['quoted lines', 'no\n> reply stop', 'no'],
    ['a quoted message', 'no\non mon, 3 pm, shop wrote:\nreply stop', 'no'],
    ['a forwarded message', 'no\n---- original message\nstop', 'no'],
    ['nothing but a quoted line', '> stop', '> stop'],
    ['a signature', 'stop\nsent from my iphone', 'stop'],
    ['a signature in the line', 'stop sent from my galaxy s20', 'stop'],
    ['a signature after a line of dashes', 'stop\n--\njohn smith', 'stop'],
    ['an advertisement', 'stop\n\nget outlook for ios', 'stop\n'],
    ['a name', 'stop\n-mike', 'stop'],
    ['a dash that is the only line', '-mike', '-mike'],
    ['a footer', 'yes. reply stop to end', 'yes. \n'],
    ['a footer in other signs', 'yes "reply: stop to END"'.toLowerCase(), 'yes "\n"'],
    ['nothing but a footer', 'reply stop to end', 'reply stop to end'],
  ])('removes %s', (_name, text, left) => {
    expect(withoutUnwritten(text, known)).toBe(left);
  });
});

describe('isOneEdit', () => {
  it.each([
    ['stpo', true],
    ['sto', true],
    ['stopp', true],
    ['xstop', true],
    ['stap', true],
    ['stop', false],
    ['pots', false],
    ['stoppp', false],
    ['tspo', false],
    ['stpox', false],
  ])('stop and %s: %s', (word, isOne) => {
    expect(isOneEdit(word, 'stop')).toBe(isOne);
    expect(isOneEdit('stop', word)).toBe(isOne);
  });
});

describe('createSpelling', () => {
  const spelling = createSpelling(['end', 'stop', 'unsubscribe'], new Set(['stup']));
  it.each([
    ['stpo', 'stop'],
    ['unsubsribe', 'unsubscribe'],
    // A short word, a word that is known, a word of a dictionary.
    ['ent', undefined],
    ['stup', undefined],
    ['step', undefined],
    ['shop', undefined],
    ['s'.repeat(25), undefined],
    ['xyzzy', undefined],
  ])('finds for %s: %s', (word, meant) => {
    expect(spelling(word)).toBe(meant);
  });

  it.each(['shop', 'step', 'quite', 'quiet'])('%s is a real word', (word) => {
    const isNear = Object.values(KEYWORD_PACKS).some(({ optOut }) =>
      optOut.some((out) => isOneEdit(word, out)),
    );
    expect(REAL_WORDS.includes(word)).toBe(isNear);
  });
});

describe('splitJoined', () => {
  const parts = new Set(['stop', 'to', 'top', 's', 'me', '2', 'end']);
  it.each([
    ['stopstop', ['stop', 'stop']],
    ['stop2end', ['stop', '2', 'end']],
    ['stopme', ['stop', 'me']],
    ['stops', ['stop', 's']],
    ['stop', ['s', 'top']],
    ['stopx', undefined],
    ['me', undefined],
    ['stop'.repeat(11), undefined],
  ])('splits %s into %j', (word, split) => {
    const used = word === 'stop' ? new Set(['s', 'top']) : parts;
    expect(splitJoined(word, used)).toEqual(split);
  });

  it('splits nothing without parts', () => {
    expect(splitJoined('stop', new Set())).toBeUndefined();
  });
});

describe('aloneFrom', () => {
  const table = new Map([
    ['stop', [['stop', 'all'], ['stop']]],
    ['cancel', [['cancel']]],
  ]);
  const read = (text: string) => {
    const words = text.split(' ');
    const isIgnored = words.map((word) => word === 'please');
    return aloneFrom(words, 0, words.length, { table, isIgnored });
  };
  it.each([
    ['stop', { from: 0, to: 1 }],
    ['stop stop all', { from: 0, to: 3 }],
    ['please stop please', { from: 1, to: 2 }],
    ['stop to cancel', { from: 0, to: 3 }],
    ['stop 36180', { from: 0, to: 1 }],
    ['stop au 36 180', { from: 0, to: 1 }],
    ['stop to', undefined],
    ['stop 2 texts', undefined],
    ['to stop', undefined],
    ['please', undefined],
    ['bus stop', undefined],
  ])('reads %j as %j', (text, span) => {
    expect(read(text)).toEqual(span);
  });
});

describe('createPhraseSet', () => {
  const names = { groups: { messages: ['texts', 'sms'] }, fillers: new Set(['me', 'these']) };
  const spansOf = (phrase: string, text: string) => {
    const words = text.split(' ');
    const edge = (index: number) => [...words, ''].map((_, at) => at === index);
    return createPhraseSet([{ phrase, names }]).findAll({
      ...{ words, clauseEnds: [], isQuestion: false, starts: edge(0), ends: edge(words.length) },
    });
  };
  it.each([
    ['stop|quit texting', 'now quit texting', [{ from: 1, to: 3 }]],
    ['stop @messages', 'stop sms', [{ from: 0, to: 2 }]],
    ['stop @unknown', 'stop sms', []],
    ['stop [the] bus', 'stop bus', [{ from: 0, to: 2 }]],
    ['stop [the] bus', 'stop the bus', [{ from: 0, to: 3 }]],
    ['stop ~ texts', 'stop me these texts', [{ from: 0, to: 4 }]],
    ['stop ~ texts', 'stop my texts', []],
    ['stop … texts', 'stop a b c texts', [{ from: 0, to: 5 }]],
    ['stop … texts', 'stop a b c d texts', []],
    ['stop *ing', 'stop laughing', [{ from: 0, to: 2 }]],
    ['stop *', 'stop', []],
    ['* stop', 'bus stop', [{ from: 0, to: 2 }]],
    [
      '[bus] stop',
      'bus stop',
      [
        { from: 0, to: 2 },
        { from: 1, to: 2 },
      ],
    ],
    ['stop #', 'stop 123', [{ from: 0, to: 2 }]],
    ['^ stop', 'bus stop', []],
    ['^ stop $', 'stop', [{ from: 0, to: 1 }]],
    ['stop $', 'stop now', []],
    // The longest reading counts.
    ['a … b', 'a b b', [{ from: 0, to: 3 }]],
  ])('finds %j in %j', (phrase, text, spans) => {
    expect(spansOf(phrase, text)).toEqual(spans);
  });

  it('reads the words of a sentence a bounded number of times', () => {
    const phrase = 'a ~ … a [a] ~ … a|b * … *a $';
    const reads = (length: number) => {
      let count = 0;
      const words = new Proxy(
        Array.from({ length }, () => 'a'),
        {
          get(target, key, receiver) {
            count++;
            return Reflect.get(target, key, receiver) as unknown;
          },
        },
      );
      const marks = Array.from({ length: length + 1 }, () => true);
      createPhraseSet([{ phrase, names: { groups: {}, fillers: new Set(['a']) } }]).findAll({
        ...{ words, clauseEnds: [], isQuestion: false, starts: marks, ends: marks },
      });
      return count;
    };
    const perWord = reads(1_000) / 1_000;
    expect(perWord).toBeLessThan(1_000);
    expect(reads(4_000) / 4_000).toBeLessThan(perWord * 1.1);
  });
});

it('finds the parts of long texts that repeat themselves in time that grows with their length', () => {
  const units = [
    'a ',
    'stop ',
    's.',
    "don't ",
    '> ',
    '“',
    'sent from my ',
    'reply stop to ',
    '-',
    '\n',
    'on a wrote: ',
  ];
  const known = { isReaction: () => false, footers: [footerPattern(['reply', 'stop', 'to', 'end'])] };
  const repair = { pairs: new Map<string, Map<string, string>>(), correct: (word: string) => word };
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...units), { minLength: 1, maxLength: 4 }), (parts) => {
      const text = foldCharacters(parts.join('').repeat(4_096));
      const left = withoutUnwritten(text, known);
      expect(left.length).toBeLessThanOrEqual(text.length);
      const words = readSentences(left, repair).reduce((sum, sentence) => sum + sentence.words.length, 0);
      expect(words).toBeLessThanOrEqual(4_096);
    }),
    { numRuns: 50 },
  );
});
