import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const dist = (path: string) => JSON.stringify(new URL(`../../../dist/columns/${path}`, import.meta.url).href);

/** Appends a right and a wrong row in a process of its own, and prints whether code can be generated, what was read, and what was refused. */
const PROGRAM = `
  import { rowFormat } from ${dist('rows/index.js')};
  import { field, schemaOf } from ${dist('testing/single-column.js')};
  import { readColumns, staleColumns } from ${dist('testing/stale-columns.js')};
  const messageOf = (work) => { try { work(); } catch (error) { return error.name + ': ' + error.message; } };
  const generating = messageOf(() => new Function('')) ?? 'allowed';
  const schema = schemaOf(field('n', { name: 'Int', bitWidth: 64, isSigned: true }), field('t', { name: 'Utf8' }, { nullable: true }));
  const appender = rowFormat(schema).appender();
  const columns = staleColumns(schema, { rows: 3, dataBytes: 9, childRows: 0 });
  appender.bind(columns);
  appender.append({ n: 2 ** 40, t: 'x' }, 0);
  const refused = messageOf(() => appender.append({ n: 1, t: 2 }, 1));
  appender.append({ n: -1n }, 2);
  console.log(JSON.stringify({ generating, refused, read: readColumns(schema, appender, columns) }));
`;

test('where a process may not generate code, rows are written and refused all the same', () => {
  const run = (...flags: string[]) =>
    JSON.parse(
      execFileSync(process.execPath, [...flags, '--input-type=module', '--eval', PROGRAM], {
        cwd: fileURLToPath(new URL('../../..', import.meta.url)),
        encoding: 'utf8',
      }),
    );
  const same = {
    refused: 'ArrowlabError: row 1: t: expected a string, found 2',
    read: [
      [String(2 ** 40), 'x'],
      ['-1', null],
    ],
  };
  expect(run()).toEqual({ ...same, generating: 'allowed' });
  expect(run('--disallow-code-generation-from-strings')).toEqual({
    ...same,
    generating: expect.stringMatching(/^EvalError: /),
  });
});
