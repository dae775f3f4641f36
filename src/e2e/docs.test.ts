import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What a reader of the pages has at hand, and no block makes; what the package exports is imported by the block that uses it. */
const PRELUDE = `
import type { Table } from 'apache-arrow';
import type { PublishedStream, Server, TypedSchema } from 'arrowlab';

declare global {
  interface Flight { id: number; tags: string[]; at: Date; gate?: string | null; where: { lat: number; lon: number } }
  const server: Server;
  const stream: PublishedStream;
  const batchOrTable: Table;
  const flights: TypedSchema<Flight>;
  const flight: Flight;
  const source: Iterable<Flight>;
  const moreFlights: AsyncIterable<Flight>;
}
`;

/** As a user's strict project has it, and for a package that is installed. */
const OPTIONS = {
  ...{ strict: true, noUncheckedIndexedAccess: true, noEmit: true, skipLibCheck: true },
  ...{ target: 'es2022', lib: ['es2023', 'esnext.disposable'], module: 'nodenext', types: ['node'] },
};

interface Block {
  page: string;
  /** Of its first line of code, from 1. */
  line: number;
  code: string;
}

/** The TypeScript blocks of a page of Markdown. */
function blocksOf(page: string): Block[] {
  const blocks: Block[] = [];
  let lines: string[] | undefined;
  for (const [at, line] of readFileSync(join(root, page), 'utf8').split('\n').entries()) {
    if (lines && line.trimEnd() === '```') {
      blocks.push({ page, line: at + 1 - lines.length, code: lines.join('\n') });
      lines = undefined;
    } else if (lines) lines.push(line);
    else if (/^```(ts|typescript)\b/.test(line)) lines = [];
  }
  return blocks;
}

const project = mkdtempSync(join(tmpdir(), 'arrowlab-docs-'));
afterAll(() => rmSync(project, { recursive: true }));

/** What the compiler says against the blocks, each line with the page and its line. */
function compile(blocks: Block[]): string {
  for (const folder of ['node_modules', 'docs']) mkdirSync(join(project, folder));
  symlinkSync(root, join(project, 'node_modules/arrowlab'));
  for (const name of ['apache-arrow', '@types'])
    symlinkSync(join(root, 'node_modules', name), join(project, 'node_modules', name));
  writeFileSync(join(project, 'prelude.d.mts'), PRELUDE);
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions: OPTIONS, include: ['.'] }));
  // Lines are as in the page, so that the compiler's own places are right; every block is a module.
  for (const { page, line, code } of blocks)
    writeFileSync(join(project, `${page}.${line}.mts`), `${'\n'.repeat(line - 1)}${code}\nexport {};\n`);
  try {
    execFileSync(join(root, 'node_modules/.bin/tsc'), ['--project', project, '--pretty', 'false'], { cwd: project });
    return '';
  } catch (error) {
    return String((error as { stdout?: Buffer }).stdout ?? error).replace(/^(\S+)\.\d+\.mts\(/gm, '$1(');
  }
}

it('every TypeScript block of the README and of docs/ compiles under strict, against the types of the package', () => {
  const pages = ['README.md', ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)];
  const blocks = pages.filter((page) => page.endsWith('.md')).flatMap(blocksOf);
  expect(blocks.map(({ page }) => page)).toEqual(expect.arrayContaining(['README.md', 'docs/columns.md']));
  expect(compile(blocks)).toBe('');
});
