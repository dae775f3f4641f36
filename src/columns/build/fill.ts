import { ArrowlabError } from '../../errors.js';
import type { Column } from './column.js';

/** Nulls by the path of a column, where the caller knows them. */
export type NullCounts = Readonly<Record<string, number>>;

/**
 * Says in a column that was filled by hand, and in those below, how much of it is filled: `rows` rows, children as far as offsets refer to
 * them, nulls as `nullCounts` or the bitmap says.
 * @throws INVALID_ARGUMENT naming the column that has too little room for what its offsets say, or the count that cannot be.
 */
export function fill(column: Column, rows: number, nullCounts: NullCounts = {}): void {
  const { field, capacity, children } = column;
  if (rows > capacity) throw unfit(column, `room for ${rows} rows`, `${capacity}: allocate with more childRows`);
  column.length = rows;
  column.nullCount = nullCountOf(column, rows, declaredIn(nullCounts, field.path));
  const { layout } = field;
  switch (layout.kind) {
    case 'binary':
      fillData(column, endOf(column, rows), 'offsets up to');
      break;
    case 'view':
      fillData(column, endOfViews(column, rows), 'views up to byte');
      break;
    case 'list':
      fill(children[0]!, endOf(column, rows), nullCounts);
      break;
    case 'fixedSizeList':
      fill(children[0]!, rows * layout.listSize, nullCounts);
      break;
    case 'union':
      for (const [index, child] of children.entries()) {
        const used = layout.isDense ? denseLength(column, rows, layout.typeIds[index]!) : rows;
        fill(child, used, nullCounts);
      }
      break;
    default:
      for (const child of children) fill(child, rows, nullCounts);
  }
}

function fillData(column: Column, byteLength: number, what: string): void {
  const { length } = column.data!;
  if (byteLength > length) throw unfit(column, `${what} ${length}`, `${byteLength}: allocate with more dataBytes`);
  column.dataLength = byteLength;
}

function endOf(column: Column, rows: number): number {
  const offsets = column.valueOffsets!;
  const [first, last] = [Number(offsets[0]), Number(offsets[rows])];
  if (first !== 0 || last < 0) throw unfit(column, 'offsets from 0 on', `${first} to ${last}`);
  return last;
}

/** Strings and bytes of up to 12 lie in their view; longer ones say where they begin, in its last word. */
function endOfViews({ values }: Column, rows: number): number {
  const words = new Uint32Array(values!.buffer, values!.byteOffset, rows * 4);
  let end = 0;
  for (let at = 0; at < words.length; at += 4) if (words[at]! > 12) end = Math.max(end, words[at]! + words[at + 3]!);
  return end;
}

/** Of a dense union's child: as far as rows refer to it. */
function denseLength({ typeIds, valueOffsets }: Column, rows: number, typeId: number): number {
  let length = 0;
  for (let row = 0; row < rows; row++)
    if (typeIds![row] === typeId) length = Math.max(length, Number(valueOffsets![row]) + 1);
  return length;
}

/** A path may be `constructor`, which every object has. */
const declaredIn = (nullCounts: NullCounts, path: string): number | undefined =>
  Object.hasOwn(nullCounts, path) ? nullCounts[path] : undefined;

function nullCountOf(column: Column, rows: number, declared: number | undefined): number {
  if (column.field.layout.kind === 'null') return rows;
  if (declared === undefined) return column.countNulls(rows);
  if (Number.isInteger(declared) && declared >= 0 && declared <= (column.validity ? rows : 0)) return declared;
  throw unfit(column, column.validity ? `a null count from 0 to ${rows}` : 'no nulls', declared);
}

function unfit({ field }: Column, expected: string, found: unknown): ArrowlabError {
  return new ArrowlabError(
    'INVALID_ARGUMENT',
    `column ${JSON.stringify(field.path)}: expected ${expected}, found ${found}`,
  );
}
