import { describe, expect, it } from 'vitest';
import { isOptOutReply } from '../../../src/gates/vonage-api/reply.ts';

const RECIPIENT = '14155550100';

describe('isOptOutReply', () => {
  it.each<[string, unknown, boolean]>([
    ['names no recipient', { status: '102' }, true],
    ['names an empty recipient', { status: 102, to: '' }, true],
    ['names the recipient of the send', { status: '102', to: '+14155550100' }, true],
    ['names another recipient', { status: '102', to: '14155550101' }, false],
    ['names a recipient that is no number', { status: '102', to: 'nobody' }, false],
    ['names a recipient that is no text', { status: '102', to: {} }, false],
    ['has another status', { status: '0', to: RECIPIENT }, false],
    ['is no message', '102', false],
    ['is nothing', null, false],
  ])('decides about a message that %s', (_name, message, expected) => {
    expect(isOptOutReply({ messages: [message] }, RECIPIENT)).toBe(expected);
    expect(isOptOutReply(JSON.stringify({ messages: [message] }), RECIPIENT)).toBe(expected);
  });
});
