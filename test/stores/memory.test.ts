import { describe, expect, it } from 'vitest';
import { memoryStore } from '../../src/stores/memory.ts';
import { storeConformance } from '../../src/testing/store-conformance.ts';

describe('memory store', () => {
  it.each(storeConformance.map((test) => [test.name, test] as const))('%s', async (_name, test) => {
    await test.run(async () => {
      const store = memoryStore();
      return { store, reopen: async () => store };
    });
  });

  it('does not copy sweeps with keepsSweeps: false, when no later guard can load them', async () => {
    const store = memoryStore({ keepsSweeps: false });
    const sweep = {
      ...{ number: 1, start: 1, ageMs: 0, size: 1, numbers: ['15551230001'] },
      ...{ missingOnce: [], heldMs: null, rows: [] },
    };
    expect(await store.saveSweep('default', sweep)).toBe(true);
    expect((await store.load()).sweeps.size).toBe(0);
  });
});
