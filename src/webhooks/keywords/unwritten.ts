/**
 * Removes what a person did not write from a folded text: quotations in reactions, quoted replies, signatures, and the
 * sender's own footers. Pure.
 */

/** How to recognise texts that a person did not write. */
export interface UnwrittenTexts {
  /** Whether words before a quotation make it a reaction, such as `liked`. */
  readonly isReaction: (words: readonly string[]) => boolean;
  /** The sender's own footers. */
  readonly footers: readonly RegExp[];
}

/** How far into a text the quotation of a reaction begins. */
const MAX_REACTION_START = 80;
const OPENING_QUOTE = /[“"«„]/;
const CLOSING_QUOTES = ['”', '"', '»', '“'];
const EMOJI_BUT_STOP = /(?![🛑✋🚫⛔])\p{Extended_Pictographic}/u;
/** The shortest quotation after a bare emoji, words: `🛑 "STOP"` is the person's own. */
const MIN_QUOTED_WORDS = 3;
/** The line above a quoted or forwarded message. */
const REPLY_HEADERS = [
  /^\s*(?:on|le|el|il|am) .{4,120} (?:wrote|a ecrit|escribio) ?:?\s*$/,
  /^\s*-{2,} ?(?:original|forwarded) message/,
  /^\s*(?:from|de): ?\S+@/,
  /^\s*begin forwarded message/,
];
/** The first line of a signature; everything from it on is the signature. */
const SIGNATURE_LINES = [
  /^\s*(?:-{2,}|_{2,}|—)\s*$/,
  /^\s*(?:sent|envoye|enviado|gesendet|inviato|verzonden) (?:from|via|using|with|by|de|depuis|a partir|par|desde|con|mit|von|da|dal|vanaf|met) /,
  /^\s*(?:get|download|obtenir|obtenez|telecharge[rz]|obtener|obten|obtenga|descarga[r]?|scarica) (?:outlook|yahoo|gmail|mail|bluemail|aqua)/,
];
/** A signature in a line with other words. */
const INLINE_SIGNATURE =
  /\s(?:sent (?:from|via) (?:my|the)|envoye (?:de|depuis) (?:mon|ma)|enviado desde mi) [a-z0-9&+,' -]{2,60}$/;
/** A name behind a dash, as the last line. */
const NAME_LINE = /^\s*[-–—~] ?\p{L}[\p{L}. ]{0,30}$/u;

/** Returns a folded text without what the person did not write. Empty for a mere reaction. */
export function withoutUnwritten(text: string, known: UnwrittenTexts): string {
  const written = withoutReaction(text, known.isReaction);
  if (written === '') return '';
  const own = [withoutReply, withoutSignature, (from: string) => withoutFooters(from, known.footers)];
  return own.reduce((left, remove) => {
    const rest = remove(left);
    return hasWords(rest) ? rest : left;
  }, written);
}

/** Returns the words of a folded text, without regard to sentences. */
export function plainWords(text: string): readonly string[] {
  return text.match(/[\p{L}\p{Nd}]+/gu) ?? [];
}

/** Returns what finds a footer in a folded text, with any signs between its words. */
export function footerPattern(words: readonly string[]): RegExp {
  return new RegExp(`(?<![\\p{L}\\p{Nd}])${words.join('[^\\p{L}\\p{Nd}]+')}(?![\\p{L}\\p{Nd}])`, 'gu');
}

const hasWords = (text: string) => /[\p{L}\p{Nd}🛑✋🚫⛔]/u.test(text);

/** Returns what follows the quotation of a reaction; the text itself if it is none. */
function withoutReaction(text: string, isReaction: UnwrittenTexts['isReaction']): string {
  const start = text.slice(0, MAX_REACTION_START).search(OPENING_QUOTE);
  if (start === -1) return text;
  const before = text.slice(0, start);
  const words = plainWords(before);
  const quoted = text.slice(start + 1);
  const isBareEmoji =
    words.length === 0 && EMOJI_BUT_STOP.test(before) && plainWords(quoted).length >= MIN_QUOTED_WORDS;
  if (!isBareEmoji && !isReaction(words)) return text;
  const end = Math.max(...CLOSING_QUOTES.map((quote) => quoted.lastIndexOf(quote)));
  const rest = end === -1 ? '' : quoted.slice(end + 1);
  return hasWords(rest) ? rest : '';
}

/** Returns a text without quoted lines, and without what follows the line above a quoted message. */
function withoutReply(text: string): string {
  const lines = text.split('\n');
  const header = lines.findIndex((line) => REPLY_HEADERS.some((pattern) => pattern.test(line)));
  const own = header === -1 ? lines : lines.slice(0, header);
  return own.filter((line) => !/^\s*>/.test(line)).join('\n');
}

/** Returns a text without its signature. */
function withoutSignature(text: string): string {
  const lines = text.split('\n');
  const first = lines.findIndex((line) => SIGNATURE_LINES.some((pattern) => pattern.test(line)));
  const own = first === -1 ? lines : lines.slice(0, first);
  if (own.length > 1 && NAME_LINE.test(own.at(-1) as string)) own.pop();
  return own.map((line) => line.replace(INLINE_SIGNATURE, '')).join('\n');
}

/** Returns a text without the sender's footers. */
function withoutFooters(text: string, footers: readonly RegExp[]): string {
  return footers.reduce((left, footer) => left.replaceAll(footer, '\n'), text);
}
