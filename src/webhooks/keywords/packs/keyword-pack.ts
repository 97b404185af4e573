/** The form of a keyword pack: what the rules know about one language. */

/**
 * The keywords of one language. They are compared without regard to case, accents and punctuation.
 *
 * The first six members are plain words. The members after them are phrases: `stop|quit` is one of two words, `[the]` may
 * be left out, `*` is any word, `…` is up to three words, `~` is up to five of `fillers`, `@messages` is one of the words
 * of `groups.messages`, `^` and `$` are the start and the end of a sentence or clause.
 *
 * @example
 * const german: KeywordPack = {
 *   optOut: ['stop', 'stopp', 'abmelden'],
 *   stopWords: ['stop', 'stopp'],
 *   groups: { messages: ['sms', 'nachrichten', 'werbung'] },
 *   requests: ['keine @messages mehr'],
 * };
 */
export interface KeywordPack {
  /** Whole messages that opt out. As a sentence or line of its own, such a word opts out of a longer message, too. */
  readonly optOut?: readonly string[] | undefined;
  /** Whole messages that ask for help. */
  readonly help?: readonly string[] | undefined;
  /** Phrases that probably ask for no more messages, anywhere in a message. */
  readonly unclear?: readonly string[] | undefined;
  /** Whole messages that are most often answers to a question. They are reported as unclear and never block. */
  readonly answers?: readonly string[] | undefined;
  /** Words of courtesy before or after a keyword, such as `please`. They are ignored. */
  readonly courtesy?: readonly string[] | undefined;
  /** Words that reverse the meaning of an unclear phrase after them, such as `dont`. */
  readonly negations?: readonly string[] | undefined;

  /** Words of `optOut` that hardly mean anything else. A text that has one and that no rule decides is unclear. */
  readonly stopWords?: readonly string[] | undefined;
  /** Words around a stop word that do not change what it asks for, such as `i said`. */
  readonly frames?: readonly string[] | undefined;
  /** Two words that are read as one, such as `opt out`. */
  readonly pairs?: readonly string[] | undefined;
  /** Words that may be written together with an opt-out word, such as `me` in `stopme`. */
  readonly joinable?: readonly string[] | undefined;
  /** Words by their name in phrases: `@messages` is one of `groups.messages`. */
  readonly groups?: Readonly<Record<string, readonly string[]>> | undefined;
  /** Words that may stand between a verb and its object, for `~` in phrases. */
  readonly fillers?: readonly string[] | undefined;
  /** Phrases that ask for no more messages: a verb and its object. They opt out. */
  readonly requests?: readonly string[] | undefined;
  /** Phrases that complain about messages, or reject them in other words. They are unclear, and block. */
  readonly refusals?: readonly string[] | undefined;
  /** Phrases as in `refusals` that count even with a negation: `you never stop`. */
  readonly complaints?: readonly string[] | undefined;
  /** Phrases that turn a request round, or tell of one by accident. They are unclear, and never block. */
  readonly doubts?: readonly string[] | undefined;
  /** Phrases of people who want messages again. A stop word beside one is unclear, and does not block. */
  readonly returns?: readonly string[] | undefined;
  /** Phrases in which a stop word has nothing to do with messages, such as `bus stop`. */
  readonly harmless?: readonly string[] | undefined;
  /** Words for what else can be cancelled or ended, such as `appointment`. */
  readonly subjects?: readonly string[] | undefined;
  /** Phrases before a quotation that make the message a reaction to another one, such as `liked`. */
  readonly reactions?: readonly string[] | undefined;
  /** Phrases that are the sender's own instructions, such as `reply stop to end`, where a message quotes them. */
  readonly instructions?: readonly string[] | undefined;
}
