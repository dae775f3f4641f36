import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arrayOfData, MutableTable, type ParsedSchema, toArrowSchema } from '../../columns/index.js';
import { arbitraryRows, arbitrarySchema } from '../../columns/testing/random-rows.js';
import { rowText } from '../rows/value.js';
import { JsonInput } from './json-input.js';

/** As `alab ipc read --json` prints them. */
function linesOf(table: MutableTable<object>, { fields }: ParsedSchema): string[] {
  return table.snapshot().batches.flatMap(({ data }) => {
    const text = rowText(fields.map((field, at) => arrayOfData(field, data.children[at]!, 0, data.length)));
    return Array.from({ length: data.length }, (_, row) => text(row));
  });
}

async function* oneChunk(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}

// Of a union JSON has the value alone, and of a value alone nobody can tell which child it was. apache-arrow reads no dictionary by 64 bits.
const schemas = arbitrarySchema({ without: ['Union'] });

test('rows that were printed as JSON come back as they were, of all types', async () => {
  const cases = schemas.chain((schema) => fc.tuple(fc.constant(schema), arbitraryRows(schema, { maxLength: 8 })));
  await fc.assert(
    fc.asyncProperty(cases, async ([schema, rows]) => {
      const before = new MutableTable<object>(toArrowSchema(schema));
      before.appendMany(rows);
      const lines = linesOf(before, schema);
      const input = await JsonInput.open(oneChunk(lines.join('\n')), {
        ...{ schema, samples: 1, isoStrings: false, skipsMalformed: false },
      });
      const after = new MutableTable<object>(input.format);
      for await (const group of input.groups()) after.appendMany(group);
      expect(linesOf(after, schema)).toEqual(lines);
    }),
    { numRuns: 500 },
  );
});
