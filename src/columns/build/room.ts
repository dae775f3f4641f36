import { ArrowlabError } from '../../errors.js';
import type { ParsedField } from '../field.js';
import { checkPaths, type IsSuch } from './paths.js';
import type { Room } from './plan.js';

/** One size for every column it concerns, or one by the column's path. */
export type Sizes = number | Readonly<Record<string, number>>;

/** Where nobody says how long strings and lists are. */
const BYTES_PER_VALUE = 16;
const ROWS_PER_LIST = 4;

/**
 * Room as a caller declares it; where nothing is said, 16 bytes a string and 4 rows a list.
 * @throws INVALID_ARGUMENT for a size that is none, or of a path that no such column has.
 */
export function declaredRoom(fields: readonly ParsedField[], dataBytes?: Sizes, childRows?: Sizes): Room {
  checkSizes('dataBytes', dataBytes, fields, ({ kind }) => kind === 'binary' || kind === 'view');
  checkSizes('childRows', childRows, fields, ({ kind }) => kind === 'list');
  return {
    dataBytes: (field, rows) => sizeFor(field, dataBytes) ?? rows * BYTES_PER_VALUE,
    childRows: (field, rows) => sizeFor(field, childRows) ?? rows * ROWS_PER_LIST,
  };
}

function sizeFor({ path }: ParsedField, sizes: Sizes | undefined): number | undefined {
  if (!isByPath(sizes)) return sizes;
  return Object.hasOwn(sizes, path) ? sizes[path] : undefined; // a path may be `constructor`
}

const isByPath = (sizes: Sizes | undefined): sizes is Exclude<Sizes, number> =>
  typeof sizes === 'object' && sizes !== null;

function checkSizes(what: string, sizes: Sizes | undefined, fields: readonly ParsedField[], isSuch: IsSuch): void {
  if (isByPath(sizes)) checkPaths(what, sizes, fields, isSuch);
  const all = isByPath(sizes) ? Object.values(sizes) : sizes === undefined ? [] : [sizes];
  for (const size of all)
    if (!Number.isSafeInteger(size) || size < 0)
      throw new ArrowlabError('INVALID_ARGUMENT', `expected ${what} as whole numbers of 0 or more, found ${size}`);
}
