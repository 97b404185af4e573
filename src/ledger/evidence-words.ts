/** What people and operators wrote, and what links evidence to a message. No rule reads it. */

import type { Evidence } from './evidence.ts';

/** The evidence without its words: what is kept in memory, and what is left when a person was erased. */
export function withoutWords(evidence: Evidence): Evidence {
  const { messageId, sender, text, reason } = evidence;
  if ((messageId ?? sender ?? text ?? reason) === undefined) return evidence;
  const bare: { -readonly [Key in keyof Evidence]: Evidence[Key] } = { ...evidence };
  delete bare.messageId;
  delete bare.sender;
  delete bare.text;
  delete bare.reason;
  return bare;
}
