import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Table, tableFromIPC } from 'apache-arrow';
import { execa } from 'execa';
import { ALAB } from './alab.js';
import { useBridge } from './bridge.js';

/** `alab columns` in the folder of a bridge. */
export function useColumns(command: 'from-json' | 'from-csv' | 'from-protobuf') {
  const bridge = useBridge();
  const at = (name: string) => join(bridge.folder, name);

  /** Runs it, with `input` on standard input; what it wrote as `out.arrows`, if it did. */
  async function run(input: string | Uint8Array, ...args: string[]) {
    const all = [ALAB, 'columns', command, '--output', at('out.arrows'), ...args];
    const { exitCode, stdout, stderr } = await execa(process.execPath, all, { input, reject: false });
    return { exitCode, stdout, stderr, table: tableOf('out.arrows') };
  }

  function tableOf(name: string): Table | undefined {
    return existsSync(at(name)) ? tableFromIPC(readFileSync(at(name))) : undefined;
  }

  /** Starts it with these arguments alone. */
  function start(args: string[], input: 'pipe' | { file: string } = 'pipe') {
    return execa(process.execPath, [ALAB, 'columns', command, ...args], { reject: false, stdin: input });
  }

  function file(name: string, contents: string | Uint8Array): string {
    writeFileSync(at(name), contents);
    return at(name);
  }

  const partials = () => readdirSync(bridge.folder).filter((name) => name.includes('partial'));

  return { bridge, at, run, start, file, tableOf, partials };
}

/** Each row as apache-arrow has it; integers of 64 bits are bigints. */
export const rowsOf = (table: Table | undefined): unknown[] =>
  [...(table ?? [])].map((row) =>
    JSON.parse(JSON.stringify(row, (_, value) => (typeof value === 'bigint' ? `${value}n` : value))),
  );

export const typesOf = (table: Table | undefined): Record<string, string> =>
  Object.fromEntries((table?.schema.fields ?? []).map(({ name, type }) => [name, String(type)]));
