import type { Schema } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { MIB, priceSchema, prices, useBridge } from './bridge.js';

const bridge = useBridge();

describe('a stream', () => {
  it('of a schema that cannot be written reserves nothing', async () => {
    const server = await bridge.serve({ maxBytes: 16 * MIB });
    const unwritable = { fields: [{ name: 'x', type: { typeId: 99 }, nullable: true }], metadata: new Map() };
    const options = { reserveBytes: '16MiB' };
    expect(() => server.publish('prices', unwritable as unknown as Schema, options)).toThrow(
      expect.objectContaining({ code: 'ERR_ARROWLAB_TABLE_UNRECOGNISED' }),
    );
    expect(server.publish('prices', priceSchema, options).status().reservedBytes).toBe(16 * MIB);
  });
});
