import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Column } from '../build/column.js';
import type { RowAppender, RowFormat } from '../build/row-format.js';
import { equalArrays } from '../equal.js';
import type { ParsedField } from '../field.js';
import { dictionaryFields, type ParsedSchema } from '../schema.js';
import { arbitraryRows, arbitrarySchema, type Json, jsonOf } from '../testing/random-rows.js';
import { readColumns, type Sizes, staleColumns } from '../testing/stale-columns.js';
import { ObjectFormat, rowFormat } from './format.js';

const closureFormat = (schema: ParsedSchema) => new ObjectFormat(schema, undefined);

const BACKENDS: [string, (schema: ParsedSchema) => RowFormat<object>][] = [
  ['generated code', rowFormat],
  ['closures', closureFormat],
];

/** Appends all rows, to new columns whenever there is no room; where not even one row has room, to larger ones. */
function* appendAll(
  schema: ParsedSchema,
  appender: RowAppender<object>,
  rows: readonly object[],
  sizes: Sizes,
): Iterable<Column[]> {
  let [columns, room] = [staleColumns(schema, sizes), sizes];
  appender.bind(columns);
  for (let i = 0; i < rows.length; ) {
    if (appender.append(rows[i]!, i)) {
      i++;
      continue;
    }
    const { rows: count, dataBytes, childRows } = room;
    if (appender.rows > 0) yield columns;
    else room = { rows: count * 2 + 1, dataBytes: dataBytes * 2 + 1, childRows: childRows * 2 + 1 };
    columns = staleColumns(schema, room);
    appender.bind(columns);
  }
  yield columns;
}

const arbitrarySizes = fc.record({ rows: fc.nat(12), dataBytes: fc.nat(200), childRows: fc.nat(20) });
const arbitraryCase = arbitrarySchema().chain((schema) =>
  fc.record({ schema: fc.constant(schema), rows: arbitraryRows(schema) }),
);

test.each(BACKENDS)(
  '%s: rows read as they were appended, through batches that end anywhere, over used memory',
  (_, format) => {
    fc.assert(
      fc.property(arbitraryCase, arbitrarySizes, ({ schema, rows }, sizes) => {
        const appender = format(schema).appender();
        const read: Json[] = [];
        for (const columns of appendAll(schema, appender, rows, sizes))
          read.push(...readColumns(schema, appender, columns));
        expect(read).toEqual(rows.map(jsonOf));
      }),
      { numRuns: 400 },
    );
  },
);

test('rows that are appended so often that the engine optimises the code are written as the first ones', () => {
  fc.assert(
    fc.property(arbitraryCase, ({ schema, rows }) => {
      const count = rows.length * 1000;
      const sizes = { rows: count, dataBytes: 2 ** 22, childRows: 2 ** 16 };
      const [generated, closures] = [rowFormat(schema), closureFormat(schema)].map((format) => {
        const appender = format.appender();
        const columns = staleColumns(schema, sizes);
        appender.bind(columns);
        for (let i = 0; i < count && appender.append(rows[i % rows.length]!, i); i++);
        return { appender, columns, read: readColumns(schema, appender, columns) };
      });
      const expected = rows.map(jsonOf);
      for (const [i, json] of generated!.read.entries()) expect(json).toEqual(expected[i % rows.length]);
      expect(closures!.read).toEqual(generated!.read);
    }),
    { numRuns: 8 },
  );
});

/** What no column takes. */
const POISON = Symbol('poison');

/** A copy of a value with something in it that no column takes, at the place that `choices` lead to. */
function poisoned(field: ParsedField, value: unknown, choices: readonly number[]): unknown {
  const [choice = 0, ...rest] = choices;
  const { type, children } = field;
  if (choice === 0 || value == null) return POISON;
  if (type.name === 'Struct') return poisonedRow(children, value as object, choices);
  if (Array.isArray(value) && value.length > 0) {
    const place = choice % value.length;
    const isMap = type.name === 'Map';
    const [key, item] = isMap ? (value[place] as [unknown, unknown]) : [undefined, value[place]];
    const below = poisoned(isMap ? children[0]!.children[1]! : children[0]!, item, rest);
    return value.with(place, isMap ? [key, below] : below);
  }
  return POISON;
}

