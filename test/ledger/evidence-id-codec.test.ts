import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DIGEST, ID_BYTES, OTHER, UUID, packId, unpackId } from '../../src/ledger/evidence-id-codec.ts';

const digest = fc.stringMatching(/^[A-Za-z0-9_-]{22}$/);
/** An id of which one character was replaced. */
const altered = fc
  .tuple(
    fc.oneof(fc.uuid(), digest),
    fc.nat(),
    fc.constantFrom('A', 'g', '+', '=', ' ', 'é', '–', '\ud800', '-', '0'),
  )
  .map(([id, at, other]) => {
    const index = at % id.length;
    return id.slice(0, index) + other + id.slice(index + 1);
  });

describe('the id codec', () => {
  it('unpacks every id that it packs unchanged, and packs only UUIDs and digests', () => {
    const ids = fc.oneof(
      fc.uuid(),
      digest,
      altered,
      fc.string(),
      fc.string({ minLength: 22, maxLength: 36 }),
    );
    fc.assert(
      fc.property(ids, fc.nat({ max: 5 }), (id, from) => {
        const bytes = new Uint8Array(from + ID_BYTES + 1).fill(77);
        const kind = packId(id, bytes, from);
        if (kind !== OTHER) expect(unpackId(kind, bytes, from)).toBe(id);
        const isUuid = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/.test(id);
        const isDigest = /^[\w-]{22}$/.test(id);
        expect(kind).toBe(isUuid ? UUID : isDigest ? DIGEST : OTHER);
        expect([...bytes.subarray(0, from), bytes[from + ID_BYTES]]).toEqual([...Array(from).fill(77), 77]);
      }),
      { numRuns: 4_000, seed: 20_260_104 },
    );
  });

  it.each([
    '00000000-0000-0000-0000-000000000000',
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
    'AAAAAAAAAAAAAAAAAAAAAA',
    '______________________',
  ])('packs %s', (id) => {
    const bytes = new Uint8Array(ID_BYTES);
    const kind = packId(id, bytes, 0);
    expect(kind === OTHER ? undefined : unpackId(kind, bytes, 0)).toBe(id);
  });

  it.each(['FFFFFFFF-ffff-ffff-ffff-ffffffffffff', 'ffffffff_ffff-ffff-ffff-ffffffffffff', '', 'a'])(
    'does not pack %j',
    (id) => expect(packId(id, new Uint8Array(ID_BYTES), 0)).toBe(OTHER),
  );
});
