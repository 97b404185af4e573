import { describe, expect, it } from 'vitest';
import { isOptOutReply } from '../../../src/gates/vonage-api/reply.ts';

const ASKED = '14155550100';

describe('a reply of the two-factor API to a send', () => {
  it.each<[string, unknown, boolean]>([
    ['names nobody', { status: '102' }, true],
    ['names nobody in words', { status: 102, to: '' }, true],
    ['names who was asked about', { status: '102', to: '+14155550100' }, true],
    ['names somebody else', { status: '102', to: '14155550101' }, false],
    ['names what is no number', { status: '102', to: 'nobody' }, false],
    ['names what is no text', { status: '102', to: {} }, false],
    ['has another status', { status: '0', to: ASKED }, false],
    ['is no message', '102', false],
    ['is nothing', null, false],
  ])('that %s', (_name, message, expected) => {
    expect(isOptOutReply({ messages: [message] }, ASKED)).toBe(expected);
    expect(isOptOutReply(JSON.stringify({ messages: [message] }), ASKED)).toBe(expected);
  });
});
