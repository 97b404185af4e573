import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createKeywords } from '../../../src/webhooks/keywords/keywords.ts';

const read = createKeywords();

describe('createKeywords', () => {
  it.each([
    ...[
      'STOP',
      'stop',
      'Stop.',
      ' STOP ',
      '"Stop"',
      'STOP!!',
      'stop\n',
      'STOP ALL',
      'stopall',
      'opt out',
      'opt-out',
    ],
    ...[
      'OPTOUT',
      'Opt Out',
      'revoke',
      'unsub',
      'Unsubscribe',
      'END',
      'quit',
      'CANCEL',
      'Arrêt',
      'ARRETE',
      'ＳＴＯＰ',
    ],
    ...[
      'STOP 🛑',
      '🛑STOP🛑',
      "'stop'",
      '«STOP»',
      'S.T.O.P',
      's t o p',
      'stop stop stop',
      'Please stop',
      'STOP please',
    ],
    ...[
      'stop 73737',
      'STOP au 36180',
      'stop, thank you',
      'désabonner',
      'Désinscription',
      'BAJA',
      'alto',
      'PARAR',
    ],
    ...[
      'darme de baja',
      'arre\u0302t',
      'st\u00ADop',
      'stop\u200B',
      'STOP sms',
      '¡ALTO!',
      'stop svp',
      'Unsubscribe all',
    ],
    ...['Unsubscribe me! Unsubscribe me!', 'stop now, stop now'],
  ])('opts out with %j', (text) => {
    expect(read(text)).toMatchObject({ meaning: 'opt_out', blocks: true });
  });

  it.each(['START', 'start', ' Start. ', 'UNSTOP', 'unstop!'])('opts in with %j', (text) => {
    expect(read(text)).toMatchObject({ meaning: 'opt_in', blocks: false });
  });

  it.each(['HELP', 'info', 'Aide', 'AYUDA', 'help please', 'Información'])(
    'asks for help with %j',
    (text) => {
      expect(read(text)).toMatchObject({ meaning: 'help', blocks: false });
    },
  );

  it.each([
    ...['remove', 'exit', 'cease and desist', 'leave me alone', 'no mas', 'No más', 'laissez-moi tranquille'],
    ...['stop you people', 'wrong number', 'not interested', 'you never stop', 'STOP Northwind'],
  ])('finds %j unclear, and it blocks', (text) => {
    expect(read(text)).toMatchObject({ meaning: 'unclear', blocks: true });
  });

  it.each(['no', 'No.', 'S', 's', 'N', 'y', 'non', 'NO!!', 'nope'])(
    'finds %j unclear, and it does not block',
    (text) => {
      expect(read(text)).toMatchObject({ meaning: 'unclear', blocks: false });
    },
  );

  it.each([
    ...[
      'We have got to STOP this terrible bill',
      'the end',
      'yes',
      'YES',
      'ok',
      'okay thanks',
      '',
      '   ',
      '🎉',
      '42',
    ],
    ...['start now', 'please start', 'When does it start', 'restart', 'nonstop', 'stop by at five'],
    ...['unstoppable', 'endless', 'I will bring the cancel form tomorrow', 'the next stop is mine'],
    ...['I want to stop smoking', 'she told you stopping is hard', 'stop the noise on our street'],
    ...['meet me at the bus stop', 'full stop'],
  ])('finds no meaning in %j', (text) => {
    expect(read(text)).toMatchObject({ meaning: 'none', blocks: false });
  });

  it('returns the word or phrase that matched', () => {
    expect(read('Arrêt!').matched).toBe('arret');
    expect(read('oh just LEAVE me alone').matched).toBe('leave me alone');
    expect(read('just STOP').matched).toBe('stop');
    expect(read('good morning').matched).toBeUndefined();
  });

  it('accepts further words and packs, and only the given languages', () => {
    const own = createKeywords({
      languages: ['en', { optOut: ['Stopp', 'Abmelden'], unclear: ['keine werbung'], help: ['Hilfe'] }],
      optOut: ['BASTA YA'],
      optIn: ['JOIN', 'stop'],
      unclear: ['no thanks'],
    });
    const meanings = [
      'stopp',
      'ABMELDEN!',
      'basta ya',
      'join',
      'stop',
      'Nein, keine Werbung',
      'hilfe',
      'no thanks',
      'arret',
    ];
    expect(meanings.map((text) => own(text).meaning)).toEqual([
      ...['opt_out', 'opt_out', 'opt_out', 'opt_in', 'opt_out', 'unclear', 'help', 'unclear', 'none'],
    ]);
  });

  it.each(['', '🎉', 'stop', 'please stop', 'hello'])(
    'gives %j the same meaning if words without letters and digits are configured',
    (text) => {
      const signs = ['!', '🛑', ''];
      const english = createKeywords({ languages: ['en'] });
      const own = createKeywords({
        languages: [
          'en',
          {
            ...{ optOut: signs, unclear: signs, help: signs, answers: signs },
            ...{ courtesy: signs, negations: signs },
          },
        ],
        optOut: signs,
        optIn: signs,
        unclear: signs,
      });
      expect(own(text)).toEqual(english(text));
    },
  );

  it('never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.string({ unit: 'binary', maxLength: 200 })), (text) => {
        expect(['opt_out', 'opt_in', 'help', 'unclear', 'none']).toContain(read(text).meaning);
      }),
    );
    expect(read('stop '.repeat(100_000)).meaning).toBeDefined();
  });

  it('finds a keyword in upper and lower case, with any punctuation around it', () => {
    const around = fc.string({
      unit: fc.constantFrom(' ', '.', '!', '"', '*', '\n', '🛑', '-', '…'),
      maxLength: 6,
    });
    fc.assert(
      fc.property(
        fc.constantFrom('stop', 'Quit', 'UNSUBSCRIBE', 'revoke'),
        around,
        around,
        (word, before, after) => {
          expect(read(before + word + after).meaning).toBe('opt_out');
        },
      ),
    );
  });

  it.each(['just stop', 'can you please stop', 'yes stop', 'No, stop!', 'I said stop'])(
    'blocks after %j',
    (text) => {
      expect(['opt_out', 'unclear']).toContain(read(text).meaning);
      expect(read(text).blocks).toBe(true);
    },
  );

  it.each([
    ...["don't stop", 'please do not stop', "you can't stop", 'I said not to stop', "stop? No, don't stop!"],
    ...["don't cancel my appointment", 'please do not stop texting me', "don't unsubscribe me"],
    ...[
      'I accidentally unsubscribed, please add me back',
      'did not mean to opt out',
      'What happens if I text STOP?',
    ],
    ...[
      'no quiero darme de baja',
      "N'arrêtez surtout pas vos promos",
      'Cancel. I have to move my appointment',
    ],
    'I was unsubscribed. Can you add me back?',
  ])('leaves %j to a person, and does not block', (text) => {
    expect(read(text)).toMatchObject({ meaning: 'unclear', blocks: false });
  });
});

