import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { repositoryRoot } from './support/repository.ts';
import { sourceFiles, specifiersIn, withoutComments } from './support/source-files.ts';

/** The whole dependency policy. A folder imports itself and what is listed, nothing else. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  native: [],
  // Platforms, addresses with passwords and Go's booleans are the same wherever they are written.
  parser: ['registry/oci'],
  registry: [],
  // The ground floor of all of them.
  'registry/oci': [],
  cache: ['registry/oci'],
  'cache/files': ['registry/oci', 'native'],
  'cache/folder': ['cache/files', 'registry/oci', 'native'],
  'executor/protocol': ['registry/oci'],
  'executor/host': ['executor/protocol', 'registry/oci', 'native'],
  'executor/inside': ['executor/protocol', 'registry/oci', 'native'],
  builder: ['parser', 'registry', 'cache', 'executor/host', 'executor/protocol'],
  // Thousands of files of a context are looked at and read with few calls.
  'builder/context': ['builder', 'parser', 'cache', 'registry/oci', 'executor/protocol', 'native'],
};

/** Packages, each with the folders that may import it. */
const packages: Readonly<Record<string, readonly string[]>> = {
  koffi: ['native'],
  ora: ['builder/cli/terminal'],
  undici: ['registry/http'],
  'smol-toml': ['registry/config'],
  socks: ['registry/http'],
  'p-limit': ['builder', 'registry/http'],
  '@bokuweb/zstd-wasm': ['executor/inside/compress'],
  yaml: ['builder/sandbox/devices'],
  zstddec: ['registry/oci/compression'],
  'xz-decompress': ['registry/oci/compression'],
  'seek-bzip': ['registry/oci/compression'],
};

/** Packages that are loaded when they are needed alone, so that a build in which nothing changed loads none of them. */
const lazyPackages = ['ora'];

/** Folders of pure functions: the same input, the same result. They may compute digests and join paths. */
const pureFolders = ['parser', 'builder/patterns', 'builder/plan', 'builder/keys', 'builder/image', 'builder/inspect/outline'];
const pureModules = /^node:(crypto|path|path\/posix)$/;

/** How a connection is opened or a name looked up. `Socket` of node:net only wraps descriptors that are there. */
const networkModules = /^(node:(http|https|http2|tls|dgram|dns)(\/.*)?|undici|socks)$/;

/** Names that say nothing, as files or folders. */
const forbiddenNames = /^(utils?|helpers?|common|misc|shared|managers?|lib|core)$/;

/** Names that two files export, each with the reason. Otherwise a name means one thing in all folders. */
const sharedNames: Readonly<Record<string, string>> = {};

/** Types that are a participle or a gerund hold whatever a function happens to need. Nouns that only look so are not meant, nor errors. */
const participle =
  /^(?!Finding|Listing|Opening|Meaning|Solving|Interrupted)([A-Z][a-z]+(ed|ing)|Place|Work|Known|Shown|Told|Found|Made|Given|Held|Kept|Sent)$/;

