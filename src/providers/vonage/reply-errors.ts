/**
 * Finds signs of an error in a reply that looks like a success. Pure. It is strict: a doubtful reply counts as an
 * error, because a wrong list would unblock people.
 */

/** Members that mean an error unless they are empty: `error`, `errors`, `error-text`, `errorCode`, `err-code`, … */
const ERROR_NAME = /error|^err(?:s|code|msg|message|text|no)?$|^faults?|^exceptions?|^failures?|^failed/;
/** The status of a reply or message: 0 is a success. */
const STATUS_NAME = 'status';
/** Other names of a status: 0 or 200 is a success. */
const CODE_NAMES: ReadonlySet<string> = new Set(['code', 'statuscode', 'httpstatus', 'resultcode']);
/** Members that tell of a success: any value but true is an error. */
const SUCCESS_NAMES: ReadonlySet<string> = new Set(['success', 'successful', 'ok']);
/** Members of a problem document (RFC 9457) or of a gateway's reply. A list has none of them. */
const PROBLEM_NAMES: ReadonlySet<string> = new Set(['title', 'type', 'detail', 'message', 'reason']);
/** The member with the rows, which are not searched. */
export const LIST_NAME = 'opt-in-list';
/** The most values beside the list. A reply with more of them counts as an error. */
const MOST_VALUES = 1_000;

/** Whether a content type is that of a problem document (`application/problem+json`). */
export function isProblemType(contentType: string | undefined): boolean {
  return /(?:^|[/\s,])problem\b/i.test(contentType ?? '');
}

/** Whether a reply has a sign of an error in any member but its rows, at any depth. */
export function hasErrorSign(body: Readonly<Record<string, unknown>>): boolean {
  const members = Object.entries(body).filter(([name]) => name !== LIST_NAME);
  if (members.some(([name, value]) => PROBLEM_NAMES.has(plainName(name)) && !isEmpty(value))) return true;
  // The members of each value are appended, so that the loop also checks them.
  for (let index = 0; index < members.length; index++) {
    const [name, value] = members[index] as [string, unknown];
    if (isErrorMember(name, value)) return true;
    if (typeof value !== 'object' || value === null) continue;
    if (Array.isArray(value) && value.length > MOST_VALUES) return true;
    const inner = Object.entries(value);
    if (members.length + inner.length > MOST_VALUES) return true;
    members.push(...inner);
  }
  return false;
}

/** Returns a member's name in lower case, letters only. */
const plainName = (name: string) => name.toLowerCase().replace(/[^a-z]/g, '');

/**
 * Whether the value of an error member means that there is no error: nullish, `false`, 0, or an empty text or array.
 */
function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return isNullish(value) || isOneOf(value, ['', '0', 'false', 'null']);
}

function isErrorMember(name: string, value: unknown): boolean {
  const plain = plainName(name);
  if (ERROR_NAME.test(plain)) return !isEmpty(value);
  if (plain === STATUS_NAME) return !isNullish(value) && !isOneOf(value, ['0']);
  if (CODE_NAMES.has(plain)) return !isNullish(value) && !isOneOf(value, ['0', '200']);
  if (SUCCESS_NAMES.has(plain)) return !isNullish(value) && !isOneOf(value, ['true']);
  return plain === 'messages' && !isMessageList(value);
}

const isNullish = (value: unknown) => value === undefined || value === null;

/** Whether a text, number or boolean is one of these words, without spaces around it and in any case. */
function isOneOf(value: unknown, words: readonly string[]): boolean {
  const isSimple = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  return isSimple && words.includes(String(value).trim().toLowerCase());
}

/** Whether the `messages` of a reply are well-formed: empty, or an array of objects. Their members are checked too. */
function isMessageList(value: unknown): boolean {
  if (isNullish(value) || value === '') return true;
  return Array.isArray(value) && value.every((message) => typeof message === 'object' && message !== null);
}
