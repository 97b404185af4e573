/**
 * Decides whether a request is a send: by host, path and method of the provider's endpoints that send text messages,
 * and by the user's rules for other endpoints. Pure. A path counts if any server may treat it as such an endpoint.
 * Recipients are found, but not checked.
 */

import { refuse, text, optional, readFields, type Field } from '../../options/fields.ts';
import { readSendParameters, type RequestContent } from './parameters.ts';
import {
  dispatchRecipients,
  messageRecipients,
  topRecipients,
  verificationRecipients,
  workflowRecipients,
  type Findings,
  type RecipientReader,
} from './recipients.ts';

/** A request, as the function `to` of a rule gets it. */
export interface SendRequest {
  readonly method: string;
  /** The path as the request has it, with its query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The body as text; `undefined` if there is none. */
  readonly text: string | undefined;
  /** The body as JSON; `undefined` if it is none. */
  readonly json: unknown;
}

/** An endpoint of your own that sends messages. */
export interface SendRule {
  /** Its host, if necessary with a port. `*` matches any characters. Default: every host. */
  readonly host?: string | undefined;
  /** Its path, or the last segments of it, in any letter case. */
  readonly path: string;
  /**
   * The name of the parameter with the recipients, in query, form or JSON; or a function that returns one number or
   * several. If the function returns `undefined`, the request is no send. A send without a recipient is refused.
   */
  readonly to: string | ((request: SendRequest) => unknown);
  /** The name of the parameter with our number or sender id. */
  readonly from?: string | undefined;
}

/** The target of a request. */
export interface Target {
  readonly method: string;
  /** The path with its query. It may be an absolute URL. */
  readonly path: string;
  /** Returns every host that the request names, as `name:port`. If it names none, it may go to any host. */
  readonly hosts: () => readonly string[];
  /** Whether the request may be sent to a host that it does not name. Default: no. */
  readonly canGoToOtherHost?: () => boolean;
}

/** A request that sends. */
export interface Send {
  /** Whether the reply can say that the recipient has opted out. */
  readonly repliesWithOptOuts: boolean;
  /** The query of its path, without the `?`. */
  readonly query: string;
  /** Finds the recipients. Never throws. */
  find(content: RequestContent): Findings;
}

/** Returns the send that a request is; `undefined` if it is none. */
export type SendFinder = (target: Target) => Send | undefined;

/** The hosts of the provider. Its endpoints count at each of them. */
const PROVIDER_HOSTS = ['nexmo.com', '*.nexmo.com', 'vonage.com', '*.vonage.com'];
/** Methods that never send a message. */
const NEVER_SENDING = ['OPTIONS', 'TRACE', 'CONNECT'];
const NEVER_SENDING_OR_READING = [...NEVER_SENDING, 'GET', 'HEAD'];

interface Endpoint {
  readonly path: RegExp;
  /** Methods with which a request to it sends nothing. */
  readonly harmlessMethods: readonly string[];
  readonly repliesWithOptOuts: boolean;
  readonly read: RecipientReader;
}

/** Their order does not matter: no path matches two of them. */
const ENDPOINTS: readonly Endpoint[] = [
  endpoint('/(?:sms|sc/us/(?:alert|marketing))/(?:json|xml)', topRecipients('to', 'from')),
  { ...endpoint('/sc/us/2fa/(?:json|xml)', topRecipients('to', 'from')), repliesWithOptOuts: true },
  endpoint('/verify(?:/psd2)?/(?:json|xml)', verificationRecipients),
  {
    ...endpoint('/v[01](?:\\.\\d+)?/messages', messageRecipients),
    harmlessMethods: NEVER_SENDING_OR_READING,
  },
  { ...endpoint('/v2/verify', workflowRecipients), harmlessMethods: NEVER_SENDING_OR_READING },
  {
    ...endpoint('/v[01](?:\\.\\d+)?/dispatch', dispatchRecipients),
    harmlessMethods: NEVER_SENDING_OR_READING,
  },
];
/** The end of every path of these endpoints. It excludes most requests with one test. */
const ENDING = /\/(?:json|xml|messages|verify|dispatch)$/;

function endpoint(path: string, read: RecipientReader): Endpoint {
  return { path: new RegExp(`${path}$`), harmlessMethods: NEVER_SENDING, repliesWithOptOuts: false, read };
}

/** Creates a finder for the provider's endpoints, at its own hosts and at `hosts`, and for the endpoints of `rules`. */
export function createSendFinder(hosts: readonly string[], rules: readonly SendRule[]): SendFinder {
  const isProvider = hostTest([...PROVIDER_HOSTS, ...hosts]);
  const ruleTests = rules.map((rule) => ({
    rule,
    ending: normalizePath(rule.path),
    isHost: rule.host === undefined ? () => true : hostTest([rule.host]),
  }));

  return (target) => {
    const [written, query] = splitQuery(target.path);
    const [path, encodedQuery] = splitQuery(normalizePath(written));
    const method = target.method.toUpperCase();
    const known = ENDING.test(path) ? ENDPOINTS.find((one) => one.path.test(path)) : undefined;
    const wholeQuery = encodedQuery === '' ? query : `${query}&${encodedQuery}`;
    if (known !== undefined && !known.harmlessMethods.includes(method) && isAt(target, isProvider)) {
      return {
        repliesWithOptOuts: known.repliesWithOptOuts,
        query: wholeQuery,
        find: (content) => findRecipients(known.read, content),
      };
    }
    const match = ruleTests.find(({ ending, isHost }) => isEnding(path, ending) && isAt(target, isHost));
    if (match === undefined || NEVER_SENDING.includes(method)) return undefined;
    const request = { method: target.method, path: target.path };
    return {
      repliesWithOptOuts: false,
      query: wholeQuery,
      find: (content) => findByRule(match.rule, request, content),
    };
  };
}

