/**
 * The channels by which a message can leave as a text message. Pure. An unknown channel counts as text: to check a
 * message without need does less harm than to send one to a person who opted out.
 */

/** Channels that carry no SMS or MMS, in the exact spelling of the provider, which accepts no other. */
const OTHER_CHANNELS: ReadonlySet<unknown> = new Set([
  // `viber_service_msg` is the name of Viber in the older, nested form.
  ...['whatsapp', 'whatsapp_interactive', 'messenger', 'viber_service', 'viber_service_msg', 'rcs'],
  ...['silent_auth', 'voice', 'email'],
]);

/** Whether a message can be sent as a text message: one of its channels carries text, or it names no channel. */
export function canBeText(channels: readonly unknown[]): boolean {
  return channels.length === 0 || channels.some((channel) => !OTHER_CHANNELS.has(channel));
}
