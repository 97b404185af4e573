/**
 * Classifies the methods of the official SDK, and finds the recipients of a call that sends. It uses only names and
 * shapes, those of @vonage/server-sdk 3.27, and never calls a method. An unknown method that looks like a send is not
 * allowed.
 */

import { canBeText } from '../vonage-api/channels.ts';
import { asArray, isNotNull, membersOf, readOnce, valuesOf, type Members } from './parameters.ts';
import { verificationNumbers } from '../vonage-api/verify-numbers.ts';

/** A recipient to whom a call sends a text message. */
export interface SdkRecipient {
  /** The number as it was written; `undefined` if the call names no recipient, or if one has no number. */
  readonly to: unknown;
  /** The sender; `undefined` if the call does not name exactly one. */
  readonly from: string | undefined;
}

/** The parameters of a call that sends, read once. */
export interface SdkCall {
  /** The copy that was read. The SDK gets this copy, so that it cannot read other values. */
  readonly params: unknown;
  readonly recipients: readonly SdkRecipient[];
}

/** A method that sends. */
export interface SdkSend {
  /** The index of the argument that names the recipients. */
  readonly argument: number;
  /** Reads that argument. */
  readonly read: (params: unknown) => SdkCall;
}

/** A method: a known send, a method that sends nothing, or an unknown method that looks like a send. */
export type SdkMethod = SdkSend | 'no_send' | 'unknown_send';

/** The clients that send text messages: their sends, and their methods that look like a send but send nothing. */
const SENDERS: Readonly<Record<string, Readonly<Record<string, SdkMethod>>>> = {
  sms: { send: sendOf(readSms), verifySignature: 'no_send' },
  messages: { send: sendOf(readMessage), updateMessage: 'no_send' },
  // The first argument is the conversation.
  conversations: { createMember: { argument: 1, read: readMember } },
  // `trigger`, `sendControl` and `nextWorkflow` continue a request whose recipients were checked at its start.
  verify: {
    start: sendOf(readVerification),
    ...noSends('trigger', 'sendControl', 'cancel', 'check', 'search'),
  },
  verify2: {
    newRequest: sendOf(readWorkflow),
    ...noSends('nextWorkflow', 'checkCode', 'cancel'),
    ...noSends('listAllTemplates', 'getTemplatePage', 'getTemplate', 'createTemplate'),
    ...noSends('updateTemplate', 'deleteTemplate', 'listAllTemplateFragments', 'getTemplateFragmentPage'),
    ...noSends('getTemplateFragment', 'createTemplateFragment', 'updateTemplateFragment'),
    ...noSends('deleteTemplateFragment'),
  },
};

/**
 * The other clients, and their methods whose names look like a send but send no text message. Their methods may be
 * called, for example to start calls and to create users. A method with the name of a send is refused there too.
 */
