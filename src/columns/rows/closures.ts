import { itemSegment, nameSegment } from '../value-text.js';
import type { Cursor } from './cursor.js';
import { emptyOf } from './empty.js';
import { expectationOf } from './expectation.js';
import { entriesOf, itemsOf } from './iterables.js';
import { keySegment, Misfit, valueSegment } from './misfit.js';
import { takesNull } from './null.js';
import { propertyReader } from './property.js';
import { scalarWriter, type Write } from './scalar.js';

/**
 * How any value is written into a column, as closures over its cursor and those of its children. A Misfit that is thrown knows its path
 * below the column.
 */
export function writerOf(cursor: Cursor): Write {
  const { field } = cursor;
  const write = presentWriter(cursor);
  if (!takesNull(field)) {
    const expected = expectationOf(field);
    return (value, row) => {
      if (value == null) throw Misfit.of(expected, value);
      write(value, row);
    };
  }
  const writeEmpty = emptyOf(cursor);
  return (value, row) => {
    if (value == null) writeEmpty(row);
    else write(value, row);
  };
}

function presentWriter(cursor: Cursor): Write {
  const { layout, dictionary } = cursor;
  if (dictionary) return dictionary.writerFor(cursor);
  switch (layout.kind) {
    case 'struct':
      return structWriter(cursor);
    case 'list':
      return cursor.field.type.name === 'Map' ? mapWriter(cursor) : listWriter(cursor);
    case 'fixedSizeList':
      return fixedListWriter(cursor, layout.listSize);
    case 'union':
      return unionWriter(cursor, layout.isDense, layout.typeIds);
    default:
      return scalarWriter(cursor);
  }
}

/** Whether a value may be a row, or a struct. An array is none, although it has properties: it is put there by mistake. */
export const isStruct = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Also of a row, which is a struct of all columns. */
export function structWriter({ field, children }: Pick<Cursor, 'children'> & { field?: Cursor['field'] }): Write {
  const expected = field ? expectationOf(field) : 'an object';
  const names = children.map((child) => child.field.name);
  const reads = names.map(propertyReader);
  const writes = children.map(writerOf);
  const count = children.length;
  return (value, row) => {
    if (!isStruct(value)) throw Misfit.of(expected, value);
    let i = 0;
    try {
      for (; i < count; i++) writes[i]!(reads[i]!(value), row);
    } catch (error) {
      throw Misfit.below(() => nameSegment(names[i]!), error);
    }
  };
}

function writeItems(write: Write, items: ArrayLike<unknown>, first: number, count: number): void {
  let i = 0;
  try {
    for (; i < count; i++) write(items[i], first + i);
  } catch (error) {
    throw Misfit.below(() => itemSegment(i), error);
  }
}

function listWriter(cursor: Cursor): Write {
  const child = cursor.children[0]!;
  const expected = expectationOf(cursor.field);
  const write = writerOf(child);
  const isPlain = isPlainNumber(child);
  return (value, row) => {
    const items = itemsOf(value, cursor.iterables);
    if (!items) throw Misfit.of(expected, value);
    const { length } = items;
    const first = child.reserve(length);
    cursor.setOffset(row + 1, first + length);
    if (isPlain && isSameArray(items, child.values)) child.values.set(items as never, first);
    else writeItems(write, items, first, length);
  };
}

/** Whether any value of the column's class of array is one of the column. */
function isPlainNumber({ field: { type, dictionary } }: Cursor): boolean {
  return !dictionary && (type.name === 'Int' || (type.name === 'FloatingPoint' && type.precision > 0));
}

const isSameArray = (items: ArrayLike<unknown>, values: Cursor['values']): boolean =>
  (items as { constructor?: unknown }).constructor === values.constructor;

function fixedListWriter(cursor: Cursor, listSize: number): Write {
  const child = cursor.children[0]!;
  const expected = expectationOf(cursor.field);
  const write = writerOf(child);
  return (value, row) => {
    const items = itemsOf(value, cursor.iterables);
    if (items?.length !== listSize) throw Misfit.of(expected, value);
    writeItems(write, items, row * listSize, listSize);
  };
}

function mapWriter(cursor: Cursor): Write {
  const entriesCursor = cursor.children[0]!;
  const [keyCursor, valueCursor] = entriesCursor.children as [Cursor, Cursor];
  const expected = expectationOf(cursor.field);
  const keyExpected = expectationOf(keyCursor.field);
  const [writeKey, writeValue] = [writerOf(keyCursor), writerOf(valueCursor)];
  const keysAreStrings = ['Utf8', 'LargeUtf8', 'Utf8View'].includes(keyCursor.field.type.name);
  return (value, row) => {
    const entries = entriesOf(value, keysAreStrings, cursor.iterables);
    if (!entries) throw Misfit.of(expected, value);
    const count = entries instanceof Map ? entries.size : (entries as readonly unknown[]).length;
    const first = entriesCursor.reserve(count);
    cursor.setOffset(row + 1, first + count);
    let i = 0;
    let part: 'entry' | 'key' | 'value' = 'entry';
    let key: unknown;
    try {
      for (const entry of entries) {
        if (i === count) break;
        if (!(Array.isArray(entry) && entry.length === 2)) throw Misfit.of('an entry [key, value]', entry);
        part = 'key';
        key = entry[0];
        if (key == null) throw Misfit.of(keyExpected, key);
        writeKey(key, first + i);
        part = 'value';
        writeValue(entry[1], first + i);
        part = 'entry';
        i++;
      }
    } catch (error) {
      throw Misfit.below(
        () => (part === 'key' ? keySegment(i) : part === 'value' ? valueSegment(key) : itemSegment(i)),
        error,
      );
    }
    if (i < count) throw new Misfit(`${count} entries`, `${i}: they were changed while they were read`);
  };
}

function unionWriter(cursor: Cursor, isDense: boolean, typeIds: readonly number[]): Write {
  const { children } = cursor;
  const expected = expectationOf(cursor.field);
  const places = new Map(children.map(({ field }, place) => [field.name, place]));
  const writes = children.map(writerOf);
  const empties = children.map(emptyOf);
  return (value, row) => {
    const names = isStruct(value) ? Object.keys(value) : [];
    const place = places.get(names[0]!);
    if (names.length !== 1 || place === undefined) throw Misfit.of(expected, value);
    const childRow = isDense ? children[place]!.reserve(1) : row;
    cursor.typeIds[row] = typeIds[place]!;
    if (isDense) cursor.setOffset(row, childRow);
    else for (let other = 0; other < empties.length; other++) if (other !== place) empties[other]!(row);
    try {
      writes[place]!((value as Record<string, unknown>)[names[0]!], childRow);
    } catch (error) {
      throw Misfit.below(() => nameSegment(names[0]!), error);
    }
  };
}
