/** A field of a record, and where it stands in it. */
export interface Cell {
  readonly text: string;
  readonly from: number;
  readonly to: number;
}

/**
 * One record of CSV (RFC 4180): a field in double quotes may hold commas, and doubled quotes for quotes. undefined when the quotes are
 * wrong.
 */
export function splitCsv(text: string): readonly Cell[] | undefined {
  const cells: Cell[] = [];
  let at = 0;
  for (;;) {
    const cell = text[at] === '"' ? quotedCell(text, at) : plainCell(text, at);
    if (cell === undefined) return undefined;
    cells.push(cell);
    if (cell.to >= text.length) return cells;
    at = cell.to + 1;
  }
}

function plainCell(text: string, from: number): Cell | undefined {
  const comma = text.indexOf(',', from);
  const to = comma === -1 ? text.length : comma;
  const cell = text.slice(from, to);
  return cell.includes('"') ? undefined : { text: cell, from, to };
}

function quotedCell(text: string, from: number): Cell | undefined {
  let value = '';
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] !== '"') {
      value += text[at];
    } else if (text[at + 1] === '"') {
      value += '"';
      at += 1;
    } else {
      const to = at + 1;
      return to === text.length || text[to] === ',' ? { text: value, from, to } : undefined;
    }
  }
  return undefined;
}
