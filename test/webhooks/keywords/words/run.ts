/**
 * Prints how the keywords judge the collected texts: `npm run words`. `--wrong` adds the texts that come to something
 * else than they have to.
 */

import { createKeywords } from '../../../../src/webhooks/keywords/keywords.ts';
import { figuresOf, isRight, readTexts, shareOf, type ClassifiedText, type Figure } from './corpus.ts';

const FOLDER = new URL(`file://${process.cwd()}/test/webhooks/keywords/words/`);
/** The fewest texts of a class for which a figure is printed. */
const MIN_TEXTS = 50;
const LANGUAGES = ['en', 'fr', 'es'];
const files = process.argv.slice(2).filter((argument) => argument.endsWith('.tsv'));
const read = createKeywords();

const percent = (figure: Figure) =>
  `${(100 * shareOf(figure)).toFixed(1).padStart(5)} %  ${figure.right} of ${figure.count}`;

function printFigures(texts: readonly ClassifiedText[]): void {
  for (const language of [undefined, ...LANGUAGES]) {
    const some = texts.filter((text) => language === undefined || text.language === language);
    const { blocked, recognised, harmlessBlocked, optIns, optedIn } = figuresOf(some, read);
    const lines: readonly (readonly [string, Figure])[] = [
      ['opt-outs that block or are under review', blocked],
      ['class out, recognised as opt-outs', recognised],
      ['harmless texts that block', harmlessBlocked],
    ];
    console.log(`  ${language ?? 'all languages'}`);
    for (const [label, figure] of lines) {
      const isEnough = language === undefined || figure.count >= MIN_TEXTS;
      console.log(`    ${label.padEnd(42)}${isEnough ? percent(figure) : `${figure.count} texts, too few`}`);
    }
    if (language === undefined) {
      console.log(`    ${'texts of class in that opt in'.padEnd(42)}${percent(optedIn)}`);
      console.log(`    ${'opt-ins that are START or UNSTOP'.padEnd(42)}${percent(optIns)}`);
    }
  }
}

for (const file of files.length > 0
  ? files
  : ['corpus.tsv', 'additions.tsv', 'held-out.tsv', 'held-out-2.tsv', 'held-out-3.tsv']) {
  const texts = readTexts(new URL(file, FOLDER));
  console.log(`${file}: ${texts.length} texts`);
  printFigures(texts);
  if (!process.argv.includes('--wrong')) continue;
  for (const text of texts) {
    const match = read(text.text);
    if (!isRight(text, match))
      console.log(`  ${text.class}\t${JSON.stringify(text.text)}\t${JSON.stringify(match)}`);
  }
}
