import { parseArgs } from 'node:util';

/** What the command line says. */
export interface BenchArguments {
  /** Rows whose name matches. */
  readonly only: RegExp;
  /** Tools whose name matches. */
  readonly tools: RegExp;
  readonly repeats: number;
  /** A file for the figures. */
  readonly json: string | undefined;
  /** The figures go into docs/ too. */
  readonly writesDocs: boolean;
}

const usualRepeats = 5;

/** Reads the command line. @throws TypeError for a flag that is not there, or a number that is none */
export function readArguments(argv: readonly string[]): BenchArguments {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      only: { type: 'string', default: '' },
      tools: { type: 'string', default: '' },
      repeats: { type: 'string', default: `${usualRepeats}` },
      json: { type: 'string' },
      'write-docs': { type: 'boolean', default: false },
    },
  });
  if (!/^[1-9]\d*$/.test(values.repeats)) throw new TypeError(`Cannot repeat "${values.repeats}" times: it is no number above 0`);
  if (values['write-docs'] && values.only !== '') {
    throw new TypeError('Cannot write docs: they have all rows, so --only is in the way');
  }
  return {
    only: new RegExp(values.only, 'i'),
    tools: new RegExp(values.tools, 'i'),
    repeats: Number(values.repeats),
    json: values.json,
    writesDocs: values['write-docs'],
  };
}
