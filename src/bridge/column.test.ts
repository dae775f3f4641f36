import {
  Bool,
  type Data,
  type DataType,
  DateDay,
  Decimal,
  Dictionary,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float64,
  Int32,
  Int64,
  List,
  makeData,
  Null,
  Struct,
  TimestampNanosecond,
  Utf8,
  Vector,
  vectorFromArray,
} from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { native } from '../native.js';
import { youngGarbage } from './collector.js';
import { columnVector } from './column.js';

const COLUMNS: [DataType, unknown[]][] = [
  [new Float64(), [1.5, null, -2]],
  [new Int64(), [1n, null, 3n]],
  [new Bool(), [true, null, false]],
  [new Utf8(), ['a', null, 'äöü']],
  [new DateDay(), [new Date(0), null, new Date(86_400_000)]],
  [new TimestampNanosecond(), [1, null, 2]],
  [new Decimal(2, 12), [new Uint32Array(4).fill(1), null, new Uint32Array(4).fill(2)]],
  [new FixedSizeBinary(3), [new Uint8Array([1, 2, 3]), null, new Uint8Array([4, 5, 6])]],
  [new FixedSizeList(2, new Field('item', new Int32())), [[1, 2], null, [3, 4]]],
  [new List(new Field('item', new Int32())), [[1, 2], null, []]],
  [new Struct([new Field('x', new Int32()), new Field('y', new Utf8())]), [{ x: 1, y: 'a' }, null, { x: 2, y: 'b' }]],
  [new Dictionary(new Utf8(), new Int32()), ['a', null, 'a']],
  [new Null(), [null, null, null]],
];

const text = (value: unknown): string => String(value);

describe("a column's vector", () => {
  it.each(COLUMNS)('of %s reads as the one that Arrow makes', (type, values) => {
    const { data } = vectorFromArray(values, type);
    const whole = data[0] as Data;
    for (const chunk of [whole, whole.slice(1, 2), whole.slice(0, 0)]) {
      const expected = new Vector([chunk]);
      const vector = columnVector(chunk);
      expect(vector).toBeInstanceOf(Vector);
      const { length, byteLength, nullCount, nullable, stride, numChildren } = expected;
      expect(vector).toMatchObject({ length, byteLength, nullCount, nullable, stride, numChildren });
      expect(vector.type).toBe(chunk.type);
      expect(vector.data).toEqual([chunk]);
      expect([...vector].map(text)).toEqual([...expected].map(text));
      for (let index = 0; index < length; index++) {
        expect(text(vector.get(index))).toBe(text(expected.get(index)));
        expect(vector.isValid(index)).toBe(expected.isValid(index));
        expect(text(vector.at(index - length))).toBe(text(expected.at(index - length)));
      }
      expect(vector.isValid(length)).toBeFalsy();
      expect(text(vector.toArray())).toBe(text(expected.toArray()));
      expect(text(vector.slice(1, 3))).toBe(text(expected.slice(1, 3)));
      expect(text(vector.concat(vector))).toBe(text(expected.concat(expected)));
      if (length > 0) expect(vector.indexOf(vector.get(0))).toBe(expected.indexOf(expected.get(0)));
      for (let child = 0; child < numChildren; child++)
        expect(text(vector.getChildAt(child))).toBe(text(expected.getChildAt(child)));
    }
  });

  it("gives its values' own memory as an array", () => {
    const values = new Float64Array([1, 2, 3]);
    const data = makeData({ type: new Float64(), length: 3, nullCount: 0, data: values });
    expect(columnVector(data).toArray().buffer).toBe(values.buffer);
  });

  it('keeps its values, and lets them go in a minor collection', () => {
    const { refer, referred, takeCollected } = native();
    const type = new Float64();
    const open = (): [number, Vector] => {
      const buffer = new ArrayBuffer(64);
      const vector = columnVector(makeData({ type, length: 8, nullCount: 0, data: new Float64Array(buffer) }));
      vector.get(0);
      return [refer(buffer), vector];
    };
    const [kept, vector] = open();
    const forgotten = Array.from({ length: 100 }, () => open()[0]);
    youngGarbage.collectNow();
    const collected = takeCollected();
    expect(referred(kept)).toBeDefined();
    expect(collected.filter((number) => forgotten.includes(number)).length).toBeGreaterThan(90);
    expect(vector.get(7)).toBe(0);
  });
});
