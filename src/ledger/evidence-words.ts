/** The words of people and operators, and the ids that link evidence to a message. No rule reads them. */

import type { Evidence } from './evidence.ts';

/** Returns the evidence without its words: the form that is kept in memory, and that is left after an erasure. */
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