const OTHER_CLIENTS: Readonly<Record<string, readonly string[]>> = {
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

/** The names of the clients that send text messages. */
export const SENDER_NAMES: readonly string[] = Object.keys(SENDERS);

/** Classifies the method `name` of the client at `path`. The path of the SDK's own object is `''`. */
export function sdkMethod(path: string, name: string): SdkMethod {
  const known = Object.hasOwn(SENDERS, path) ? SENDERS[path] : undefined;
  const method = known && Object.hasOwn(known, name) ? known[name] : undefined;
  if (method !== undefined) return method;
  const otherMethods = Object.hasOwn(OTHER_CLIENTS, path) ? OTHER_CLIENTS[path] : undefined;
  if (otherMethods?.includes(name) === true) return 'no_send';
  const looksLikeSend =
    LOOKS_LIKE_SEND.test(name) || (otherMethods === undefined && LOOKS_LIKE_START.test(name));
  return looksLikeSend ? 'unknown_send' : 'no_send';
}

function sendOf(read: SdkSend['read']): SdkSend {
  return { argument: 0, read };
}

function noSends(...names: readonly string[]): Readonly<Record<string, SdkMethod>> {
  return Object.fromEntries(names.map((name) => [name, 'no_send']));
}

function readSms(original: unknown): SdkCall {
  const { params, members } = readOnce(original);
  return { params, recipients: recipientsOf(members) };
}

function readMessage(original: unknown): SdkCall {
  const { params, members } = readOnce(original);
  return { params, recipients: stepRecipients(members) };
}

function readVerification(original: unknown): SdkCall {
  const { params, members } = readOnce(original);
  const countries = valuesOf(members, 'country').filter(isNotNull);
  const { numbers, doubt } = verificationNumbers(valuesOf(members, 'number'), countries);
  const checked = doubt === undefined ? numbers : [...numbers, undefined];
  // The provider chooses the sender, so every list is checked.
  return { params, recipients: orUnreadable(checked.map((to) => ({ to, from: undefined }))) };
}

function readWorkflow(original: unknown): SdkCall {
  const { params, members } = readOnce(original);
  const steps = valuesOf(members, 'workflow').flatMap(asArray);
  const recipients =
    steps.length === 0 ? orUnreadable([]) : steps.flatMap((step) => stepRecipients(membersOf(step)));
  // With a brand, the provider chooses the sender, so every list is checked.
  const isBranded = valuesOf(members, 'brand').some(isNotNull);
  return {
    params,
    recipients: recipients.map(({ to, from }) => ({ to, from: isBranded ? undefined : from })),
  };
}

/** Channels of a conversation's member that carry no text messages, in the exact spelling of the provider. */
const MEMBER_CHANNELS: ReadonlySet<unknown> = new Set(['app', 'phone', 'sip', 'websocket', 'vbc']);

/** Reads a new member of a conversation. A member without a channel is the user of an app and gets no text message. */
function readMember(original: unknown): SdkCall {
  const { params, members } = readOnce(original);
  const channels = valuesOf(members, 'channel').flatMap(asArray).filter(isNotNull);
  return { params, recipients: channels.flatMap(channelRecipients) };
}

function channelRecipients(channel: unknown): SdkRecipient[] {
  const members = membersOf(channel);
  const ends = [...valuesOf(members, 'to'), ...valuesOf(members, 'from')].flatMap(asArray).map(membersOf);
  const types = [members, ...ends].flatMap((end) => valuesOf(end, 'type'));
  const carriesText = (type: unknown) => !MEMBER_CHANNELS.has(type) && canBeText([type]);
  if (types.length > 0 && !types.some(carriesText)) return [];
  return recipientsOf(
    new Map([...members, ['to', [...valuesOf(members, 'to'), ...valuesOf(members, 'number')]]]),
  );
}

/** Returns the recipients of the text messages of a message or workflow step, and of its failovers. */
function stepRecipients(members: Members): SdkRecipient[] {
  const ends = [...valuesOf(members, 'to'), ...valuesOf(members, 'from')].flatMap(asArray);
  const types = ends.flatMap((end) => valuesOf(membersOf(end), 'type'));
  const channels = [...valuesOf(members, 'channel'), ...types];
  const failovers = valuesOf(members, 'failover').filter(isNotNull).flatMap(asArray);
  return [
    ...(canBeText(channels) ? recipientsOf(members) : []),
    ...failovers.flatMap((failover) => stepRecipients(membersOf(failover))),
  ];
}

function recipientsOf(members: Members): SdkRecipient[] {
  const senders = valuesOf(members, 'from').flatMap(numbersOf);
  const [sender] = senders;
  const from = senders.length === 1 && typeof sender === 'string' && sender !== '' ? sender : undefined;
  const recipients = valuesOf(members, 'to').flatMap(asArray).flatMap(numbersOf);
  return orUnreadable(recipients.map((to) => ({ to, from })));
}

/** Returns one unreadable recipient if there is none: so a call that names no recipient is refused. */
function orUnreadable(recipients: readonly SdkRecipient[]): SdkRecipient[] {
  return recipients.length === 0 ? [{ to: undefined, from: undefined }] : [...recipients];
}

/**
 * Returns the numbers of a `to` or `from`, also in the older form `{ type: 'sms', number }`. An object without a number
 * counts as an unreadable one.
 */
function numbersOf(end: unknown): readonly unknown[] {
  if (typeof end !== 'object' || end === null) return [end];
  const numbers = valuesOf(membersOf(end), 'number');
  return numbers.length === 0 ? [undefined] : numbers;
}
