/**
 * What the methods of the official SDK are, and whom a call of one of its sends reaches. It goes by names and shapes
 * alone, those of @vonage/server-sdk 3.27; it never calls anything, and what it does not know it does not let pass.
 */

import { goesByText } from './channels.ts';
import { verifiedNumbers } from './verified-numbers.ts';

/** Somebody whom a call reaches by text. */
export interface SdkRecipient {
  /** As it was written; `undefined` where nobody was named. */
  readonly to: unknown;
  /** The sender, where the call names one. */
  readonly from: string | undefined;
}

/** A call of a send, read once. */
export interface SdkCall {
  /** What was read: the SDK gets this, so that nothing can answer differently the second time. */
  readonly params: unknown;
  readonly recipients: readonly SdkRecipient[];
}

/** What a method is: a send and how its parameters are read, a method that may be called, or one nobody can judge. */
export type SdkMethod = ((params: unknown) => SdkCall) | 'passes' | 'unguarded';

type Members = ReadonlyMap<string, readonly unknown[]>;

/** The clients that send texts: their sends, and the names of the methods that look like one and are none. */
const SENDERS: Readonly<Record<string, Readonly<Record<string, SdkMethod>>>> = {
  sms: { send: readSms, verifySignature: 'passes' },
  messages: { send: readMessage, updateMessage: 'passes' },
  // `trigger`, `sendControl` and `nextWorkflow` go on with a request whose recipients were asked about at its start.
  verify: {
    start: readVerification,
    ...passing('trigger', 'sendControl', 'cancel', 'check', 'search'),
  },
  verify2: {
    newRequest: readWorkflow,
    ...passing('nextWorkflow', 'checkCode', 'cancel'),
    ...passing('listAllTemplates', 'getTemplatePage', 'getTemplate', 'createTemplate'),
    ...passing('updateTemplate', 'deleteTemplate', 'listAllTemplateFragments', 'getTemplateFragmentPage'),
    ...passing('getTemplateFragment', 'createTemplateFragment', 'updateTemplateFragment'),
    ...passing('deleteTemplateFragment'),
  },
};

/** The other clients: they start calls and create users as before; what is called a send is refused there too. */
const OTHERS: Readonly<Record<string, readonly string[]>> = {
  accounts: [],
  applications: [],
  conversations: [],
  numberInsights: [],
  numbers: [],
  pricing: [],
  redact: [],
  secrets: [],
  users: [],
  video: ['sendSignal'],
  voice: [],
};

const LOOKS_LIKE_SEND = /^(?:re)?send|^(?!get|list|search|cancel|delete|check|verify)\w*Send/i;
const LOOKS_LIKE_START =
  /^(?:start|new|create|trigger|submit|dispatch|deliver|request|reply|broadcast|publish|notify|push|schedule)/i;

/** The names of the clients that send texts. */
export const SENDER_NAMES: readonly string[] = Object.keys(SENDERS);

/** What the method of that name is, on the client at `path` (`''` for the SDK's own object). */
export function sdkMethod(path: string, name: string): SdkMethod {
  const known = Object.hasOwn(SENDERS, path) ? SENDERS[path] : undefined;
  const method = known && Object.hasOwn(known, name) ? known[name] : undefined;
  if (method !== undefined) return method;
  const others = Object.hasOwn(OTHERS, path) ? OTHERS[path] : undefined;
  if (others?.includes(name) === true) return 'passes';
  const looksLikeSend = LOOKS_LIKE_SEND.test(name) || (others === undefined && LOOKS_LIKE_START.test(name));
  return looksLikeSend ? 'unguarded' : 'passes';
}

function passing(...names: readonly string[]): Readonly<Record<string, SdkMethod>> {
  return Object.fromEntries(names.map((name) => [name, 'passes']));
}

function readSms(given: unknown): SdkCall {
  const { params, members } = readOnce(given);
  return { params, recipients: recipientsOf(members) };
}