/** What is written once, by the file that has it: everybody else imports that. */
const writtenOnce: Readonly<Record<string, RegExp>> = {
  'registry/oci/unreachable.ts': /function unreachable\(/,
  'registry/oci/thrown.ts': /'(code|syscall)' in \w+ &&/,
  'registry/oci/text/go-boolean.ts': /\bt\|T\|true\b/,
  'registry/oci/text/sort-order.ts': /(\w+) < (\w+) \? -1 : /,
};

const longestFile = 400;
const longestFunction = 60;
const longestLine = 130;

interface SourceFile {
  readonly path: string;
  readonly folder: string;
  readonly text: string;
}

interface Import {
  readonly from: SourceFile;
  readonly specifier: string;
}

const sources: readonly SourceFile[] = ['native', 'parser', 'registry', 'cache', 'executor', 'builder']
  .flatMap((folder) => sourceFiles(folder))
  .map((path) => ({ path, folder: rowOf(path) }))
  .map(({ path, folder }) => ({ path, folder, text: readFileSync(join(repositoryRoot, path), 'utf8') }));

const imports: readonly Import[] = sources.flatMap((from) => specifiersIn(from.text).map((specifier) => ({ from, specifier })));

test('each folder imports only what the table allows', () => {
  const forbidden = imports
    .filter(({ specifier }) => specifier.startsWith('.'))
    .map(({ from, specifier }) => ({ from, target: normalize(join(dirname(from.path), specifier)) }))
    .filter(
      ({ from, target }) => !isBelow(target, from.folder) && !allowed(from.folder).some((folder) => isBelow(target, folder)),
    )
    .map(({ from, target }) => `${from.path} imports ${target}`);
  assert.deepEqual(forbidden, []);
});

test('each package is imported by its folders only', () => {
  const forbidden = imports
    .filter(({ specifier }) => !specifier.startsWith('.') && !specifier.startsWith('node:'))
    .filter(({ from, specifier }) => packages[packageOf(specifier)]?.some((folder) => isBelow(from.path, folder)) !== true)
    .map(({ from, specifier }) => `${from.path} imports ${specifier}`);
  assert.deepEqual(forbidden, []);
});

test('packages for few are loaded by those who need them', () => {
  const eager = (name: string): RegExp =>
    new RegExp(`^(?:import(?! type\\b)|export)\\b[^;]*from '${name}'|^import '${name}'`, 'm');
  const offenders = sources.filter(({ text }) => lazyPackages.some((name) => eager(name).test(withoutComments(text))));
  assert.deepEqual(
    offenders.map(({ path }) => path),
    [],
  );
});

test('the packages of the table are the dependencies in package.json', () => {
  const manifest: { dependencies: Record<string, string> } = JSON.parse(
    readFileSync(join(repositoryRoot, 'package.json'), 'utf8'),
  );
  assert.deepEqual(Object.keys(manifest.dependencies).toSorted(), Object.keys(packages).toSorted());
});

test('imports name files with .ts, and modules of Node with node:', () => {
  const odd = imports
    .filter(({ specifier }) => (specifier.startsWith('.') ? !specifier.endsWith('.ts') : isNodeModuleWithoutPrefix(specifier)))
    .map(({ from, specifier }) => `${from.path} imports ${specifier}`);
  assert.deepEqual(odd, []);
});

test('each source file lies in a listed folder', () => {
  const known = [...Object.keys(mayImport), 'test', 'examples'];
  const stray = sourceFiles('.').filter((path) => !known.some((folder) => isBelow(path, folder)));
  assert.deepEqual(stray, []);
});

test('nothing imports a test', () => {
  assert.deepEqual(
    imports
      .filter(({ from, specifier }) => isBelow(normalize(join(dirname(from.path), specifier)), 'test'))
      .map(({ from }) => from.path),
    [],
  );
});

test('no file or folder has a name that says nothing', () => {
  const named = [...sources.map(({ path }) => path), ...sourceFiles('test')];
  assert.deepEqual(
    named.filter((path) => path.split('/').some((part) => forbiddenNames.test(part.replace(/(\.test)?\.ts$/, '')))),
    [],
  );
});

test('no two files export one name', () => {
  const files = new Map<string, Set<string>>();
  for (const { path, text } of sources) {
    for (const name of exportedNames(text)) files.set(name, (files.get(name) ?? new Set()).add(path));
  }
  const shared = [...files].filter(([, paths]) => paths.size > 1);
  assert.deepEqual(
    shared.filter(([name]) => !Object.hasOwn(sharedNames, name)).map(([name, paths]) => `${name}: ${[...paths].join(', ')}`),
    [],
  );
  assert.deepEqual(
    shared.map(([name]) => name).filter((name) => Object.hasOwn(sharedNames, name)),
    Object.keys(sharedNames),
  );
});

test('what every folder needs is written once', () => {
  const again = Object.entries(writtenOnce).flatMap(([home, pattern]) =>
    sources
      .filter(({ path, text }) => path !== home && pattern.test(withoutComments(text)))
      .map(({ path }) => `${path}: see ${home}`),
  );
  assert.deepEqual(again, []);
});

test('what tests alone use says so, and nothing else does', () => {
  const words = new Map(sources.map(({ path, text }) => [path, new Set(withoutComments(text).match(/\w+/g))]));
  const isUsed = (name: string, home: string): boolean => [...words].some(([path, known]) => path !== home && known.has(name));
  const wrong = sources.flatMap(({ path, text }) =>
    [...text.matchAll(/^(\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)?export (?:async )?(?:function\*?|class|const) (\w+)/gm)]
      .filter(([, comment = '', name = '']) => comment.includes('Exported for tests.') === isUsed(name, path))
      .map(([, , name = '']) => `${path}: ${name}`),
  );
  const doors = ['builder/index.ts', 'builder/main.ts'];
  assert.deepEqual(
    wrong.filter((line) => !doors.some((door) => line.startsWith(`${door}:`))),
    [],
  );
});

test('comments say @throws', () => {
  const other = /^\s*(?:\/\*\*|\*) (?:.*[.)] )?Throws (?!away)/m;
  assert.deepEqual(
    sources.filter(({ text }) => other.test(text)).map(({ path }) => path),
    [],
  );
});

test('types are nouns', () => {
  const odd = sources.flatMap(({ path, text }) =>
    [...text.matchAll(/^(?:export )?(?:interface|type|class) (\w+)/gm)]
      .map(([, name = '']) => name)
      .filter((name) => participle.test(name))
      .map((name) => `${path}: ${name}`),
  );
  assert.deepEqual(odd, []);
});

