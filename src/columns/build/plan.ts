import { ArrowlabError } from '../../errors.js';
import type { IntArray } from '../array.js';
import { bitmapByteLength } from '../bitmap.js';
import type { ParsedField } from '../field.js';
import { hasValidity, VIEW_BYTE_WIDTH } from '../layout.js';
import { typeText } from '../type.js';
import { Column, type ColumnBuffers, SlotBuffer } from './column.js';
import { type ValueArray, type ValueArrayClass, valueArrayOf } from './value-array.js';

/** Every buffer of a batch starts at a multiple of this in its body. */
const ALIGNMENT = 64;
/** IPC's offsets of 32 bits end here. */
const MAX_INT32 = 2 ** 31 - 1;

/** Room for what the number of rows does not tell. */
export interface Room {
  /** Bytes of the data of a column of strings or bytes that has room for so many rows. */
  dataBytes(field: ParsedField, rows: number): number;
  /** Rows of the child of a list or map that has room for so many. */
  childRows(field: ParsedField, rows: number): number;
}

/** The memory of a body: an ArrayBuffer that has the range, and where the range starts in it. */
export type Memory = (bodyOffset: number, byteLength: number) => { buffer: ArrayBuffer; byteOffset: number };

interface Slot {
  readonly bodyOffset: number;
  readonly byteLength: number;
}

interface ColumnPlan {
  readonly field: ParsedField;
  readonly capacity: number;
  readonly slots: { readonly [name in keyof ColumnBuffers]?: Slot | undefined };
  readonly children: readonly ColumnPlan[];
}

/** Where each buffer of a batch of at most `rows` rows will lie in the batch's body, before there is any of it. */
export class BatchPlan {
  readonly #columns: readonly ColumnPlan[];
  readonly #room: Room;
  #byteLength = 0;

  /** @throws TYPE_UNSUPPORTED for list views and run ends, which apache-arrow in JavaScript does not know. */
  constructor(
    fields: readonly ParsedField[],
    readonly rows: number,
    room: Room,
  ) {
    this.#room = room;
    this.#columns = fields.map((field) => this.#plan(field, rows));
  }

  /** Of the body, with all of its room. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** Empty columns over memory, one for each field. */
  columns(memory: Memory): Column[] {
    const columns = this.columnsAsTheyAre(memory);
    for (const column of columns) column.reset();
    return columns;
  }

  /** Columns over memory that somebody fills already. */
  columnsAsTheyAre(memory: Memory): Column[] {
    return this.#columns.map((plan) => makeColumn(plan, memory));
  }

  /** Empty columns over one new ArrayBuffer. */
  columnsOnHeap(): Column[] {
    const buffer = new ArrayBuffer(this.byteLength);
    return this.columns((byteOffset) => ({ buffer, byteOffset }));
  }

  #plan(field: ParsedField, capacity: number): ColumnPlan {
    const { layout } = field;
    const isBitmapped = field.nullable && hasValidity(layout);
    const validity = isBitmapped ? this.#slot(bitmapByteLength(capacity)) : undefined;
    const children = (rows: number) => (field.dictionary ? [] : field.children.map((child) => this.#plan(child, rows)));
    const planned = (slots: ColumnPlan['slots'], childRows = capacity): ColumnPlan => ({
      field,
      capacity,
      slots: { validity, ...slots },
      children: children(childRows),
    });
    switch (layout.kind) {
      case 'null':
      case 'struct':
        return planned({});
      case 'fixedSizeList':
        return planned({}, capacity * layout.listSize);
      case 'bits':
        return planned({ values: this.#slot(bitmapByteLength(capacity)) });
      case 'fixed':
        return planned({ values: this.#slot(capacity * layout.byteWidth) });
      case 'binary':
        return planned({
          valueOffsets: this.#slot((capacity + 1) * layout.offsetWidth),
          data: this.#slot(limited(this.#room.dataBytes(field, capacity), layout.offsetWidth)),
        });
      case 'view':
        return planned({
          values: this.#slot(capacity * VIEW_BYTE_WIDTH),
          data: this.#slot(limited(this.#room.dataBytes(field, capacity), 4)),
        });
      case 'list':
        return planned(
          { valueOffsets: this.#slot((capacity + 1) * layout.offsetWidth) },
          limited(this.#room.childRows(field, capacity), layout.offsetWidth),
        );
      case 'union':
        return planned({
          typeIds: this.#slot(capacity),
          valueOffsets: layout.isDense ? this.#slot(capacity * 4) : undefined,
        });
      default:
        throw new ArrowlabError(
          'TYPE_UNSUPPORTED',
          `field ${JSON.stringify(field.path)}: expected a type that apache-arrow in JavaScript knows, found ${typeText(field.type)}: build it in Python or Rust`,
        );
    }
  }

  #slot(byteLength: number): Slot {
    const bodyOffset = this.#byteLength;
    this.#byteLength += Math.ceil(byteLength / ALIGNMENT) * ALIGNMENT;
    return { bodyOffset, byteLength };
  }
}

const limited = (size: number, offsetWidth: 4 | 8): number => (offsetWidth === 4 ? Math.min(size, MAX_INT32) : size);

function makeColumn({ field, capacity, slots, children }: ColumnPlan, memory: Memory): Column {
  const buffers: { -readonly [name in keyof ColumnBuffers]: SlotBuffer } = {};
  for (const [name, slot] of Object.entries(slots) as [keyof ColumnBuffers, Slot | undefined][]) {
    if (!slot) continue;
    const { buffer, byteOffset } = memory(slot.bodyOffset, slot.byteLength);
    buffers[name] = new SlotBuffer(slot.bodyOffset, new Uint8Array(buffer, byteOffset, slot.byteLength));
  }
  const { layout } = field;
  const offsetWidth = 'offsetWidth' in layout ? layout.offsetWidth : 4;
  return new Column(
    field,
    capacity,
    buffers,
    {
      values: buffers.values && arrayOver(valueArrayOf(field), buffers.values),
      valueOffsets: buffers.valueOffsets && (arrayOver(OFFSET_ARRAYS[offsetWidth], buffers.valueOffsets) as IntArray),
    },
    children.map((child) => makeColumn(child, memory)),
  );
}

const OFFSET_ARRAYS = { 4: Int32Array, 8: BigInt64Array };

function arrayOver(TypedArray: ValueArrayClass, slot: SlotBuffer): ValueArray {
  const { buffer, byteOffset, byteLength } = slot.bytes();
  return new TypedArray(buffer, byteOffset, byteLength / TypedArray.BYTES_PER_ELEMENT);
}
