import type { Schema } from 'apache-arrow';
import { columnWidths, gridText } from './grid.js';

const WIDEST_CELL = 40;
const NUMERIC = /^(Int|Uint|Float|Decimal)/;

/** A line for each field: name, type, whether it may be null. */
export function schemaText({ fields }: Schema): string {
  return gridText(fields.map(({ name, type, nullable }) => [visible(name), `${type}${nullable ? '' : ' not null'}`]));
}

/** Rows, each an array of JSON texts, as a table; columns that `width` has no room for are left out, and a last line says so. */
export function tableText({ fields }: Schema, rows: readonly string[][], width: number): string {
  const cells = [fields.map(({ name }) => visible(name)), ...rows.map((row) => row.map(cellText))];
  const widths = columnWidths(cells);
  let taken = -2;
  const tooMany = widths.findIndex((columnWidth, at) => {
    taken += columnWidth + 2;
    return at > 0 && taken > width;
  });
  const shown = tooMany < 0 ? widths.length : tooMany;
  const [names, ...values] = cells.map((row) => row.slice(0, shown));
  const rule = widths.slice(0, shown).map((columnWidth) => '-'.repeat(columnWidth));
  const isRight = fields.map(({ type }) => NUMERIC.test(String(type)));
  const left = fields.length - shown;
  return [
    gridText([names!, rule, ...values], isRight),
    ...(left > 0 ? [`(${left} more columns: widen the terminal, or use --json)`] : []),
  ].join('\n');
}

/** A JSON text without the quotes of a string, cut to what a table can show. */
function cellText(json: string): string {
  const text = visible(json.startsWith('"') ? (JSON.parse(json) as string) : json);
  const characters = [...text];
  return characters.length <= WIDEST_CELL ? text : `${characters.slice(0, WIDEST_CELL - 1).join('')}…`;
}

/** Control characters as escapes, so that no data steers the terminal. */
export function visible(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, (character) => {
    const json = JSON.stringify(character).slice(1, -1);
    return json === character ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}` : json;
  });
}
