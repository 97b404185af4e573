/** signedWebhook throws without a person's number. */

import { describe, expect, it } from 'vitest';
import { signedWebhook } from '../../src/testing/index.ts';

describe('signedWebhook', () => {
  it.each<[string, unknown, RegExp]>([
    ['nothing', undefined, /expected an object with person, received nothing/],
    ['null', null, /received null/],
    ['a number', '15551234567', /expected an object with person, received a string/],
    ['an empty object', {}, /person: expected .* received nothing/],
    ['msisdn', { msisdn: '15551234567' }, /person: expected .* received nothing/],
    ['an empty person', { person: '' }, /received an empty string/],
    ['a blank person', { person: ' ' }, /received an empty string/],
    ['a person that is an object', { person: {} }, /received an object/],
    ['a person that is no text', { person: 15_551_234_567 }, /person: expected .* received a number/],
  ])('throws for %s', (_name, spec, message) => {
    expect(() => signedWebhook(spec as { person: string })).toThrow(TypeError);
    expect(() => signedWebhook(spec as { person: string })).toThrow(message);
  });

  it('creates a webhook of every other person', () => {
    expect(signedWebhook({ person: '15551234567', path: '/hooks' })).toMatchObject({
      ...{ method: 'POST', url: '/hooks', body: expect.stringContaining('msisdn=15551234567') },
    });
    expect(signedWebhook({ person: 'nobody' }).body).toContain('msisdn=nobody');
  });
});
