/** What the tools that use api-extractor share: the entry points of the package, and how one is read. */

import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

export const { name, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** Where tsconfig.types.json puts the declarations of every source. */
export const declarations = join(root, '.build/types');

/**
 * Reads the declarations of an entry point.
 *
 * @param source the file of declarations.
 * @param outputs what to write, as in a configuration of api-extractor.
 * @throws Error if api-extractor finds a fault
 */
export function extract(source, outputs) {
  const config = ExtractorConfig.prepare({
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: source,
      compiler: { tsconfigFilePath: join(root, 'tsconfig.types.json') },
      apiReport: { enabled: false },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      ...outputs,
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: join(root, 'package.json'),
  });
  const messageCallback = (message) => {
    // Release tags, TSDoc's own rules and types that no entry point exports are not what these tools are about.
    if (/^(?:ae-missing-release-tag|ae-forgotten-export|ae-unresolved-link|tsdoc-)/.test(message.messageId)) {
      message.logLevel = 'none';
    }
  };
  const { succeeded } = Extractor.invoke(config, { localBuild: true, messageCallback });
  if (!succeeded) throw new Error(`${source} cannot be read`);
}
