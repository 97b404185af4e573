/**
 * The other international writings of one subscriber: countries that changed their numbers, or that write mobile numbers
 * in two ways. Pure, and without metadata. Lists and evidence keep the digits as they were received; a check asks about
 * each of these writings, so that an opt-out under one of them blocks all.
 *
 * | country | one writing | the other | since |
 * |---|---|---|---|
 * | Mexico | 52 1 + 10 digits | 52 + 10 digits | the 1 of mobile numbers was dropped in 2019 |
 * | Argentina | 54 9 + 10 digits | 54 + 10 digits; either with 15 behind the area code | 9 and 15 mark mobile numbers |
 * | Brazil | 55 + area + 9 + 8 digits | 55 + area + 8 digits | ninth digit, 2012 to 2016; not landlines (8 digits from 2 to 5) |
 * | Ivory Coast | 225 + 10 digits | 225 + 8 digits | 2021, two digits by operator in front |
 * | Benin | 229 01 + 8 digits | 229 + 8 digits | 2024 |
 * | San Marino | 378 0549 + 6 digits | 378 + 6 digits | landlines are dialled either way |
 */

const NONE: readonly string[] = Object.freeze([]);

/** Country codes with numbers that have more than one international writing. */
export const CODES_WITH_EQUIVALENTS = ['52', '54', '55', '225', '229', '378'] as const;

/**
 * The other numbers that reach the subscriber of an msisdn.
 *
 * @param digits country code first, digits only.
 * @returns without `digits` itself. What it returns for each of them are the same numbers: the relation is symmetric and transitive.
 */
export function equivalentsOf(digits: string): readonly string[] {
  if (digits.startsWith('5')) {
    if (digits.startsWith('2', 1)) return ofMexico(digits);
    if (digits.startsWith('4', 1)) return ofArgentina(digits);
    if (digits.startsWith('5', 1)) return ofBrazil(digits);
  } else if (digits.startsWith('22')) {
    if (digits.startsWith('5', 2)) return ofIvoryCoast(digits);
    if (digits.startsWith('9', 2)) return ofBenin(digits);
  } else if (digits.startsWith('378')) return ofSanMarino(digits);
  return NONE;
}

/** Whether two msisdns reach one subscriber. */
export function isSameSubscriber(one: string, other: string): boolean {
  return one === other || equivalentsOf(one).includes(other);
}

function ofMexico(digits: string): readonly string[] {
  if (digits.length === 12) return [`521${digits.slice(2)}`];
  return digits.length === 13 && digits.startsWith('521') ? [`52${digits.slice(3)}`] : NONE;
}

function ofArgentina(digits: string): readonly string[] {
  const national = argentineNumber(digits);
  if (national === undefined) return NONE;
  const places = national.startsWith('11') ? [2] : [3, 4];
  const writings = [
    national,
    ...places.map((place) => `${national.slice(0, place)}15${national.slice(place)}`),
  ];
  return writings.flatMap((one) => [`54${one}`, `549${one}`]).filter((one) => one !== digits);
}

/** Area code and number, ten digits together, without the marks of mobile numbers. */
function argentineNumber(digits: string): string | undefined {
  const isMarked = digits.startsWith('9', 2);
  const written = digits.slice(isMarked ? 3 : 2);
  // A 9 is the mark, and a 0 a national prefix. Area codes have 2 to 4 digits; only that of Buenos Aires, 11, has 2.
  if (/^[09]/.test(written)) return undefined;
  if (written.length === 10) return written;
  if (written.length !== 12) return undefined;
  const place = (written.startsWith('11') ? [2] : [3, 4]).find((one) => written.startsWith('15', one));
  return place === undefined ? undefined : written.slice(0, place) + written.slice(place + 2);
}

/** Landlines have eight digits that begin with 2 to 5: a 9 in front of one makes somebody else's number. */
const BRAZILIAN_LANDLINE = /^[2-5]/;

function ofBrazil(digits: string): readonly string[] {
  const area = digits.slice(0, 4);
  const number = digits.slice(4);
  const isLong = number.length === 9 && number.startsWith('9');
  if (!isLong && number.length !== 8) return NONE;
  const old = isLong ? number.slice(1) : number;
  if (BRAZILIAN_LANDLINE.test(old)) return NONE;
  return [isLong ? area + old : `${area}9${old}`];
}

function ofIvoryCoast(digits: string): readonly string[] {
  const number = digits.slice(3);
  if (number.length === 8) return [`225${ivorianPrefix(number)}${number}`];
  if (number.length !== 10) return NONE;
  const old = number.slice(2);
  return number.startsWith(ivorianPrefix(old)) ? [`225${old}`] : NONE;
}

/**
 * The two digits that a number of eight digits got on 31 January 2021: 01, 05 and 07 for the mobile numbers of Moov, MTN
 * and Orange, told by the second digit; 21, 25 and 27 for their landlines, which begin with 2 or 3, told by the third.
 */
function ivorianPrefix(old: string): string {
  const isLandline = old.startsWith('2') || old.startsWith('3');
  const [second, third] = [Number(old[1]), Number(old[2])];
  if (!isLandline) return second < 4 ? '01' : second < 7 ? '05' : '07';
  if (third === 0) return '25';
  return third === 8 && old.startsWith('2') ? '21' : '27';
}

function ofBenin(digits: string): readonly string[] {
  if (digits.length === 11) return [`22901${digits.slice(3)}`];
  return digits.length === 13 && digits.startsWith('22901') ? [`229${digits.slice(5)}`] : NONE;
}

const SAN_MARINO_AREA = '3780549';

function ofSanMarino(digits: string): readonly string[] {
  if (digits.length === 9 && /^[89]/.test(digits.slice(3))) return [SAN_MARINO_AREA + digits.slice(3)];
  const isLong = digits.length === 13 && digits.startsWith(SAN_MARINO_AREA);
  return isLong && /^[89]/.test(digits.slice(7)) ? [`378${digits.slice(7)}`] : NONE;
}
