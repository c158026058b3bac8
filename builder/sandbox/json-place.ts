/** What may follow in JSON, whatever is around: by the kind of what came before. (RFC 8259) */
const followers: Readonly<Record<string, string>> = {
  '': '{[v"',
  '{': '"}',
  '[': '{[v"]',
  ',': '{[v"',
  ':': '{[v"',
  '}': ',}]',
  ']': ',}]',
  v: ',}]',
  '"': ',:}]',
};

const token = /\s*(?:([{}[\],:])|("(?:[^"\\\p{Cc}]|\\.)*")|(-?\d[\d.eE+-]*|true|false|null)|$)/uy;

/** Where a text stops being JSON, for people: V8 does not always tell. undefined when it only ends too early, or nothing of it looks wrong. */
export function jsonTrouble(text: string): { readonly line: number; readonly column: number } | undefined {
  let before = '';
  token.lastIndex = 0;
  while (token.lastIndex < text.length) {
    const start = token.lastIndex;
    const [whole, mark, string, value] = token.exec(text) ?? [];
    const kind = mark ?? (string === undefined ? value && 'v' : '"');
    if (whole !== undefined && kind === undefined) return undefined;
    if (kind === undefined || followers[before]?.includes(kind) !== true) return placeAt(text, start);
    before = kind;
  }
  return undefined;
}

function placeAt(text: string, position: number): { readonly line: number; readonly column: number } {
  const at = position + (/^\s*/.exec(text.slice(position))?.[0].length ?? 0);
  const lines = text.slice(0, at).split('\n');
  return { line: lines.length, column: (lines.at(-1) ?? '').length + 1 };
}