test('files are kebab-case', () => {
  const odd = sources.filter(({ path }) => !path.split('/').every((part) => /^[a-z0-9]+(-[a-z0-9]+)*((\.d)?\.ts)?$/.test(part)));
  assert.deepEqual(
    odd.map(({ path }) => path),
    [],
  );
});

test(`no file has more than ${longestFile} lines`, () => {
  const long = sources
    .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
    .filter(({ lines }) => lines > longestFile);
  assert.deepEqual(long, []);
});

test('a body of one statement stands behind its condition, without braces, where it fits the line', () => {
  const braced = /^( *(?:if|for|while) \(.*\)) \{\n +(?! |\/\/|(?:if|for|while|const|let) )([^\n{}]*;)\n *\}(?! *else)$/gm;
  const offenders = sources.flatMap(({ path, text }) =>
    [...text.matchAll(braced)]
      .filter(([, condition = '', body = '']) => condition.length + 1 + body.length <= longestLine)
      .map(([, condition = '']) => `${path}: ${condition.trim()}`),
  );
  assert.deepEqual(offenders, []);
});

test(`no function has more than ${longestFunction} lines`, () => {
  assert.deepEqual(
    sources.flatMap(({ path, text }) => longFunctions(text).map((name) => `${path}: ${name}`)),
    [],
  );
});

test('only the entry file of the CLI prints, exits and reads the command line', () => {
  const entries = ['builder/main.ts', 'builder/program.ts', 'executor/inside/worker.ts'];
  const forbidden = /\b(console\.\w+|process\.(exit\(|exitCode|argv|stdout|stderr|stdin))/;
  const offenders = sources
    .filter(({ path }) => !entries.includes(path))
    .filter(({ text }) => forbidden.test(withoutComments(text)));
  assert.deepEqual(
    offenders.map(({ path }) => path),
    [],
  );
});

test('what is pure reads no file and no network', () => {
  const impure = imports
    .filter(({ from }) => pureFolders.some((folder) => isBelow(from.path, folder)))
    .filter(({ specifier }) => specifier.startsWith('node:') && !pureModules.test(specifier))
    .map(({ from, specifier }) => `${from.path} imports ${specifier}`);
  assert.deepEqual(impure, []);
});

test('the worker has nothing to open a network connection with', () => {
  const inside = sources.filter(({ path }) => isBelow(path, 'executor/inside') || isBelow(path, 'native'));
  const connecting = /\bfetch\(|\bnew WebSocket\(|\b(createConnection|createServer|connect)\b[^;]*from 'node:net'|\.connect\(/;
  const offenders = [
    ...inside.filter(({ text }) => connecting.test(withoutComments(text))).map(({ path }) => path),
    ...imports
      .filter(({ from, specifier }) => inside.includes(from) && networkModules.test(specifier))
      .map(({ from, specifier }) => `${from.path} imports ${specifier}`),
  ];
  assert.deepEqual(offenders, []);
});

/** The row of the table that a file falls under: the innermost one. */
function rowOf(path: string): string {
  const rows = Object.keys(mayImport).filter((folder) => isBelow(path, folder));
  return rows.toSorted((one, other) => other.length - one.length)[0] ?? '';
}

function exportedNames(text: string): readonly string[] {
  const pattern = /^export (?:declare )?(?:async )?(?:abstract )?(?:function\*?|const|class|interface|type) (\w+)/gm;
  return [...text.matchAll(pattern)].flatMap(([, name]) => name ?? []);
}

function allowed(folder: string): readonly string[] {
  return mayImport[folder] ?? [];
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(`${folder}/`);
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function isNodeModuleWithoutPrefix(specifier: string): boolean {
  return /^(assert|buffer|child_process|crypto|events|fs|http|https|net|os|path|process|stream|url|util|worker_threads|zlib)(\/|$)/.test(
    specifier,
  );
}

// The formatter puts the end of a top-level function, or of a method, alone on its line, so indentation is enough to measure one.
function longFunctions(text: string): readonly string[] {
  const lines = text.split('\n');
  return lines.flatMap((line, start) => {
    const match =
      /^( {0,2})(?:export )?(?:(?:static|override|private) )*(?:async )?(?:function\*? |get |set )?(#?\w+)(?:<.*>)?\(.*\{$/.exec(
        line,
      );
    if (match === null || /^\s*(if|for|while|switch|return)\b/.test(line)) return [];
    const end = lines.indexOf(`${match[1]}}`, start);
    return end - start - 1 > longestFunction ? [`${match[2]} (${end - start - 1} lines)`] : [];
  });
}
