/** Errors of refused sends are found in every wrapper, and in those of other copies of the package. */

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import {
  GuardError,
  ProviderError,
  SendBlockedError,
  findSendBlocked,
  isSendBlocked,
  type BlockedDecision,
} from '../src/index.ts';
import { root } from './built.ts';

const decision: BlockedDecision = {
  ...{ allowed: false, reason: 'not_ready', to: '15551230001', list: null },
  ...{ state: 'starting', ageMs: null },
};
const blocked = new SendBlockedError(decision, '*******0001');
const other = new GuardError('guard_closed', 'the guard is closed');

function carriedBy(cause: unknown): Error {
  return new TypeError('fetch failed', { cause });
}

/** An error that is its own cause, over another one. */
function circleWith(last: object): Error {
  const first = new Error('a');
  Object.assign(first, { cause: new Error('b', { cause: first }), errors: [first, last] });
  return first;
}

/** An object whose every property throws. */
const hostile = new Proxy(new Error('x'), {
  get() {
    throw new Error('no');
  },
  has() {
    throw new Error('no');
  },
});

function deep(depth: number, cause: unknown): unknown {
  let error = cause;
  for (let level = 0; level < depth; level++) error = new Error('level', { cause: error });
  return error;
}

describe('a refused send', () => {
  it.each<[string, unknown]>([
    ['itself', blocked],
    ['as a cause', carriedBy(blocked)],
    ['as a cause of a cause', carriedBy(carriedBy(blocked))],
    ['100,000 causes deep', deep(100_000, blocked)],
    ['among the errors of an AggregateError', new AggregateError([other, blocked])],
    ['behind one of several errors', carriedBy(new AggregateError([other, carriedBy(blocked)]))],
    ['beside a circle of causes', circleWith(blocked)],
    ['beside an error that throws when it is read', new AggregateError([hostile, blocked])],
    [
      'in an error of another realm, as Jest has them',
      Object.assign(runInNewContext('new Error("outer")') as object, { cause: blocked }),
    ],
    ['in the error of a DOM method', Object.assign(new DOMException('x'), { cause: blocked })],
  ])('is found %s', (_name, error) => {
    expect(findSendBlocked(error)).toBe(blocked);
    expect(isSendBlocked(error)).toBe(true);
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a string', 'send_blocked'],
    ['another error of ours', other],
    ['an error of the provider', new ProviderError('provider_timeout', 'late', { cause: other })],
    ['a circle', circleWith(other)],
    ['an error that throws when it is read', hostile],
    ['an empty AggregateError', new AggregateError([])],
    ['a plain object with a cause', { cause: blocked }],
    ['its logged form', JSON.parse(JSON.stringify(blocked))],
    ['errors that are no array', Object.assign(new Error('x'), { errors: { 0: blocked } })],
  ])('is not found in %s', (_name, error) => {
    expect(findSendBlocked(error)).toBeUndefined();
    expect(isSendBlocked(error)).toBe(false);
  });

  it('is found by another copy of the package', () => {
    const folder = `${root}.build/two-copies`;
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const name of ['a', 'b']) {
      mkdirSync(`${folder}/${name}`);
      cpSync(`${root}dist`, `${folder}/${name}/dist`, { recursive: true });
      cpSync(`${root}package.json`, `${folder}/${name}/package.json`);
    }
    symlinkSync(`${root}node_modules`, `${folder}/node_modules`);
    const script = `
      const [a, b] = await Promise.all(['a', 'b'].map((name) => import('./' + name + '/dist/index.js')));
      const guard = a.createGuard();
      try { guard.assertCanSend('15551230001'); } catch (error) {
        const found = b.findSendBlocked(new TypeError('fetch failed', { cause: error }));
        console.log(JSON.stringify([error instanceof b.SendBlockedError, b.isSendBlocked(error), found === error, found.decision.reason]));
      }
      await guard.close();`;
    const printed = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(JSON.parse(printed)).toEqual([false, true, true, 'not_ready']);
  });

  it('shows neither its mark nor its number to loggers', () => {
    const error = new SendBlockedError(decision, '*******0001');
    expect(Reflect.ownKeys(error).filter((key) => typeof key === 'symbol')).toEqual([]);
    expect([...Object.keys(error), JSON.stringify(error), String(error)].join()).not.toContain('15551230001');
  });
});

describe('the types', () => {
  it('narrow an error to what it can be', () => {
    const errorOf = (error: unknown): string | undefined => {
      if (!isSendBlocked(error)) return undefined;
      // @ts-expect-error -- the error may be a wrapper, which has no decision
      const direct: BlockedDecision = error.decision;
      return direct === undefined ? error.message : `${error.message} ${direct.reason}`;
    };
    expect(errorOf(carriedBy(blocked))).toBe('fetch failed');
    expect(errorOf(blocked)).toMatch(/not_ready$/);
    expect(errorOf(other)).toBeUndefined();
  });

  it('keep every other error type if no send was refused', () => {
    class HttpError extends Error {
      override readonly cause: unknown = undefined;
    }
    const otherOf = (error: HttpError | AggregateError | SendBlockedError) => {
      if (isSendBlocked(error)) return undefined;
      const left: HttpError | AggregateError = error;
      // This would not compile if the type had lost one of the two.
      const both: [HttpError, AggregateError] extends [typeof error, typeof error] ? true : false = true;
      return both && left;
    };
    const error = new HttpError('x');
    expect(otherOf(error)).toBe(error);
    expect(otherOf(blocked)).toBeUndefined();
  });
});
