/** The result of reading a text. */

/**
 * The rule that decided a text's meaning.
 *
 * - `whole_message`, `sentence`: an opt-out word alone, as the whole message, or as a sentence, line or clause
 * - `misspelt`, `joined`: such a word, one edit away, or written together with other words
 * - `request`: a verb and its object, such as "stop texting me"
 * - `refusal`, `complaint`: other words for "no more", such as "wrong number" or "you never stop"
 * - `stop_word`: a stop word that no other rule decided
 * - `doubt`: a negation, an accident or a question about opting out
 * - `answer`: an answer to a question, such as `no`
 * - `other_subject`: a stop word that has nothing to do with messages, such as "bus stop"
 * - `opt_in_word`, `help_word`: the whole message
 * - `unwritten`: nothing that the person wrote: a reaction to another message
 * - `no_rule`: no rule applies
 */
export type KeywordRule =
  | 'whole_message'
  | 'sentence'
  | 'misspelt'
  | 'joined'
  | 'request'
  | 'refusal'
  | 'complaint'
  | 'stop_word'
  | 'doubt'
  | 'answer'
  | 'other_subject'
  | 'opt_in_word'
  | 'help_word'
  | 'unwritten'
  | 'no_rule';

/** The meaning of a text. */
export interface KeywordMatch {
  readonly meaning: 'opt_out' | 'opt_in' | 'help' | 'unclear' | 'none';
  /**
   * Whether the text may block: `true` for opt-outs and most unclear texts; `false` for every other text, such as the
   * answer `no`, a single letter, or "I don't want to unsubscribe".
   */
  readonly blocks: boolean;
  /** The rule that decided. */
  readonly rule: KeywordRule;
  /** The words that decided, in lower case and without accents. */
  readonly matched?: string;
}
