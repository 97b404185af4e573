/**
 * Recognises what speaks of an error in a reply that looks like a success. Pure. It is strict: a reply that leaves a
 * doubt is none, because a list that is believed wrongly releases people.
 */

/** Members that speak of an error where they say anything: `error`, `errors`, `error-text`, `errorCode`, `err-code`, … */
const ERROR_NAME = /error|^err(?:s|code|msg|message|text|no)?$|^faults?|^exceptions?|^failures?|^failed/;
/** Members that say how it went: 0 is a success. */
const STATUS_NAME = 'status';
/** The same in other words: 0 or 200 is a success. */
const CODE_NAMES: ReadonlySet<string> = new Set(['code', 'statuscode', 'httpstatus', 'resultcode']);
/** Members that say whether it went well: anything but true is an error. */
const SUCCESS_NAMES: ReadonlySet<string> = new Set(['success', 'successful', 'ok']);
/** Members of a problem (RFC 9457) or of a gateway's reply. A list has none of them. */
const PROBLEM_NAMES: ReadonlySet<string> = new Set(['title', 'type', 'detail', 'message', 'reason']);
/** The rows, which say nothing about the reply. */
const LIST_NAME = 'opt-in-list';
/** Most values beside the list that are looked at. A reply with more is none that we know. */
const MOST_VALUES = 1_000;

/** Whether a content type is that of a problem (`application/problem+json`). */
export function isProblem(contentType: string | undefined): boolean {
  return /(?:^|[/\s,])problem\b/i.test(contentType ?? '');
}

/** Whether anything in a reply but its rows speaks of an error, at any depth. */
export function speaksOfError(body: Readonly<Record<string, unknown>>): boolean {
  const top = Object.entries(body).filter(([name]) => name !== LIST_NAME);
  if (top.some(([name, value]) => PROBLEM_NAMES.has(nameOf(name)) && !isEmpty(value))) return true;
  const pending = top;
  for (let looked = 0; looked < pending.length; looked++) {
    const [name, value] = pending[looked] as [string, unknown];
    if (isErrorMember(name, value)) return true;
    if (typeof value !== 'object' || value === null) continue;
    if (Array.isArray(value) && value.length > MOST_VALUES) return true;
    const members = Object.entries(value);
    if (pending.length + members.length > MOST_VALUES) return true;
    pending.push(...members);
  }
  return false;
}

const nameOf = (name: string) => name.toLowerCase().replace(/[^a-z]/g, '');

/** `null`, nothing, `false` and 0 say that there is no error. */
function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return isNothing(value) || isWord(value, ['', '0', 'false', 'null']);
}

function isErrorMember(name: string, value: unknown): boolean {
  const plain = nameOf(name);
  if (ERROR_NAME.test(plain)) return !isEmpty(value);
  if (plain === STATUS_NAME) return !isNothing(value) && !isWord(value, ['0']);
  if (CODE_NAMES.has(plain)) return !isNothing(value) && !isWord(value, ['0', '200']);
  if (SUCCESS_NAMES.has(plain)) return !isNothing(value) && !isWord(value, ['true']);
  return plain === 'messages' && !isMessageList(value);
}

const isNothing = (value: unknown) => value === undefined || value === null;

/** Whether a value is one of some words, written as a text, a number or a boolean. */
function isWord(value: unknown, words: readonly string[]): boolean {
  const isSimple = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  return isSimple && words.includes(String(value).trim().toLowerCase());
}

/** `messages` of a reply: a list of objects, whose members are looked at as well. */
function isMessageList(value: unknown): boolean {
  if (isNothing(value) || value === '') return true;
  return Array.isArray(value) && value.every((message) => typeof message === 'object' && message !== null);
}
