/**
 * Suggests the right call if an argument is no options object: `ready(5000)`, `prune()`, `optOut(number, 'reason')`. A
 * received text is never repeated, since it may be a secret or a number.
 */

/** Suggestions for values and options that are refused. Each function returns `undefined` if it has none. */
export interface OptionHints {
  /** Whether the options are those of a call. The error message then lists them. */
  readonly isCall?: boolean;
  /** Suggests what to write instead of the whole value. An object is refused too if there is a suggestion. */
  readonly whole?: (value: unknown) => string | undefined;
  /** Suggests what to write instead of an unknown option. */
  readonly unknown?: (name: string) => string | undefined;
}

type Kind = 'number' | 'string' | 'boolean' | 'function' | 'Date' | 'nothing';

/** The arguments before the options, and the option that a value of each kind was probably meant for. */
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

/** Matches numbers and durations that are too short to be telephone numbers. */
const SHORT_NUMBER = /^\d{1,6}(?:\.\d{1,3})?(?:ms|s|m|h|d)?$/i;

function receivedKind(value: unknown): Kind | undefined {
  if (value instanceof Date) return 'Date';
  if (value === undefined) return 'nothing';
  const kind = typeof value;
  return kind === 'number' || kind === 'string' || kind === 'boolean' || kind === 'function'
    ? kind
    : undefined;
}

/** Writes a received value as code, without its content if that may be a secret or a number. */
function asCode(value: unknown): string {
  switch (typeof value) {
    case 'number':
      return SHORT_NUMBER.test(String(value)) ? String(value) : '…';
    case 'string':
      return SHORT_NUMBER.test(value) ? `'${value}'` : "'…'";
    case 'boolean':
      return String(value);
    case 'function':
      return '(row) => …';
    default:
      return 'new Date(…)';
  }
}

/** Returns the hints for the options of a call; `undefined` if the call has none. */
export function hintsOfCall(name: string): OptionHints | undefined {
  const call = Object.hasOwn(CALLS, name) ? CALLS[name] : undefined;
  if (call === undefined) return undefined;
  return {
    isCall: true,
    whole(value) {
      const kind = receivedKind(value);
      const option = kind === undefined ? undefined : call[kind];
      if (kind === undefined || option === undefined) return undefined;
      const pair = option.includes(':') ? option : `${option}: ${asCode(value)}`;
      return `${name}(${call.before === undefined ? '' : `${call.before}, `}{ ${pair} })`;
    },
  };
}
