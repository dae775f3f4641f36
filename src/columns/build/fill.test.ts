import { describe, expect, it } from 'vitest';
import { fixedSizeList, float64, int32, list, nullable, schema, struct, utf8, utf8View } from '../define/index.js';
import { describeSchema } from '../describe.js';
import { fill } from './fill.js';
import { BatchPlan } from './plan.js';
import { declaredRoom } from './room.js';

const { fields } = describeSchema(
  schema({
    price: nullable(float64()),
    name: utf8(),
    nick: utf8View(),
    tags: list(nullable(int32())),
    pair: fixedSizeList(2, int32()),
    where: struct({ lat: float64() }),
  }),
);

function columns(rows: number) {
  const [price, name, nick, tags, pair, where] = new BatchPlan(
    fields,
    rows,
    declaredRoom(fields, 8, 4),
  ).columnsOnHeap();
  return { price: price!, name: name!, nick: nick!, tags: tags!, pair: pair!, where: where! };
}

describe('a column that was filled by hand', () => {
  it('has the nulls that its bitmap says, or the caller', () => {
    const { price } = columns(10);
    price.validity![0] = 0b1111_0101;
    price.validity![1] = 0;
    fill(price, 8);
    expect(price).toMatchObject({ length: 8, nullCount: 2 });
    fill(price, 10, { price: 0 });
    expect(price.nullCount).toBe(0);
    expect(() => fill(price, 10, { price: 11 })).toThrow(
      'column "price": expected a null count from 0 to 10, found 11',
    );
    const { where } = columns(10);
    expect(() => fill(where, 10, { 'where.lat': 1 })).toThrow('column "where.lat": expected no nulls, found 1');
  });

  it('has children as far as it refers to them', () => {
    const { tags, pair, where } = columns(3);
    tags.valueOffsets!.set([0, 1, 3, 4] as never);
    tags.children[0]!.validity![0] = 0b1101;
    fill(tags, 3);
    expect(tags.children[0]).toMatchObject({ length: 4, nullCount: 1 });
    fill(tags, 1);
    expect(tags.children[0]).toMatchObject({ length: 1, nullCount: 0 });
    fill(pair, 3);
    expect(pair.children[0]!.length).toBe(6);
    fill(where, 2);
    expect(where.children[0]!.length).toBe(2);
  });

  it('has data as far as its offsets or views reach', () => {
    const { name, nick } = columns(3);
    name.valueOffsets!.set([0, 2, 2, 7] as never);
    fill(name, 3);
    expect(name.dataLength).toBe(7);
    const words = new Uint32Array(nick.values!.buffer, nick.values!.byteOffset, 12);
    words.set([12, 0, 0, 0, 13, 0, 0, 0, 3, 0, 0, 99]);
    expect(() => fill(nick, 3)).toThrow(/column "nick": expected views up to byte 8, found 13: .*dataBytes/);
    words[4] = 12;
    fill(nick, 3);
    expect(nick.dataLength).toBe(0);
  });

  it('is refused by name where it says more than there is room for', () => {
    const { price, name, tags } = columns(3);
    expect(() => fill(price, 4)).toThrow('column "price": expected room for 4 rows, found 3');
    name.valueOffsets!.set([0, 2, 2, 9] as never);
    expect(() => fill(name, 3)).toThrow('column "name": expected offsets up to 8, found 9');
    name.valueOffsets!.set([1, 2, 2, 3] as never);
    expect(() => fill(name, 3)).toThrow('column "name": expected offsets from 0 on, found 1 to 3');
    tags.valueOffsets!.set([0, 2, 4, 5] as never);
    expect(() => fill(tags, 3)).toThrow('column "tags.item": expected room for 5 rows, found 4');
  });
});