function poisonedRow(fields: readonly ParsedField[], row: object, [choice = 0, ...rest]: readonly number[]): object {
  const field = fields[choice % fields.length];
  if (!field) return [];
  const { name } = field;
  const value = Object.hasOwn(row, name) ? (row as Record<string, unknown>)[name] : undefined;
  return Object.fromEntries([...Object.entries(row), [name, poisoned(field, value, rest)]]);
}

/** Which rows got in, and what was said of the others. */
function attempt(appender: RowAppender<object>, columns: readonly Column[], rows: readonly object[]) {
  appender.bind(columns);
  const outcomes = rows.map((row, i) => {
    try {
      return appender.append(row, i);
    } catch (error) {
      return (error as Error).message;
    }
  });
  appender.settle();
  return outcomes;
}

const arraysOf = (appender: RowAppender<object>, columns: readonly Column[]) =>
  columns.map((column) => column.toArray((encoded) => appender.dictionaryOf(encoded)));

test('wrong rows and rows without room leave everything as if nobody had tried, whoever writes them', () => {
  let [wrong, withoutRoom] = [0, 0];
  const arbitraryChoices = fc.option(fc.array(fc.nat(7), { maxLength: 5 }), { freq: 2, nil: undefined });
  fc.assert(
    fc.property(
      arbitraryCase,
      fc.record({ rows: fc.nat(20), dataBytes: fc.nat(300), childRows: fc.nat(40) }),
      fc.array(arbitraryChoices, { minLength: 20, maxLength: 20 }),
      ({ schema, rows }, sizes, choices) => {
        const given = rows.map((row, i) => {
          const path = choices[i];
          return path ? poisonedRow(schema.fields, row, path) : row;
        });
        const appenders = [rowFormat(schema).appender(), closureFormat(schema).appender()] as const;
        const columns = appenders.map(() => staleColumns(schema, sizes));
        const [generated, closures] = appenders.map((appender, i) => attempt(appender, columns[i]!, given));
        expect(generated).toEqual(closures);
        for (const [i, outcome] of generated!.entries()) {
          // A wrong row is refused, or there was no room for what comes before the wrong value.
          if (choices[i]) expect(outcome).not.toBe(true);
          else expect(typeof outcome).toBe('boolean');
          if (typeof outcome === 'string') expect(outcome).toMatch(new RegExp(`^row ${i}: .*expected .*, found `, 's'));
        }
        wrong += generated!.filter((outcome) => typeof outcome === 'string').length;
        withoutRoom += generated!.filter((outcome) => outcome === false).length;

        const accepted = rows.filter((_, i) => generated![i] === true);
        const reference = rowFormat(schema).appender();
        // Over other bytes: whatever is not written, under nulls too, shows as a difference.
        const expected = staleColumns(schema, sizes, 17);
        expect(attempt(reference, expected, accepted)).toEqual(accepted.map(() => true));
        // What rows that were taken back have added to a dictionary stays there, and shifts indices.
        const isEncoded = [...dictionaryFields(schema.fields)].length > 0;
        for (const [i, appender] of appenders.entries()) {
          if (!isEncoded) {
            const arrays = arraysOf(reference, expected);
            for (const [place, array] of arraysOf(appender, columns[i]!).entries())
              expect(equalArrays(array, arrays[place]!)).toBe(true);
          }
          expect(readColumns(schema, appender, columns[i]!)).toEqual(accepted.map(jsonOf));
        }
      },
    ),
    { numRuns: 1500 },
  );
  expect(wrong).toBeGreaterThan(100);
  expect(withoutRoom).toBeGreaterThan(100);
});