/** Splits a target into path and query. A fragment counts as query. */
function splitQuery(target: string): readonly [path: string, query: string] {
  const end = target.search(/[?#]/);
  return end === -1 ? [target, ''] : [target.slice(0, end), target.slice(end + 1)];
}

/**
 * Returns a path as a server may see it: decoded, in lower case, without dot segments, duplicate and trailing slashes
 * and path parameters. An encoded `?` in it starts a query.
 */
function normalizePath(written: string): string {
  const path = written.toLowerCase();
  if (!/[%\\;\s]|\/\/|\/\.|\/$/.test(path)) return path;
  let decoded = path;
  // Paths may be encoded several times. Each round makes the path shorter, so the loop ends.
  for (let before = ''; before !== decoded;) {
    before = decoded;
    decoded = decoded.replaceAll(/%([\da-f]{2})/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
  }
  const [before, query] = splitQuery(decoded.toLowerCase());
  const segments: string[] = [];
  for (const segment of before.replaceAll(/\\/g, '/').split('/')) {
    const name = segment.replace(/;.*$/s, '').replaceAll(/[\s\0]/g, '');
    if (name === '..') segments.pop();
    else if (name !== '' && name !== '.') segments.push(name);
  }
  return `/${segments.join('/')}${query === '' ? '' : `?${query}`}`;
}

const isEnding = (path: string, ending: string) =>
  path.endsWith(ending) && (ending.startsWith('/') || path.at(-1 - ending.length) === '/');

/** Whether a request may be for a host that matches. If the request names no host, it may. */
function isAt({ hosts, canGoToOtherHost }: Target, isMatch: (host: string) => boolean): boolean {
  const named = hosts();
  return named.length === 0 || named.some(isMatch) || canGoToOtherHost?.() === true;
}

/** Returns a test of `name:port` against patterns. A pattern without a port matches every port. */
function hostTest(patterns: readonly string[]): (host: string) => boolean {
  const tests = patterns.map((pattern) => {
    const { name, port } = partsOfHost(pattern);
    const written = name.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll('*', '.*');
    return { name: new RegExp(`^${written}$`), port };
  });
  return (host) => {
    const { name, port } = partsOfHost(host);
    return tests.some((test) => test.name.test(name) && (test.port ?? port) === port);
  };
}

/** Returns the port of a host and its name in a normal form: lower case, no final dot, addresses as in URLs. */
function partsOfHost(host: string): { readonly name: string; readonly port: number | undefined } {
  const written = host.trim().toLowerCase();
  const port = /:(\d*)$/.exec(written)?.[1] ?? '';
  const name = written.replace(/:\d*$/, '').replace(/\.+$/, '');
  const isPattern = name.includes('*') || !URL.canParse(`http://${name}`);
  return {
    name: isPattern ? name : new URL(`http://${name}`).hostname,
    port: port === '' ? undefined : Number(port),
  };
}

function findRecipients(read: RecipientReader, content: RequestContent): Findings {
  try {
    const { sources, doubt } = readSendParameters(content);
    const findings = read(sources);
    return { ...findings, doubt: doubt ?? findings.doubt };
  } catch {
    return unreadable;
  }
}

const unreadable: Findings = {
  recipients: [],
  needsNoRecipient: false,
  doubt: 'the request could not be read',
};

/** A name for the result of a rule's function. No parameter has it, since the names of parameters are trimmed. */
const RESULT = ' result ';

function findByRule(
  { to, from }: SendRule,
  request: Pick<SendRequest, 'method' | 'path'>,
  content: RequestContent,
): Findings {
  const senders = from === undefined ? [] : [from.toLowerCase()];
  if (typeof to === 'string') return findRecipients(topRecipients(to.toLowerCase(), ...senders), content);
  try {
    const { sources, doubt, text: body, json } = readSendParameters(content);
    if (doubt !== undefined) return { ...unreadable, doubt };
    const result = to({ ...request, query: new URLSearchParams(content.query), text: body, json });
    if (result === undefined) return { recipients: [], needsNoRecipient: true, doubt: undefined };
    return topRecipients(RESULT, ...senders)([...sources, new Map([[RESULT, [result]]])]);
  } catch {
    return unreadable;
  }
}

/** Checks a rule in options. */
export const sendRule: Field<SendRule> = (value, key) => {
  const { host, path, to, from } = readFields(value, key, {
    host: optional(hostField),
    path: text,
    to: recipientsField,
    from: optional(text),
  });
  return { path, to, ...(host === undefined ? {} : { host }), ...(from === undefined ? {} : { from }) };
};

/** Checks a host in options. */
export const hostField: Field<string> = (value, key) =>
  typeof value === 'string' && /^(?:[\w.*-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i.test(value)
    ? value
    : refuse(key, value, "a host such as 'sms.example.com', '*.example.com' or 'localhost:3000'");

const recipientsField: Field<SendRule['to']> = (value, key) =>
  typeof value === 'function' || (typeof value === 'string' && value !== '')
    ? (value as SendRule['to'])
    : refuse(key, value, "a parameter's name or a function");
