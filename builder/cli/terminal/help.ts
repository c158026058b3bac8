import { type Flag, signatureOf } from '../flags/flag.ts';

/** What `--help` of one command shows. */
export interface HelpPage {
  /** `tsbuild [build] [FLAGS] CONTEXT`. */
  readonly usage: string;
  readonly summary: string;
  readonly flags: readonly Flag[];
  /** Command lines with what they do. */
  readonly examples?: readonly (readonly [string, string])[];
}

const columnWidth = 34;
const pageWidth = 100;

/** The text of `--help`, without colours, at most 100 columns wide. */
export function helpText(page: HelpPage): string {
  const lines = [`Usage: ${page.usage}`, '', page.summary];
  for (const group of new Set(page.flags.map((flag) => flag.group))) {
    lines.push('', `${group}:`);
    for (const flag of page.flags) {
      if (flag.group === group) lines.push(...row(signatureWithIndent(flag), flag.help));
    }
  }
  if (page.examples !== undefined) {
    lines.push('', 'Examples:', ...page.examples.flatMap(([command, what]) => [`  # ${what}`, `  ${command}`]));
  }
  return `${lines.join('\n')}\n`;
}

/** Two columns; the left one gets a line of its own when it is too long. */
export function row(left: string, right: string): readonly string[] {
  const wrapped = wrap(right, pageWidth - columnWidth);
  const [first = '', ...rest] = wrapped;
  const head = left.length < columnWidth ? [left.padEnd(columnWidth) + first] : [left, ' '.repeat(columnWidth) + first];
  return [...head, ...rest.map((line) => ' '.repeat(columnWidth) + line)];
}

// Long names line up whether or not a flag has a short one.
function signatureWithIndent(flag: Flag): string {
  return flag.short === undefined ? `      ${signatureOf(flag)}` : `  ${signatureOf(flag)}`;
}

function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  lines.push(line);
  return lines;
}