describe('the rule', () => {
  it.each([
    ['STOP please', 'opt_out', 'whole_message', 'stop'],
    ['🛑', 'opt_out', 'whole_message', 'stopemoji'],
    ['Stop! I never signed up', 'opt_out', 'sentence', 'stop'],
    ['no thanks, stop', 'opt_out', 'sentence', 'stop'],
    ['Stpo', 'opt_out', 'misspelt', 'stpo'],
    ['stpo texting me', 'opt_out', 'misspelt', 'stop texting'],
    ['stpo laughing', 'none', 'no_rule', undefined],
    ['please unsubsribe me', 'opt_out', 'whole_message', 'unsubscribe me'],
    ['st op please', 'opt_out', 'joined', 'stop'],
    ['sto pp ok at', 'none', 'no_rule', undefined],
    ['a b', 'none', 'no_rule', undefined],
    ['STOP2END', 'opt_out', 'joined', 'stop2end'],
    ['removeme', 'opt_out', 'joined', 'removeme'],
    ['stopthe', 'unclear', 'joined', 'stopthe'],
    ['takeout', 'none', 'no_rule', undefined],
    ['Stop texting me', 'opt_out', 'request', 'stop texting'],
    ['you never stop', 'unclear', 'complaint', 'you never stop'],
    ['wrong number', 'unclear', 'refusal', 'wrong number'],
    ['STOP Northwind', 'unclear', 'stop_word', 'stop'],
    ["don't stop", 'unclear', 'doubt', 'dont stop'],
    ['Cancel. My appointment is on Friday', 'unclear', 'doubt', 'cancel'],
    ['Stop. My appointment is on Friday', 'opt_out', 'sentence', 'stop'],
    ['Cancel. I moved away', 'opt_out', 'sentence', 'cancel'],
    ['no', 'unclear', 'answer', 'no'],
    ['bus stop', 'none', 'other_subject', 'bus stop'],
    ['START', 'opt_in', 'opt_in_word', 'start'],
    ['ѕtаrt', 'none', 'no_rule', undefined],
    ['HELP', 'help', 'help_word', 'help'],
    ['Loved “Sale. Reply STOP to end”', 'none', 'unwritten', undefined],
    ['see you at 3', 'none', 'no_rule', undefined],
    // A stop emoji beside other words is an opt-out only with an object.
    ['Count me in! ✋', 'none', 'no_rule', undefined],
    ['🛑\n🛑', 'opt_out', 'sentence', 'stopemoji'],
    ['🛑\nquit', 'opt_out', 'sentence', 'quit'],
    ['no more texts 🛑', 'opt_out', 'request', 'nomore texts'],
    // What blocks counts before what does not.
    ["don't stop. Wrong number", 'unclear', 'refusal', 'wrong number'],
    ['Yes. Reply STOP to unsubscribe', 'none', 'no_rule', undefined],
    ['Reply STOP to unsubscribe', 'opt_out', 'whole_message', 'reply stop to unsubscribe'],
    ['Hi, stop to cancel', 'opt_out', 'whole_message', 'stop to cancel'],
    ['New arrivals are here now. Stop to end', 'none', 'no_rule', undefined],
  ])('of %j: %s by %s', (text, meaning, rule, matched) => {
    expect(read(text)).toEqual({
      ...{
        meaning,
        rule,
        blocks: rule !== 'doubt' && (meaning === 'opt_out' || meaning === 'unclear') && rule !== 'answer',
      },
      ...(matched === undefined ? {} : { matched }),
    });
  });

  it('removes footers that a message quotes', () => {
    const own = createKeywords({ footers: ['Acme: STOP ends it', '!!!'] });
    expect(own('ok see you. Acme: STOP ends it').meaning).toBe('none');
    expect(read('ok see you. Acme: STOP ends it').blocks).toBe(true);
    expect(own('Acme: STOP ends it').blocks).toBe(true);
  });

  it('heeds negations before an unclear phrase of a pack', () => {
    const own = createKeywords({ languages: [{ unclear: ['werbung'], negations: ['keine angst vor'] }] });
    expect(own('immer diese werbung')).toMatchObject({ meaning: 'unclear', blocks: true, rule: 'refusal' });
    expect(own('keine angst vor werbung').meaning).toBe('none');
  });

  it.each(['de', 'pt', 'it', 'nl'] as const)('of STOP in the pack %s is an opt-out', (language) => {
    expect(createKeywords({ languages: [language] })('Stop').meaning).toBe('opt_out');
    expect(createKeywords({ languages: [language] })('stop everything around here').rule).toBe('stop_word');
  });
});

describe('a long text', () => {
  it.each([
    ['is read up to its 4,096th character', `${'x'.repeat(4_081)} leave me alone`, 'unclear'],
    ['is not read further than that', `${'x'.repeat(4_082)} leave me alone`, 'none'],
    ['is read up to the 4,096th decomposed character', `${'\uFDFA'.repeat(226)} leave me alone`, 'unclear'],
    [
      'is not read further than the 4,096th decomposed character',
      `${'\uFDFA'.repeat(227)} leave me alone`,
      'none',
    ],
    [
      'is read up to the 4,096th character before the decomposition',
      `${'𝐱'.repeat(2_040)} leave me alone`,
      'unclear',
    ],
    [
      'is not read further than the 4,096th character before the decomposition',
      `${'𝐱'.repeat(2_041)} leave me alone`,
      'none',
    ],
  ])('%s', (_name, text, meaning) => {
    expect(read(text).meaning).toBe(meaning);
  });
});
