/**
 * The built package and the built programs, for tests that run them in processes of their own. vitest.config.ts builds
 * both, unless they are up to date, before a test file that imports this module runs.
 */

import { fileURLToPath } from 'node:url';

/** The repository's folder, with a slash at the end. */
export const root: string = fileURLToPath(new URL('..', import.meta.url));

/** The path of a file of the built package. */
export const builtFile = (path: string): string => `${root}dist/${path}`;

/** The path of a built program (`examples/demo.js`), or of a declaration (`types/index.d.ts`). */
export const builtProgram = (path: string): string => `${root}.build/${path}`;
