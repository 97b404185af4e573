/**
 * What is a send: the provider's endpoints that make a text message leave, told by host, path and method, and rules for
 * others. Pure. Whatever a server may take for such a path counts as one; it decides nothing about a recipient.
 */

import { refuse, text, optional, readFields, type Field } from '../../options/fields.ts';
import { readSendParameters, type RequestContent } from './parameters.ts';
import {
  dispatchRecipients,
  messageRecipients,
  topRecipients,
  verifiedRecipients,
  workflowRecipients,
  type Findings,
  type RecipientReader,
} from './recipients.ts';

/** What a function of a rule is shown of a request. */
export interface SendRequest {
  readonly method: string;
  /** As it stands in the request, with its query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The body as text, where there is one. */
  readonly text: string | undefined;
  /** The body as JSON, where it is. */
  readonly json: unknown;
}

/** An endpoint of your own at which a request makes a message leave. */
export interface SendRule {
  /** Its host, with a port where that matters; `*` stands for any part of it. Default: every host. */
  readonly host?: string | undefined;
  /** Its path, or the end of it, in any letter case. */
  readonly path: string;
  /**
   * The name of the parameter that holds the recipients, in query, form or JSON; or a function that returns a number
   * or several. What it returns `undefined` for is no send; none at all is refused.
   */
  readonly to: string | ((request: SendRequest) => unknown);
  /** The name of the parameter that holds our number or sender id. */
  readonly from?: string | undefined;
}

/** Where a request goes. A host that is not known may be any. */
export interface Target {
  readonly method: string;
  /** With its query; perhaps an absolute URL. */
  readonly path: string;
  /** Every host that the request names, as `name:port`. */
  readonly hosts: () => readonly string[];
  /** Whether the bytes may go to a host that the request does not name. Default: they do not. */
  readonly mayGoElsewhere?: () => boolean;
}

/** A request that sends. */
export interface Send {
  /** Whether a reply may tell that the recipient has opted out. */
  readonly tellsOptOuts: boolean;
  /** What stands behind the `?` of its path. */
  readonly query: string;
  /** Never throws. */
  find(content: RequestContent): Findings;
}

/** @returns the send that a request is, if it is one. */
export type SendFinder = (target: Target) => Send | undefined;

/** The hosts of the provider; an endpoint counts at each of them. */
const PROVIDER_HOSTS = ['nexmo.com', '*.nexmo.com', 'vonage.com', '*.vonage.com'];
/** Methods that ask about a resource, or about the way to it. */
const ASKING = ['OPTIONS', 'TRACE', 'CONNECT'];
const ASKING_OR_READING = [...ASKING, 'GET', 'HEAD'];

interface Endpoint {
  readonly path: RegExp;
  readonly harmless: readonly string[];
  readonly tellsOptOuts: boolean;
  readonly read: RecipientReader;
}

/** In no order: no path fits two of them. */
const ENDPOINTS: readonly Endpoint[] = [
  endpoint('/(?:sms|sc/us/(?:alert|marketing))/(?:json|xml)', topRecipients('to', 'from')),
  { ...endpoint('/sc/us/2fa/(?:json|xml)', topRecipients('to', 'from')), tellsOptOuts: true },
  endpoint('/verify(?:/psd2)?/(?:json|xml)', verifiedRecipients),
  { ...endpoint('/v[01](?:\\.\\d+)?/messages', messageRecipients), harmless: ASKING_OR_READING },
  { ...endpoint('/v2/verify', workflowRecipients), harmless: ASKING_OR_READING },
  { ...endpoint('/v[01](?:\\.\\d+)?/dispatch', dispatchRecipients), harmless: ASKING_OR_READING },
];
/** What every path of those ends with: most requests are told by it. */
const ENDING = /\/(?:json|xml|messages|verify|dispatch)$/;

function endpoint(path: string, read: RecipientReader): Endpoint {
  return { path: new RegExp(`${path}$`), harmless: ASKING, tellsOptOuts: false, read };
}

