/**
 * Finds the program of a thread: a file beside the module that starts it. A bundler moves the module but not the
 * program. Then a file of the same name beside the bundle must not be started by mistake.
 *
 * Bundlers that look for `new URL('./file', import.meta.url)` copy that file, without the files that it imports. So the
 * URL is not written like that.
 */

import { existsSync } from 'node:fs';

/** Tells the user what to do if the program is not found. */
export const KEEP_EXTERNAL =
  'leave the package sms-send-guard external (esbuild: --external:sms-send-guard; webpack: externals; Next.js: serverExternalPackages)';

/**
 * Returns the URL of the program; `undefined` if the module was bundled or the program does not exist.
 *
 * @param path path of the module in the package, without its extension.
 * @param moduleUrl `import.meta.url` of the module: `undefined` in a CommonJS bundle, the URL of the bundle in others.
 * @param name name of the program's file.
 */
export function findProgram(path: string, moduleUrl: string | undefined, name: string): URL | undefined {
  const isUnbundled =
    moduleUrl !== undefined && moduleUrl.replace(/\.[cm]?[jt]s(?:\?.*)?$/, '').endsWith(`/${path}`);
  if (!isUnbundled) return undefined;
  const program = new URL(name, moduleUrl);
  return existsSync(program) ? program : undefined;
}
