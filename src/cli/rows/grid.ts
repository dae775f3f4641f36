/** Lines of cells, padded to columns; those of `isRight` are aligned to the right. */
export function gridText(rows: readonly (readonly string[])[], isRight: readonly boolean[] = []): string {
  const widths = columnWidths(rows);
  return rows
    .map((row) =>
      row
        .map((cell, at) => {
          const padding = ' '.repeat(widths[at]! - widthOf(cell));
          return isRight[at] ? padding + cell : cell + padding;
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Of each column: how wide its widest cell is. */
export function columnWidths(rows: readonly (readonly string[])[]): number[] {
  const widths: number[] = [];
  for (const row of rows) for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, widthOf(cell));
  return widths;
}

const widthOf = (cell: string): number => [...cell].length;