/** Creates a finder of the provider's endpoints, at its own hosts and at `hosts`, and of `rules`. */
export function createSendFinder(hosts: readonly string[], rules: readonly SendRule[]): SendFinder {
  const isProvider = hostTest([...PROVIDER_HOSTS, ...hosts]);
  const own = rules.map((rule) => ({
    rule,
    ending: plainPath(rule.path),
    isHost: rule.host === undefined ? () => true : hostTest([rule.host]),
  }));

  return (requested) => {
    const { method, path: target } = requested;
    const [written, query] = parted(target);
    const [path, inner] = parted(plainPath(written));
    const asked = method.toUpperCase();
    const known = ENDING.test(path) ? ENDPOINTS.find((one) => one.path.test(path)) : undefined;
    const all = inner === '' ? query : `${query}&${inner}`;
    if (known !== undefined && !known.harmless.includes(asked) && isAt(requested, isProvider)) {
      return {
        tellsOptOuts: known.tellsOptOuts,
        query: all,
        find: (content) => found(known.read, content),
      };
    }
    const match = own.find(({ ending, isHost }) => isEnding(path, ending) && isAt(requested, isHost));
    if (match === undefined || ASKING.includes(asked)) return undefined;
    const request = { method, path: target };
    return { tellsOptOuts: false, query: all, find: (content) => findByRule(match.rule, request, content) };
  };
}

/** Path and query; a fragment that somebody left in counts as query. */
function parted(target: string): readonly [path: string, query: string] {
  const end = target.search(/[?#]/);
  return end === -1 ? [target, ''] : [target.slice(0, end), target.slice(end + 1)];
}

/** A path as servers may see it: decoded, without dots, doubled and closing slashes and parameters, in lower case. */
function plainPath(written: string): string {
  const path = written.toLowerCase();
  if (!/[%\\;\s]|\/\/|\/\.|\/$/.test(path)) return path;
  let decoded = path;
  // Each round is shorter than the one before: it ends.
  for (let before = ''; before !== decoded;) {
    before = decoded;
    decoded = decoded.replaceAll(/%([\da-f]{2})/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
  }
  const [before, query] = parted(decoded.toLowerCase());
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

/** Whether a request may be for a host that passes; one that is not known does. */
function isAt({ hosts: hostsOf, mayGoElsewhere }: Target, test: (host: string) => boolean): boolean {
  const hosts = hostsOf();
  return hosts.length === 0 || hosts.some(test) || mayGoElsewhere?.() === true;
}

/** A test of `name:port` against patterns; a pattern without a port stands for all. */
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

/** The name of a host in one writing (lower case, no closing dot, addresses as URLs have them), and its port. */
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

function found(read: RecipientReader, content: RequestContent): Findings {
  try {
    const { sources, doubt } = readSendParameters(content);
    const findings = read(sources);
    return { ...findings, doubt: doubt ?? findings.doubt };
  } catch {
    return unreadable;
  }
}

const unreadable: Findings = { recipients: [], isOther: false, doubt: 'the request could not be read' };

/** A name that no parameter has: those are trimmed. */
const GIVEN = ' given ';

function findByRule(
  { to, from }: SendRule,
  request: Pick<SendRequest, 'method' | 'path'>,
  content: RequestContent,
): Findings {
  const senders = from === undefined ? [] : [from.toLowerCase()];
  if (typeof to === 'string') return found(topRecipients(to.toLowerCase(), ...senders), content);
  try {
    const { sources, doubt, text: body, json } = readSendParameters(content);
    if (doubt !== undefined) return { ...unreadable, doubt };
    const given = to({ ...request, query: new URLSearchParams(content.query), text: body, json });
    if (given === undefined) return { recipients: [], isOther: true, doubt: undefined };
    return topRecipients(GIVEN, ...senders)([...sources, new Map([[GIVEN, [given]]])]);
  } catch {
    return unreadable;
  }
}

/** A rule as an option. */
export const sendRule: Field<SendRule> = (value, key) => {
  const { host, path, to, from } = readFields(value, key, {
    host: optional(hostField),
    path: text,
    to: recipientsField,
    from: optional(text),
  });
  return { path, to, ...(host === undefined ? {} : { host }), ...(from === undefined ? {} : { from }) };
};

/** A host as an option. */
export const hostField: Field<string> = (value, key) =>
  typeof value === 'string' && /^(?:[\w.*-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i.test(value)
    ? value
    : refuse(key, value, "a host such as 'sms.example.com', '*.example.com' or 'localhost:3000'");

const recipientsField: Field<SendRule['to']> = (value, key) =>
  typeof value === 'function' || (typeof value === 'string' && value !== '')
    ? (value as SendRule['to'])
    : refuse(key, value, "a parameter's name or a function");
