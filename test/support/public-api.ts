import { readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { type Node, parseSync, type Statement } from 'oxc-parser';
import { repositoryRoot } from './repository.ts';

/** The page that shows the library's interface. */
export const apiPagePath = 'docs/api.md';

type ApiKind = 'function' | 'class' | 'type';

/** Something that the library exports, as the compiler declares it. */
export interface ApiItem {
  readonly name: string;
  readonly kind: ApiKind;
  /** What stands above it, with its stars; undefined when there is none. */
  readonly comment: string | undefined;
  /** The declaration alone. */
  readonly text: string;
  /** The unique symbol that makes a brand of it, which nobody needs to name. */
  readonly brand: string | undefined;
}

/** What the library exports, by name. It is read from what the compiler wrote for builder/index.ts. */
export function publicApi(): readonly ApiItem[] {
  const door = declarationsIn('builder/index.d.ts');
  return door.program.body
    .flatMap((statement) => exportsOf(statement))
    .map(({ name, from }) => itemIn(declarationsIn(normalize(join('builder', from)).replace(/\.ts$/, '.d.ts')), name))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** All of it as one file of declarations. */
export function rolledUp(items: readonly ApiItem[]): string {
  return items.map(declarationOf).join('\n');
}

/** The page, from the declarations. */
export function apiPage(items: readonly ApiItem[]): string {
  const section = (heading: string, kind: ApiKind): string =>
    `## ${heading}\n\n\`\`\`ts\n${rolledUp(items.filter((item) => item.kind === kind))}\`\`\`\n`;
  return [
    '# What the library exports\n',
    'Written by `UPDATE_DOCS=1 npm test -- docs` from the declarations that the compiler makes of builder/index.ts, with their comments, so a change of\nthe interface shows in review. [library.md](library.md) tells how it is used.\n',
    section('Functions', 'function'),
    section('Classes of errors', 'class'),
    section('Types', 'type'),
  ].join('\n');
}

interface DeclarationFile {
  readonly path: string;
  readonly text: string;
  readonly program: ReturnType<typeof parseSync>['program'];
  readonly comments: ReturnType<typeof parseSync>['comments'];
}

function declarationsIn(path: string): DeclarationFile {
  const text = readFileSync(join(repositoryRoot, 'dist', path), 'utf8');
  const { program, comments } = parseSync(path, text);
  return { path, text, program, comments };
}

function exportsOf(statement: Statement): readonly { readonly name: string; readonly from: string }[] {
  if (statement.type !== 'ExportNamedDeclaration' || statement.source === null) {
    throw new Error(`builder/index.ts does more than export names of other files: ${statement.type}`);
  }
  const from = statement.source.value;
  return statement.specifiers.map(({ exported }) => ({ name: 'name' in exported ? exported.name : exported.value, from }));
}

function itemIn(file: DeclarationFile, name: string): ApiItem {
  for (const statement of file.program.body) {
    if (statement.type !== 'ExportNamedDeclaration' || statement.declaration === null) continue;
    const { declaration } = statement;
    if (!('id' in declaration) || declaration.id === null || !('name' in declaration.id) || declaration.id.name !== name) {
      continue;
    }
    const text = file.text.slice(statement.start, statement.end);
    return { name, kind: kindOf(declaration), comment: commentAbove(statement, file), text, brand: brandOf(text, file) };
  }
  throw new Error(`${file.path} exports no "${name}" of its own`);
}

const kinds: Readonly<Record<string, ApiKind | undefined>> = {
  TSDeclareFunction: 'function',
  ClassDeclaration: 'class',
  TSInterfaceDeclaration: 'type',
  TSTypeAliasDeclaration: 'type',
};

function kindOf({ type }: Node): ApiKind {
  const kind = kinds[type];
  if (kind === undefined) throw new Error(`The library exports a ${type}`);
  return kind;
}

function commentAbove(statement: Statement, { text, comments }: DeclarationFile): string | undefined {
  const above = comments.findLast(({ end }) => end <= statement.start);
  if (above === undefined || text.slice(above.end, statement.start).trim() !== '') return undefined;
  const comment = text.slice(above.start, above.end);
  return comment.startsWith('/**') ? comment : undefined;
}

function brandOf(text: string, file: DeclarationFile): string | undefined {
  return [...file.text.matchAll(/^declare const (\w+): unique symbol;$/gm)]
    .filter(([, name = '']) => new RegExp(`\\b${name}\\b`).test(text))
    .map(([line]) => line)[0];
}

function declarationOf({ comment, text, brand }: ApiItem): string {
  const lines = [brand, comment, text].filter((part) => part !== undefined).join('\n');
  // The compiler indents by four.
  return `${lines.replace(/^(?: {4})+/gm, (blanks) => ' '.repeat(blanks.length / 2))}\n`;
}
