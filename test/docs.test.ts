import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { copyCommand } from '../builder/cli/commands/copy.ts';
import { doctorFlags } from '../builder/cli/commands/doctor.ts';
import { historyCommand } from '../builder/cli/commands/history.ts';
import { imagesCommand } from '../builder/cli/commands/images.ts';
import { inspectCommand } from '../builder/cli/commands/inspect.ts';
import { loadCommand } from '../builder/cli/commands/load.ts';
import { loginFlags } from '../builder/cli/commands/login.ts';
import { logoutFlags } from '../builder/cli/commands/logout.ts';
import { manifestCommands } from '../builder/cli/commands/manifest/manifest.ts';
import { pullCommand } from '../builder/cli/commands/pull.ts';
import { pushCommand } from '../builder/cli/commands/push.ts';
import { rmiCommand } from '../builder/cli/commands/rmi.ts';
import { saveCommand } from '../builder/cli/commands/save.ts';
import { duCommand } from '../builder/cli/commands/store/du.ts';
import { pruneCommand } from '../builder/cli/commands/store/prune.ts';
import { storeVerify } from '../builder/cli/commands/store/store-verify.ts';
import { tagCommand } from '../builder/cli/commands/tag.ts';
import { commands } from '../builder/cli/commands.ts';
import { buildFlags } from '../builder/cli/flags/build-flags.ts';
import { type Flag, type IdleFlag, type RefusedFlag, signatureOf } from '../builder/cli/flags/flag.ts';
import { describeFlags } from '../builder/cli/kinds/described-file.ts';
import { flagsOf } from '../builder/cli/kinds/store-command.ts';
import { exitCode } from '../builder/report/exit-code.ts';
import { exitCodeOfSignal } from '../builder/session/interruption.ts';
import { documents } from './support/documents.ts';
import { flagsOfOthers } from './support/flags-of-others.ts';
import { repositoryRoot } from './support/repository.ts';
import { unionIn } from './support/union-in.ts';

// UPDATE_DOCS=1 rewrites the tables in docs; read the difference.
const isUpdating = process.env['UPDATE_DOCS'] === '1';

const storeCommands = [
  imagesCommand,
  inspectCommand,
  historyCommand,
  tagCommand,
  rmiCommand,
  pullCommand,
  pushCommand,
  saveCommand,
  loadCommand,
  copyCommand,
  ...manifestCommands,
  pruneCommand,
  duCommand,
  storeVerify,
];

/** The flags of the commands on docs/images.md. */
const imageFlags: readonly (readonly [command: string, flags: readonly Flag[]])[] = [
  ...storeCommands.map((command) => [command.name, flagsOf(command)] as const),
  ['login', loginFlags],
  ['logout', logoutFlags],
];

const tables: readonly (readonly [name: string, rows: readonly string[]])[] = [
  ['commands', commandTable()],
  ['flags build', flagTable(buildFlags.flags)],
  ['refused build', refusedTable(buildFlags.refused ?? [])],
  ['idle build', idleList(buildFlags.idle ?? [])],
  ['flags describe', flagTable(describeFlags)],
  ['flags doctor', flagTable(doctorFlags)],
];

const pages: readonly (readonly [page: string, name: string, rows: readonly string[]])[] = [
  ...tables.map(([name, rows]) => ['docs/cli.md', name, rows] as const),
  ...Object.entries(flagsOfOthers).map(([tool, names]) => ['docs/migrating.md', `flags of ${tool}`, fates(names)] as const),
  ...imageFlags.map(([command, flags]) => ['docs/images.md', `flags ${command}`, flagTable(flags)] as const),
];

for (const [page, name, rows] of pages) {
  test(`${page} lists ${name} as they are`, () => {
    const path = join(repositoryRoot, page);
    const text = readFileSync(path, 'utf8');
    assert.ok(text.includes(`<!-- ${name} -->\n`), `${page} has no place for ${name}`);
    const start = text.indexOf(`<!-- ${name} -->\n`) + `<!-- ${name} -->\n`.length;
    const end = text.indexOf('<!-- end -->', start);
    const wanted = `${rows.join('\n')}\n`;
    if (isUpdating) writeFileSync(path, text.slice(0, start) + wanted + text.slice(end));
    else assert.equal(text.slice(start, end), wanted, 'UPDATE_DOCS=1 npm test -- docs');
  });
}

