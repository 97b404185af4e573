/**
 * Packs ids of evidence into bytes: the two kinds of id that the guard makes. A packed id takes less than half of the
 * memory of a string, and is no object for the garbage collector. An id is unpacked exactly as it was packed; an id of
 * any other kind is not packed.
 */

/** The kinds of id: a UUID in lower case; 22 digits of base64url; any other. */
export type IdKind = typeof UUID | typeof DIGEST | typeof OTHER;

export const OTHER = 0;
export const UUID = 1;
export const DIGEST = 2;

/** The most bytes that a packed id takes. */
export const ID_BYTES = 17;

const UUID_LENGTH = 36;
const DIGEST_LENGTH = 22;
/** The last two digits of a digest are no whole group of four. They take one byte each. */
const GROUPED_DIGITS = 20;
const DASH = 45;
const NONE = 255;

/** Returns the codes of digits by value, and the values by character code: `NONE` for a character that is no digit. */
function alphabet(digits: string): { readonly codes: Uint8Array; readonly values: Uint8Array } {
  const codes = Uint8Array.from(digits, (digit) => digit.charCodeAt(0));
  const values = new Uint8Array(0x1_0000).fill(NONE);
  for (const [value, code] of codes.entries()) values[code] = value;
  return { codes, values };
}

const HEX = alphabet('0123456789abcdef');
const BASE64URL = alphabet('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_');

/** The indexes of the dashes of a UUID. */
const DASHES: readonly number[] = [8, 13, 18, 23];
/** The indexes of the pairs of digits of a UUID. */
const PAIRS: readonly number[] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

const valueOf = (values: Uint8Array, id: string, index: number): number =>
  values[id.charCodeAt(index)] as number;

/**
 * Packs an id into at most {@link ID_BYTES} bytes, from index `from` on.
 *
 * @returns its kind. For `OTHER` the bytes that were written have no meaning.
 */
export function packId(id: string, bytes: Uint8Array, from: number): IdKind {
  if (id.length === UUID_LENGTH) return packUuid(id, bytes, from);
  return id.length === DIGEST_LENGTH ? packDigest(id, bytes, from) : OTHER;
}

function packUuid(id: string, bytes: Uint8Array, from: number): IdKind {
  for (const index of DASHES) if (id.charCodeAt(index) !== DASH) return OTHER;
  let to = from;
  let allBits = 0;
  for (const index of PAIRS) {
    const high = valueOf(HEX.values, id, index);
    const low = valueOf(HEX.values, id, index + 1);
    allBits |= high | low;
    bytes[to++] = (high << 4) | low;
  }
  return allBits === NONE ? OTHER : UUID;
}

function packDigest(id: string, bytes: Uint8Array, from: number): IdKind {
  const { values } = BASE64URL;
  let to = from;
  let allBits = 0;
  for (let index = 0; index < GROUPED_DIGITS; index += 4) {
    const [a, b] = [valueOf(values, id, index), valueOf(values, id, index + 1)];
    const [c, d] = [valueOf(values, id, index + 2), valueOf(values, id, index + 3)];
    allBits |= a | b | c | d;
    bytes[to++] = (a << 2) | (b >> 4);
    bytes[to++] = (b << 4) | (c >> 2);
    bytes[to++] = (c << 6) | d;
  }
  for (let index = GROUPED_DIGITS; index < DIGEST_LENGTH; index++) {
    const value = valueOf(values, id, index);
    allBits |= value;
    bytes[to++] = value;
  }
  return allBits === NONE ? OTHER : DIGEST;
}

const scratch = Buffer.alloc(UUID_LENGTH);

/** Unpacks an id. */
export function unpackId(kind: typeof UUID | typeof DIGEST, bytes: Uint8Array, from: number): string {
  return kind === UUID ? unpackUuid(bytes, from) : unpackDigest(bytes, from);
}

function unpackUuid(bytes: Uint8Array, from: number): string {
  const { codes } = HEX;
  let next = from;
  for (const index of DASHES) scratch[index] = DASH;
  for (const index of PAIRS) {
    const byte = bytes[next++] as number;
    scratch[index] = codes[byte >> 4] as number;
    scratch[index + 1] = codes[byte & 15] as number;
  }
  return scratch.toString('latin1', 0, UUID_LENGTH);
}

function unpackDigest(bytes: Uint8Array, from: number): string {
  const { codes } = BASE64URL;
  let next = from;
  for (let index = 0; index < GROUPED_DIGITS;) {
    const group =
      ((bytes[next++] as number) << 16) | ((bytes[next++] as number) << 8) | (bytes[next++] as number);
    for (let shift = 18; shift >= 0; shift -= 6) scratch[index++] = codes[(group >> shift) & 63] as number;
  }
  for (let index = GROUPED_DIGITS; index < DIGEST_LENGTH; index++) {
    scratch[index] = codes[bytes[next++] as number] as number;
  }
  return scratch.toString('latin1', 0, DIGEST_LENGTH);
}
