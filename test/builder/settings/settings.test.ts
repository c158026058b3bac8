import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { BuildOptions } from '../../../builder/contract/options.ts';
import { hostPlatform } from '../../../builder/contract/platforms.ts';
import { normalise, type Settings } from '../../../builder/settings/settings.ts';
import { sourceFiles } from '../../support/source-files.ts';

const arm = { os: 'linux', architecture: 'arm64' };
const amd = { os: 'linux', architecture: 'amd64' };

const rows: readonly (readonly [what: string, given: Partial<BuildOptions>, read: Partial<Settings>])[] = [
  [
    'nothing',
    {},
    {
      context: { kind: 'directory', path: '.' },
      contextName: '.',
      namedContexts: new Map(),
      files: [],
      platforms: [hostPlatform()],
      isPlatformExplicit: false,
      isMultiPlatform: false,
      keepsGitFolder: false,
      annotations: [],
      outputs: [{ kind: 'image', names: [], push: false, image: { annotations: [] } }],
    },
  ],
  [
    'platforms, each once',
    { platforms: ['linux/arm64', 'arm64', 'amd64'] },
    { platforms: [arm, amd], isPlatformExplicit: true, isMultiPlatform: true },
  ],
  [
    'one platform that is asked for',
    { platforms: ['linux/arm64'] },
    { platforms: [arm], isPlatformExplicit: true, isMultiPlatform: false },
  ],
  [
    'a folder by its scheme, and what it is called',
    { context: 'dir:app' },
    { context: { kind: 'directory', path: 'app' }, contextName: 'dir:app' },
  ],
  [
    'named contexts',
    { buildContexts: { base: 'docker-image://alpine', __proto__: 'x' } },
    { namedContexts: new Map([['base', { kind: 'image', reference: 'alpine' }]]) },
  ],
  [
    'places of Containerfiles',
    { files: ['-', 'https://h/f', 'git@h:f'] },
    {
      files: [{ kind: 'stdin' }, { kind: 'http', url: 'https://h/f' }, { kind: 'file', path: 'git@h:f' }],
    },
  ],
  [
    'switches among the build arguments, also from the environment',
    {
      buildArgs: { BUILDKIT_MULTI_PLATFORM: 'T', BUILDKIT_CONTEXT_KEEP_GIT_DIR: undefined },
      environment: { BUILDKIT_CONTEXT_KEEP_GIT_DIR: '1' },
    },
    { isMultiPlatform: true, keepsGitFolder: true },
  ],
  [
    'annotations, of an output too',
    { annotations: { 'index:a': '1' }, outputs: [{ kind: 'docker', destination: 'x', image: { annotations: { b: '2' } } }] },
    {
      annotations: [{ level: 'index', platform: undefined, name: 'a', value: '1' }],
      outputs: [
        {
          kind: 'docker',
          destination: 'x',
          image: { annotations: [{ level: 'manifest', platform: undefined, name: 'b', value: '2' }] },
        },
      ],
    },
  ],
];

for (const [what, given, read] of rows) {
  test(`normalise() reads ${what}`, () => {
    const settings = normalise({ context: '.', environment: {}, ...given });
    assert.deepEqual(Object.fromEntries(Object.entries(settings).filter(([name]) => name in read)), read);
  });
}

test('nothing behind normalise() reads the text of an option', () => {
  const readers = sourceFiles('builder')
    .filter((path) => !/^builder\/(?:settings|cli)\//.test(path))
    .filter((path) => /import \{[^}]*\b(?:parse|read)[A-Z][^}]*\} from '[./]+\/settings\//.test(readFileSync(path, 'utf8')));
  assert.deepEqual(readers, []);
});
