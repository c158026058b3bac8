import { printableLine } from './printable.ts';

/** Rows as columns, two blanks apart; the first row is the heading. Ends with a line feed. */
export function table(rows: readonly (readonly string[])[]): string {
  return tableLines(rows, { gap: 2 })
    .map((line) => `${line}\n`)
    .join('');
}

/** The lines of a table whose columns are `gap` blanks apart. */
export function tableLines(rows: readonly (readonly string[])[], { gap }: { readonly gap: number }): readonly string[] {
  const cells = rows.map((row) => row.map(printableLine));
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join(' '.repeat(gap))
      .trimEnd(),
  );
}
