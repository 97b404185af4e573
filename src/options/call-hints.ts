/**
 * Suggests the right call after an argument that is no options object: `ready(5000)`, `prune()`,
 * `optOut(number, 'reason')`. A received text is never repeated, since it may be a secret or a number.
 */

/** How to tell what was probably meant by a value or an option that is refused; `undefined` if nothing is known. */
export interface OptionHints {
  /** Whether the options are those of a call; the error then names them. */
  readonly isCall?: boolean;
  /** For a whole value; also asked for objects, which are refused if there is an answer. */
  readonly whole?: (value: unknown) => string | undefined;
  /** For an option that does not exist. */
  readonly unknown?: (name: string) => string | undefined;
}

type Kind = 'number' | 'string' | 'boolean' | 'function' | 'Date' | 'nothing';

/** The arguments before the options, and which option a value of each kind probably is. */
interface Call extends Readonly<Partial<Record<Kind, string>>> {
  readonly before?: string;
}

const TIMEOUT = { number: 'timeout', string: 'timeout' };
const CALLS: Readonly<Record<string, Call>> = {
  ready: TIMEOUT,
  close: TIMEOUT,
  refresh: { boolean: 'acceptShrink' },
  assertCanSend: { before: 'msisdn', string: 'from', number: 'from' },
  send: { before: 'msisdn, send', string: 'from', number: 'from' },
  filter: { before: 'recipients', string: 'from', function: 'to' },
  filterStream: { string: "csv: { column: '…' }", function: 'to' },
  optOut: { before: 'msisdn', string: 'reason' },
  resubscribe: { before: 'msisdn', string: 'list', boolean: 'localOnly' },
  import: { before: 'rows', string: 'list' },
  optOuts: { string: 'list' },
  history: { before: 'msisdn', string: 'list', number: 'limit' },
  prune: { string: 'olderThan', number: 'olderThan', Date: 'olderThan', nothing: "olderThan: '365d'" },
  middleware: { string: 'onBlocked', function: 'to' },
  webhooks: {
    string: "signature: { secret: '…', method: 'sha256' }",
    nothing: "signature: { secret: '…', method: 'sha256' }",
  },
  vonage: {
    string: "apiKey: '…', apiSecret: '…'",
    nothing: "apiKey: '…', apiSecret: '…'",
  },
  guardFetch: { before: 'guard', function: 'next', nothing: 'next: (request) => …' },
  guardVonage: { before: 'guard, client', string: 'onBlocked' },
};

/** A number or duration this short is no telephone number. */
const SHORT = /^\d{1,6}(?:\.\d{1,3})?(?:ms|s|m|h|d)?$/i;

function kindOfGiven(value: unknown): Kind | undefined {
  if (value instanceof Date) return 'Date';
  if (value === undefined) return 'nothing';
  const kind = typeof value;
  return kind === 'number' || kind === 'string' || kind === 'boolean' || kind === 'function'
    ? kind
    : undefined;
}

function written(value: unknown): string {
  switch (typeof value) {
    case 'number':
      return SHORT.test(String(value)) ? String(value) : '…';
    case 'string':
      return SHORT.test(value) ? `'${value}'` : "'…'";
    case 'boolean':
      return String(value);
    case 'function':
      return '(row) => …';
    default:
      return 'new Date(…)';
  }
}

/** The hints for the options of a call; `undefined` for names that are none. */
export function hintsOfCall(name: string): OptionHints | undefined {
  const call = Object.hasOwn(CALLS, name) ? CALLS[name] : undefined;
  if (call === undefined) return undefined;
  return {
    isCall: true,
    whole(value) {
      const kind = kindOfGiven(value);
      const option = kind === undefined ? undefined : call[kind];
      if (kind === undefined || option === undefined) return undefined;
      const pair = option.includes(':') ? option : `${option}: ${written(value)}`;
      return `${name}(${call.before === undefined ? '' : `${call.before}, `}{ ${pair} })`;
    },
  };
}
