/** Each way to write the path of a store file names the file that the user means, or is refused. */

import { describe, expect, it } from 'vitest';
import { createGuard } from '../../src/index.ts';
import { sqliteFile } from '../../src/options/store-path.ts';

const refusal = expect.objectContaining({ name: 'ConfigError', code: 'invalid_option', key: 'store' });

describe('the path of a store', () => {
  it.each<[string, string]>([
    ['sqlite:x.db', 'x.db'],
    ['sqlite:./x.db', './x.db'],
    ['sqlite:../x.db', '../x.db'],
    ['sqlite:data/x', 'data/x'],
    ['sqlite:.hidden', '.hidden'],
    ['sqlite:/var/lib/x.db', '/var/lib/x.db'],
    ['sqlite:///var/lib/x.db', '/var/lib/x.db'],
    ['sqlite:////var/lib/x.db', '//var/lib/x.db'],
    ['sqlite:./my opt-outs.db', './my opt-outs.db'],
    ['sqlite:./données/é#1.db', './données/é#1.db'],
    ['sqlite:./100%.db', './100%.db'],
    ['sqlite:./a~1/~b.db', './a~1/~b.db'],
    ['sqlite:a:b.db', 'a:b.db'],
    ['sqlite:sub:/x.db', 'sub:/x.db'],
  ])('is read from %s as %s', (option, path) => {
    expect(sqliteFile(option, 'store', false)).toBe(path);
  });

  it.each<[string, RegExp]>([
    ['sqlite://x.db', /'sqlite:\.\/x\.db'/],
    ['sqlite://./x.db', /'sqlite:\.\/x\.db'/],
    ['sqlite://data/x.db', /'sqlite:\.\/data\/x\.db'.*'sqlite:\/data\/x\.db'/],
    ['sqlite://localhost/var/x.db', /host|from the root/],
    ['sqlite://user:secret@host/x.db', /'sqlite:\.\/x\.db'/],
    ['sqlite:', /path of a file/],
    ['sqlite://', /path of a file/],
    ['sqlite:///', /not of a folder/],
    ['sqlite:/', /not of a folder/],
    ['sqlite:.', /not of a folder/],
    ['sqlite:..', /not of a folder/],
    ['sqlite:./data/', /not of a folder/],
    ['sqlite:./data/..', /not of a folder/],
    ['sqlite::memory:', /'memory:'/],
    ['sqlite::memory:?cache=shared', /'memory:'/],
    ['sqlite:file:x.db', /without 'file:'/],
    ['sqlite:FILE:///var/x.db', /without 'file:'/],
    ['sqlite:./x.db?mode=ro', /without parameters/],
    ['sqlite:///var/x.db?cache=shared', /without parameters/],
    ['sqlite:./my%20store.db', /percent-encoded/],
    ['sqlite:///var/%e2%82%ac.db', /percent-encoded/],
    ['sqlite:~', /not expanded/],
    ['sqlite:~/x.db', /not expanded/],
    ['sqlite:~ann/x.db', /not expanded/],
    ['sqlite:~ann', /not expanded/],
    ['sqlite:./x.db\n', /control characters/],
    ['sqlite:./x\0.db', /control characters/],
    ['sqlite: ./x.db', /white space/],
    ['sqlite:./x.db ', /white space/],
    ['sqlite:undefined', /not set/],
    ['sqlite:null', /not set/],
    ['sqlite:C:\\data\\x.db', /of this system/],
    ['sqlite:C:/data/x.db', /of this system/],
    ['sqlite:///C:/data/x.db', /of this system/],
    ['sqlite:.\\x.db', /of this system/],
    ['sqlite:\\\\server\\share\\x.db', /of this system/],
  ])('is refused if it is %j', (option, expected) => {
    expect(() => sqliteFile(option, 'store', false)).toThrow(refusal);
    expect(() => sqliteFile(option, 'store', false)).toThrow(expected);
  });

  it.each<[string, string]>([
    ['sqlite:C:\\data\\x.db', 'C:\\data\\x.db'],
    ['sqlite:C:/data/x.db', 'C:/data/x.db'],
    ['sqlite:///C:/data/x.db', 'C:/data/x.db'],
    ['sqlite:.\\x.db', '.\\x.db'],
    ['sqlite:C:\\Users\\ADMINI~1\\x.db', 'C:\\Users\\ADMINI~1\\x.db'],
    ['sqlite:\\\\server\\share\\x.db', '\\\\server\\share\\x.db'],
  ])('is read from %s as %s on Windows', (option, path) => {
    expect(sqliteFile(option, 'store', true)).toBe(path);
  });

  it.each(['file:./x.db', 'file:///var/x.db', 'sqlite3:./x.db', 'SQLITE:./x.db', './x.db', 'sqlite'])(
    'is refused without the scheme: %s',
    (option) => expect(() => createGuard({ store: option })).toThrow(/'sqlite:' and the path of a file/),
  );

  it('is refused without repeating a secret', () => {
    expect(() => createGuard({ store: 'sqlite://user:secret@host/x.db' })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('secret') }),
    );
  });
});
