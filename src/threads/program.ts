/**
 * Finds the program of a thread, a file beside the module that starts it. A bundler moves the module and leaves the
 * program behind; another program that lies beside the bundle under the same name must not be started instead.
 */

import { existsSync } from 'node:fs';

/** What to do about a program that is not found. */
export const KEEP_EXTERNAL =
  'leave the package sms-send-guard external (esbuild: --external:sms-send-guard; webpack: externals; Next.js: serverExternalPackages)';

/**
 * The program, if it is there and belongs to the module.
 *
 * @param path of the module inside the package, without its extension.
 * @param moduleUrl `import.meta.url` of the module: `undefined` in a CommonJS bundle, the URL of the bundle in others.
 * @param find makes the URL of the program.
 */
export function findProgram(path: string, moduleUrl: string | undefined, find: () => URL): URL | undefined {
  const isOwn =
    moduleUrl !== undefined && moduleUrl.replace(/\.[cm]?[jt]s(?:\?.*)?$/, '').endsWith(`/${path}`);
  if (!isOwn) return undefined;
  const program = find();
  return existsSync(program) ? program : undefined;
}
