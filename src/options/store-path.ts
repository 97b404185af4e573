/**
 * Reads the path in `store: 'sqlite:<path>'`. A form that may name another file than the user meant is refused: a store
 * in the wrong place looks like a store without opt-outs.
 */

import { refuse } from './fields.ts';

const SCHEME = 'sqlite:';
const EXPECTED = `'${SCHEME}' and the path of a file`;

/** Forms that are refused, each with the form that is expected. They are checked in this order. */
const REFUSED_FORMS: readonly (readonly [RegExp, string])[] = [
  [/^:memory:/, "'memory:' for a store in memory"],
  [/\p{Cc}|^\s|\s$/u, `${EXPECTED} without control characters and without white space around it`],
  [/^(?:undefined|null|NaN|\[object Object\])$/, `${EXPECTED}; it was made from a variable that is not set`],
  [/^file:/i, `${EXPECTED} without 'file:'`],
  [/\?/, `${EXPECTED} without parameters; sqliteStore(file) takes a name with '?'`],
  [/%[\da-f]{2}/i, `${EXPECTED} as it is, not percent-encoded; sqliteStore(file) takes a name with '%'`],
  [/^~[^/\\]*(?:[/\\]|$)/, `${EXPECTED}; '~' is not expanded, write the home folder`],
  [/^$|[/\\]\.{0,2}$|^\.{1,2}$/, `${EXPECTED}, not of a folder`],
];

/** Matches paths that only Windows has. */
const WINDOWS_PATH = /^[/\\]*[a-z]:(?![^/\\])|\\/i;

/**
 * Reads the store option of a file.
 *
 * @param value `sqlite:x.db`, `sqlite:./x.db`, `sqlite:/var/x.db`, `sqlite:///var/x.db`; on Windows also
 *   `sqlite:C:\x.db`, `sqlite:C:/x.db` and `sqlite:///C:/x.db`.
 * @returns the path, as `fs` takes it.
 * @throws ConfigError `invalid_option` for every other form.
 */
export function sqliteFile(value: string, key: string, isWindows = process.platform === 'win32'): string {
  const afterScheme = value.slice(SCHEME.length);
  for (const [form, expected] of REFUSED_FORMS) {
    if (form.test(afterScheme)) return refuse(key, value, expected);
  }
  // Two slashes are before the name of a host, three before a path from the root.
  if (/^\/\/(?!\/)/.test(afterScheme)) return refuse(key, value, withoutHost(afterScheme));
  const path = afterScheme.replace(/^\/\/(?=\/)/, '');
  if (isWindows) return path.replace(/^\/+(?=[a-z]:)/i, '');
  if (WINDOWS_PATH.test(path)) return refuse(key, value, `${EXPECTED} of this system, written with '/'`);
  return path;
}

/** Describes the form that is expected. Text that may be a secret of another kind of URL is not repeated. */
function withoutHost(afterScheme: string): string {
  const name = afterScheme.slice('//'.length).replace(/^\.\//, '');
  const isPlain = /^[\w.-]+(?:\/[\w.-]+)*$/.test(name);
  const example = isPlain ? name : 'x.db';
  return `'${SCHEME}./${example}' (from the working directory) or '${SCHEME}/${example}' (from the root folder)`;
}
