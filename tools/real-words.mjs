/**
 * Writes `src/webhooks/keywords/real-words.ts`: the words of the English, French and Spanish dictionaries of Debian
 * (packages wamerican, wfrench and wspanish) that are one edit away from an opt-out word. They are never taken for a
 * misspelt one.
 *
 *     node tools/real-words.mjs [folder of the dictionaries, default /usr/share/dict]
 */

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const TARGET = fileURLToPath(new URL('../src/webhooks/keywords/real-words.ts', import.meta.url));
const DICTIONARIES = ['american-english', 'french', 'spanish'];
/** Names and shortenings that no dictionary has, and that people write. */
const OTHERS = ['alot', 'bajas', 'vaya', 'unsubscribes'];

/** Imports a module of the sources. */
async function load(path) {
  const entry = fileURLToPath(new URL(`../src/webhooks/keywords/${path}`, import.meta.url));
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
}

const [folder = '/usr/share/dict'] = process.argv.slice(2);
const { foldCharacters } = await load('characters.ts');
const { isOneEdit, MIN_MISSPELT } = await load('misspelling.ts');
const { MIN_GROUP_WORD } = await load('vocabulary.ts');
const { KEYWORD_PACKS } = await load('packs/packs.ts');
const singles = Object.values(KEYWORD_PACKS)
  .flatMap(({ optOut = [], stopWords = [] }) => [...optOut, ...stopWords])
  .filter((word) => !word.includes(' ') && word.length >= MIN_MISSPELT);
const grouped = Object.values(KEYWORD_PACKS)
  .flatMap(({ groups = {} }) => Object.values(groups).flat())
  .filter((word) => word.length >= MIN_GROUP_WORD);
const targets = [...new Set([...singles, ...grouped])];
const dictionary = DICTIONARIES.flatMap((name) => readFileSync(`${folder}/${name}`, 'utf8').split('\n'))
  .map(foldCharacters)
  .filter((word) => /^[a-z]+$/.test(word));
const words = [...new Set([...dictionary, ...OTHERS])]
  .filter((word) => !targets.includes(word) && targets.some((target) => isOneEdit(word, target)))
  .toSorted((left, right) => (left < right ? -1 : 1));
const text = `/**
 * Words of dictionaries that are one edit away from an opt-out word. Made by \`tools/real-words.mjs\` from Debian's
 * wamerican, wfrench and wspanish; do not change by hand.
 */
export const REAL_WORDS: readonly string[] =
  '${words.join(' ')}'.split(
    ' ',
  );
`;
writeFileSync(TARGET, text);
execFileSync('npx', ['prettier', '--write', TARGET]);