function readMessage(given: unknown): SdkCall {
  const { params, members } = readOnce(given);
  return { params, recipients: stepRecipients(members) };
}

function readVerification(given: unknown): SdkCall {
  const { params, members } = readOnce(given);
  const { numbers, doubt } = verifiedNumbers(named(members, 'number'), named(members, 'country'));
  const asked = doubt === undefined ? numbers : [...numbers, undefined];
  // Whose name the text bears is the provider's choice, so that every list is asked.
  return { params, recipients: orNobody(asked.map((to) => ({ to, from: undefined }))) };
}

function readWorkflow(given: unknown): SdkCall {
  const { params, members } = readOnce(given);
  const steps = named(members, 'workflow').flatMap(listed);
  return {
    params,
    recipients: steps.length === 0 ? orNobody([]) : steps.flatMap((step) => stepRecipients(membersOf(step))),
  };
}

/** Whom a message, or a step of a workflow, reaches by text: with everybody it is to be sent to should it fail. */
function stepRecipients(members: Members): SdkRecipient[] {
  const kinds = [...named(members, 'to'), ...named(members, 'from')].flatMap((end) =>
    named(membersOf(end), 'type'),
  );
  const channels = [...named(members, 'channel'), ...kinds];
  const fallbacks = named(members, 'failover').flatMap(listed);
  return [
    ...(goesByText(channels) ? recipientsOf(members) : []),
    ...fallbacks.flatMap((fallback) => stepRecipients(membersOf(fallback))),
  ];
}

function recipientsOf(members: Members): SdkRecipient[] {
  const senders = named(members, 'from').flatMap(numbersOf);
  const [sender] = senders;
  const from = senders.length === 1 && typeof sender === 'string' && sender !== '' ? sender : undefined;
  const recipients = named(members, 'to').flatMap(listed).flatMap(numbersOf);
  return orNobody(recipients.map((to) => ({ to, from })));
}

/** A call that names nobody is asked about as such, and so refused. */
function orNobody(recipients: readonly SdkRecipient[]): SdkRecipient[] {
  return recipients.length === 0 ? [{ to: undefined, from: undefined }] : [...recipients];
}

/** The numbers of an end, also in the older form, `{ type: 'sms', number }`; without one it is nobody's that can be read. */
function numbersOf(end: unknown): readonly unknown[] {
  if (typeof end !== 'object' || end === null) return [end];
  const numbers = named(membersOf(end), 'number');
  return numbers.length === 0 ? [undefined] : numbers;
}

/** The members that say whom a call reaches; the rest is handed on as it is. */
const READ = new Set(['to', 'from', 'channel', 'number', 'country', 'workflow', 'failover', 'type']);

/** Reads the parameters of a call, each member once. An instance of a class stays one. */
function readOnce(given: unknown): { readonly params: unknown; readonly members: Members } {
  if (typeof given !== 'object' || given === null) return { params: given, members: new Map() };
  const params = copyOf(given);
  return { params, members: membersOf(params) };
}

function copyOf(given: object): object {
  if (Array.isArray(given)) return given.map(settled);
  const entries = Object.entries(given).map(
    ([name, value]) => [name, READ.has(wordOf(name)) ? settled(value) : (value as unknown)] as const,
  );
  return Object.setPrototypeOf(Object.fromEntries(entries), Object.getPrototypeOf(given) as object | null);
}

function settled(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? copyOf(value) : value;
}

/** The members of an object by the words of their names: the SDK sends `To` and `to` alike. */
function membersOf(value: unknown): Members {
  const members = new Map<string, unknown[]>();
  if (typeof value !== 'object' || value === null) return members;
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue;
    const word = wordOf(name);
    members.set(word, [...(members.get(word) ?? []), member]);
  }
  return members;
}

function wordOf(name: string): string {
  return name.replaceAll(/[-_\s]/g, '').toLowerCase();
}

function named(members: Members, name: string): readonly unknown[] {
  return members.get(name) ?? [];
}

function listed(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}
