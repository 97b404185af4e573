/**
 * What the methods of the official SDK are, and whom a call of one of its sends reaches. It goes by names and shapes
 * alone, those of @vonage/server-sdk 3.27; it never calls anything, and what it does not know it does not let pass.
 */

import { goesByText } from '../vonage-api/channels.ts';
import { isGiven, listed, membersOf, named, readOnce, type Members } from './parameters.ts';
import { verifiedNumbers } from '../vonage-api/verify-numbers.ts';

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

/** A method that sends. */
export interface SdkSend {
  /** The position of the argument that names the recipients. */
  readonly at: number;
  /** Reads that argument. */
  readonly read: (params: unknown) => SdkCall;
}

/** What a method is: a send, a method that may be called, or one that looks like a send and is not known. */
export type SdkMethod = SdkSend | 'passes' | 'unguarded';

/** The clients that send texts: their sends, and the names of the methods that look like one and are none. */
const SENDERS: Readonly<Record<string, Readonly<Record<string, SdkMethod>>>> = {
  sms: { send: sendOf(readSms), verifySignature: 'passes' },
  messages: { send: sendOf(readMessage), updateMessage: 'passes' },
  // The first argument is the conversation.
  conversations: { createMember: { at: 1, read: readMember } },
  // `trigger`, `sendControl` and `nextWorkflow` go on with a request whose recipients were asked about at its start.
  verify: {
    start: sendOf(readVerification),
    ...passing('trigger', 'sendControl', 'cancel', 'check', 'search'),
  },
  verify2: {
    newRequest: sendOf(readWorkflow),
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

function sendOf(read: SdkSend['read']): SdkSend {
  return { at: 0, read };
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
  const countries = named(members, 'country').filter(isGiven);
  const { numbers, doubt } = verifiedNumbers(named(members, 'number'), countries);
  const asked = doubt === undefined ? numbers : [...numbers, undefined];
  // The provider chooses the sender, so that every list is asked.
  return { params, recipients: orNobody(asked.map((to) => ({ to, from: undefined }))) };
}

function readWorkflow(given: unknown): SdkCall {
  const { params, members } = readOnce(given);
  const steps = named(members, 'workflow').flatMap(listed);
  const recipients =
    steps.length === 0 ? orNobody([]) : steps.flatMap((step) => stepRecipients(membersOf(step)));
  // Under a brand the provider chooses the sender, so that every list is asked.
  const isBranded = named(members, 'brand').some(isGiven);
  return {
    params,
    recipients: recipients.map(({ to, from }) => ({ to, from: isBranded ? undefined : from })),
  };
}

/** Channels by which a member of a conversation gets no text, as the provider writes them. */
const MEMBER_CHANNELS: ReadonlySet<unknown> = new Set(['app', 'phone', 'sip', 'websocket', 'vbc']);

/** A new member of a conversation. Without a channel it is a user of an app. */
function readMember(given: unknown): SdkCall {
  const { params, members } = readOnce(given);
  const channels = named(members, 'channel').flatMap(listed).filter(isGiven);
  return { params, recipients: channels.flatMap(channelRecipients) };
}

function channelRecipients(channel: unknown): SdkRecipient[] {
  const members = membersOf(channel);
  const ends = [...named(members, 'to'), ...named(members, 'from')].flatMap(listed).map(membersOf);
  const types = [members, ...ends].flatMap((one) => named(one, 'type'));
  const carriesText = (type: unknown) => !MEMBER_CHANNELS.has(type) && goesByText([type]);
  if (types.length > 0 && !types.some(carriesText)) return [];
  return recipientsOf(new Map([...members, ['to', [...named(members, 'to'), ...named(members, 'number')]]]));
}

/** Whom a message, or a step of a workflow, reaches by text: with everybody it is to be sent to should it fail. */
function stepRecipients(members: Members): SdkRecipient[] {
  const ends = [...named(members, 'to'), ...named(members, 'from')].flatMap(listed);
  const kinds = ends.flatMap((end) => named(membersOf(end), 'type'));
  const channels = [...named(members, 'channel'), ...kinds];
  const fallbacks = named(members, 'failover').filter(isGiven).flatMap(listed);
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
