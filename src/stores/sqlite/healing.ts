/** What happens to evidence of a connection whose files were taken away or damaged. */

import type { StoreTrouble } from '../store.ts';
import { copyEvidence } from './carry-over.ts';
import type { Fault, FileWatch } from './file-watch.ts';
import type { OpenFile } from './open-file.ts';

/** What was done about a fault. */
export interface Healing {
  readonly trouble: StoreTrouble;
  /** The file is the same and nothing is lost. Otherwise it may lack what only memory knows. */
  readonly isWhole: boolean;
}

/** A connection with evidence that may not be in another file yet. */
export interface Stranded {
  readonly file: OpenFile;
  readonly fault: Fault;
  readonly inode: number | undefined;
  readonly watch: FileWatch | undefined;
}

/** Copies the evidence into the file that is open now, and closes the connection. @throws Error if it cannot be written */
export function endStranding(stranded: Stranded | undefined, target: OpenFile, told: string): Healing {
  const copied = stranded ? copyEvidence(stranded.file.database, target.database) : 0;
  stranded?.file.database.close();
  const message = `${told}; ${copied} pieces of evidence were carried over from what was open`;
  return { trouble: { kind: 'damaged', message }, isWhole: false };
}
