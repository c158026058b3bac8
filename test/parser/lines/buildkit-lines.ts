/**
 * How BuildKit cuts a file into instructions and words: its rules for blanks, once more and by themselves (moby/buildkit,
 * frontend/dockerfile/parser: parser.go, split_command.go, line_parsers.go, directives.go; frontend/dockerfile/instructions: parse.go).
 * Quotes and here-documents are not needed for what is compared, and are left out.
 */
export interface CutInstruction {
  readonly keyword: string;
  readonly flags: readonly string[];
  readonly words: readonly string[];
}

/** The instructions, or undefined when BuildKit refuses the file. */
export function cutAsBuildKit(text: string): readonly CutInstruction[] | undefined {
  const lines = joinedLines(text);
  if (lines === undefined) return undefined;
  const cut = lines.map(cutLine);
  return cut.every((instruction) => instruction !== undefined) ? cut : undefined;
}

// unicode.IsSpace
const space = '\\t\\n\\v\\f\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const leading = new RegExp(`^[${space}]+`);
const trailing = new RegExp(`[${space}]+$`);
// reWhitespace
const whitespace = /[\t\v\f\r ]+/;

function trimSpace(text: string): string {
  return text.replace(leading, '').replace(trailing, '');
}

/** parser.go, Parse(): comments and empty lines taken out, continuation lines joined. undefined for a wrong escape directive. */
function joinedLines(text: string): readonly string[] | undefined {
  const joined: string[] = [];
  let continued: string | undefined;
  let escape = '\\';
  let isDirective = true;
  for (const physical of text.replace(/^\ufeff/, '').split('\n')) {
    const line = physical.replace(/[\r\n]+$/, '');
    const start = line.replace(leading, '');
    const directive: Directive | undefined = isDirective ? directiveOf(start) : undefined;
    isDirective = directive !== undefined;
    if (directive?.name === 'escape') {
      if (directive.value !== '\\' && directive.value !== '`') return undefined;
      escape = directive.value;
    }
    if (start === '' || start.startsWith('#')) continue;
    const end = new RegExp(`(^|[^\\${escape}])\\${escape}[ \t]*$`);
    const piece: string = continued === undefined ? start : continued + line;
    const isContinued = end.test(continued === undefined ? start : line);
    continued = isContinued ? piece.replace(end, '$1') : undefined;
    if (!isContinued) joined.push(piece);
  }
  return continued === undefined ? joined : [...joined, continued];
}

interface Directive {
  readonly name: string;
  readonly value: string;
}

/** directives.go, ParseLine(). */
function directiveOf(line: string): Directive | undefined {
  if (!line.startsWith('#')) return undefined;
  const match = /^([a-zA-Z][a-zA-Z0-9]*)[\t\n\f\r ]*=[\t\n\f\r ]*(.+?)[\t\n\f\r ]*$/s.exec(line.slice(1).replace(leading, ''));
  const name = match?.[1]?.toLowerCase() ?? '';
  return ['syntax', 'escape', 'check'].includes(name) ? { name, value: match?.[2] ?? '' } : undefined;
}

/** split_command.go, splitCommand(). */
function splitCommand(line: string): { keyword: string; flags: readonly string[]; args: string } {
  const trimmed = trimSpace(line);
  const blank = whitespace.exec(trimmed);
  if (blank === null) return { keyword: trimmed.toUpperCase(), flags: [], args: '' };
  let rest = trimmed.slice(blank.index + blank[0].length);
  const flags: string[] = [];
  // extractBuilderFlags() goes byte by byte, which splits within letters too; here it goes by characters.
  for (;;) {
    rest = rest.replace(/^[\t\v\f\r ]+/, '');
    if (!rest.startsWith('--')) break;
    const [word = ''] = rest.split(whitespace);
    rest = rest.slice(word.length);
    if (word === '--') break;
    flags.push(word);
  }
  return { keyword: trimmed.slice(0, blank.index).toUpperCase(), flags, args: trimSpace(rest) };
}

const flagsOf: Readonly<Record<string, readonly string[]>> = {
  COPY: ['--link', '--chown=1'],
  RUN: ['--network=none'],
  FROM: ['--platform=linux/amd64'],
};

function cutLine(line: string): CutInstruction | undefined {
  const { keyword, flags, args } = splitCommand(line);
  if (!flags.every((flag) => flagsOf[keyword]?.includes(flag) === true)) return undefined;
  const words = wordsOf(keyword, args, line);
  return words === undefined ? undefined : { keyword, flags, words };
}

/** line_parsers.go and instructions/parse.go; undefined for what they refuse. */
function wordsOf(keyword: string, args: string, line: string): readonly string[] | undefined {
  const words = args.split(whitespace);
  switch (keyword) {
    case 'FROM':
      if (words.length === 1 && args !== '') return words;
      return words.length === 3 && words[1]?.toUpperCase() === 'AS' && /^[a-z][a-z0-9-_.]*$/.test(words[2] ?? '')
        ? words
        : undefined;
    case 'COPY':
      return words.length > 1 ? words : undefined;
    case 'EXPOSE': {
      const ports = args.split(new RegExp(`[${space}]+`)).filter((port) => port !== '');
      return ports.every((port) => /^\d+$/.test(port)) ? ports : undefined;
    }
    case 'VOLUME': {
      const paths = words.map(trimSpace);
      return paths.includes('') ? undefined : paths;
    }
    case 'ENV':
    case 'LABEL':
      return nameVal(args);
    case 'ARG':
      return args === '' ? undefined : args.split(new RegExp(`[${space}]+`));
    case 'HEALTHCHECK':
      return healthConfig(args);
    case 'ONBUILD':
      return cutLine(args) === undefined ? undefined : [line.replace(/^[\t\n\f\r ]*ONBUILD[\t\n\f\r ]*/i, '')];
    case 'WORKDIR':
    case 'USER':
    case 'MAINTAINER':
      return args === '' ? undefined : [args];
    case 'RUN':
    case 'CMD':
      return [args];
    default:
      return undefined;
  }
}

/** parseNameVal() */
function nameVal(args: string): readonly string[] | undefined {
  const words = args.split(new RegExp(`[${space}]+`));
  if (args === '') return undefined;
  if (words[0]?.includes('=') !== true) {
    const blank = whitespace.exec(args);
    return blank === null ? undefined : [args.slice(0, blank.index), args.slice(blank.index + blank[0].length)];
  }
  const pairs = words.map((word) => /^([^=]+)=(.*)$/s.exec(word));
  return pairs.includes(null) ? undefined : pairs.flatMap((pair) => [pair?.[1] ?? '', pair?.[2] ?? '']);
}

/** parseHealthConfig(): the command is what follows the blanks of ASCII behind the type. */
function healthConfig(args: string): readonly string[] | undefined {
  const [type = ''] = args.split(whitespace);
  const command = args.slice(type.length).replace(/^[\t\v\f\r ]+/, '');
  if (type.toUpperCase() === 'NONE') return command === '' ? ['NONE'] : undefined;
  return type.toUpperCase() === 'CMD' && command !== '' ? [command] : undefined;
}
