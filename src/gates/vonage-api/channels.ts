/**
 * By which channels a message may leave as a text. Pure. What is not known counts as a text: a message that is asked
 * about in vain does less harm than one that reaches somebody who opted out.
 */

/** Channels that carry no SMS or MMS, as the provider writes them: it takes no other spelling. */
const OTHER_CHANNELS: ReadonlySet<unknown> = new Set([
  // The second name of Viber is that of the older, nested form.
  ...['whatsapp', 'whatsapp_interactive', 'messenger', 'viber_service', 'viber_service_msg', 'rcs'],
  ...['silent_auth', 'voice', 'email'],
]);

/** Whether a message may go out as a text by one of the channels that it names, or because it names none. */
export function goesByText(channels: readonly unknown[]): boolean {
  return channels.length === 0 || channels.some((channel) => !OTHER_CHANNELS.has(channel));
}