test('docs/cli.md lists the exit codes as they are', () => {
  const section = sectionOf('docs/cli.md', 'Exit codes');
  const listed = [...section.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
  assert.deepEqual(
    listed,
    [...Object.values(exitCode), ...Object.values(exitCodeOfSignal)].toSorted((a, b) => a - b),
  );
});

const codeUnions: readonly [type: string, source: string, heading: string][] = [
  ['EnvironmentErrorCode', 'executor/host/errors.ts', 'EnvironmentError'],
  ['RefusalCode', 'executor/protocol/failures.ts', 'Failures of the worker'],
  ['SourceErrorCode', 'builder/context/source-error.ts', 'SourceError'],
  ['StoreErrorCode', 'cache/files/errors.ts', 'StoreError'],
  ['RegistryErrorCode', 'registry/errors/registry-error.ts', 'RegistryError'],
];

for (const [type, source, heading] of codeUnions) {
  test(`docs/errors-runtime.md lists every ${type}`, () => {
    const listed = [...sectionOf('docs/errors-runtime.md', heading).matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, code]) => code);
    assert.deepEqual(listed.toSorted(), unionIn(source, type).toSorted());
  });
}

test('links between the documents lead somewhere', () => {
  const broken = documents().flatMap((path) =>
    [...readFileSync(join(repositoryRoot, path), 'utf8').matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !/^[a-z]+:/.test(target) && !existsSync(join(repositoryRoot, dirname(path), target)))
      .map((target) => `${path}: ${target}`),
  );
  assert.deepEqual(broken, []);
});

test('scripts that the documents name exist in package.json', () => {
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8'));
  const named = documents().flatMap((path) =>
    [...readFileSync(join(repositoryRoot, path), 'utf8').matchAll(/npm run ([a-z]+)/g)].map(([, name = '']) => name),
  );
  assert.deepEqual(
    named.filter((name) => scripts[name] === undefined),
    [],
  );
});

test('flags that the documents use exist', () => {
  const known = new Set<string | undefined>(
    [...buildFlags.flags, ...doctorFlags, ...imageFlags.flatMap(([, flags]) => flags)].flatMap(({ long, short, aliases }) => [
      long,
      short,
      ...(aliases ?? []),
    ]),
  );
  for (const { long } of buildFlags.refused ?? []) known.add(long);
  const used = documents().flatMap((path) =>
    [...readFileSync(join(repositoryRoot, path), 'utf8').matchAll(/^ {4}tsbuild (.*)$/gm)]
      .flatMap(([, line = '']) => line.split(/[|#]/)[0]?.split(' ') ?? [])
      .filter((word) => word.startsWith('-') && word !== '-')
      .map((word) => ({ path, flag: word.split('=')[0] ?? word })),
  );
  assert.deepEqual(
    used.filter(({ flag }) => !known.has(flag)),
    [],
  );
});

function commandTable(): readonly string[] {
  return ['| command | what it does |', '| --- | --- |', ...commands.map(({ name, summary }) => `| \`${name}\` | ${summary} |`)];
}

function flagTable(flags: readonly Flag[]): readonly string[] {
  const cell = (flag: Flag): string => `\`${signatureOf(flag).replaceAll('|', '\\|')}\`${flag.repeats === true ? ' *' : ''}`;
  return [
    '| flag (* may be repeated) | meaning |',
    '| --- | --- |',
    ...flags.map((flag) => `| ${cell(flag)} | ${flag.help.replaceAll('|', '\\|')} |`),
  ];
}

function refusedTable(flags: readonly RefusedFlag[]): readonly string[] {
  return [
    '| flag | why |',
    '| --- | --- |',
    ...flags.map(({ long, reason, hint, idle }) => {
      const taken = idle === undefined ? '' : `. Taken, as it asks for nothing: \`${idle.words}\``;
      return `| \`${long}\` | ${reason}${hint === undefined ? '' : `. ${hint}`}${taken} |`;
    }),
  ];
}

function idleList(flags: readonly IdleFlag[]): readonly string[] {
  return [flags.map(({ long }) => `\`${long}\``).join(', ')];
}

/** What becomes of the flags of another tool. */
function fates(names: readonly string[]): readonly string[] {
  const { flags, refused = [], idle = [] } = buildFlags;
  const known = flags.flatMap(({ long, aliases = [] }) => [long, ...aliases]);
  const groups: readonly (readonly [fate: string, members: readonly string[]])[] = [
    ['the same', known],
    ['taken, and changes nothing', idle.map(({ long }) => long)],
    ['refused, with what to write instead', refused.map(({ long }) => long)],
  ];
  const longs = names.map((name) => `--${name}`);
  const rest = longs.filter((long) => !groups.some(([, members]) => members.includes(long)));
  const rows = [...groups, ['not known', rest] as const].map(([fate, members]) => {
    const own = longs.filter((long) => members.includes(long)).map((long) => `\`${long}\``);
    return `| ${fate} | ${own.join(', ')} |`;
  });
  return ['| here | |', '| --- | --- |', ...rows];
}

function sectionOf(path: string, heading: string): string {
  const text = readFileSync(join(repositoryRoot, path), 'utf8');
  const section = text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`));
  assert.ok(section !== undefined, `${path} has no section "${heading}"`);
  return section;
}
