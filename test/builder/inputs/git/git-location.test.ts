import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type GitLocation,
  GitLocationError,
  parseGitLocation,
  shownLocation,
} from '../../../../builder/inputs/git/git-location.ts';

const plain: GitLocation = {
  remote: 'https://host/x.git',
  transport: 'https',
  host: 'host',
  userInfo: undefined,
  ref: undefined,
  folder: '',
  commit: undefined,
  keepsGitFolder: undefined,
  hasSubmodules: true,
  mtime: 'checkout',
};

const rows: readonly (readonly [text: string, wanted: Partial<GitLocation>])[] = [
  ['https://host/x.git', {}],
  ['https://host/x.git#main', { ref: 'main' }],
  ['https://host/x.git#main:a/b', { ref: 'main', folder: 'a/b' }],
  ['https://host/x.git#:a', { folder: 'a' }],
  ['https://host/x.git#main:../../a/./b/', { ref: 'main', folder: 'a/b' }],
  ['https://me:p%40ss@host:8443/x.git', { remote: 'https://host:8443/x.git', host: 'host:8443', userInfo: 'me:p@ss' }],
  ['https://token@host/x.git', { userInfo: 'token:' }],
  ['https://host/x.git?ref=v1&subdir=a', { ref: 'v1', folder: 'a' }],
  ['https://host/x.git?tag=v1', { ref: 'refs/tags/v1' }],
  ['https://host/x.git?branch=refs/heads/b', { ref: 'refs/heads/b' }],
  ['https://host/x.git?tag=v1#v1', { ref: 'refs/tags/v1' }],
  ['https://host/x.git?commit=ABCDEF0', { commit: 'abcdef0' }],
  ['https://host/x.git?checksum=abcd&commit=abcd', { commit: 'abcd' }],
  ['https://host/x.git?keep-git-dir', { keepsGitFolder: true }],
  ['https://host/x.git?keep-git-dir=false&submodules=0', { keepsGitFolder: false, hasSubmodules: false }],
  ['https://host/x.git?mtime=commit&fetch-by-commit', { mtime: 'commit' }],
  ['https://host/x.git?mtime=checkout&fetch-by-commit=0', {}],
  ['http://host/x.git', { remote: 'http://host/x.git', transport: 'http' }],
  ['git://host/x', { remote: 'git://host/x', transport: 'git' }],
  ['ssh://git@host:2222/x#b', { remote: 'ssh://git@host:2222/x', transport: 'ssh', host: 'host:2222', ref: 'b' }],
  ['ssh://git:word@host/x', { remote: 'ssh://git@host/x', transport: 'ssh' }],
  ['git@host:a/x.git#b:c', { remote: 'git@host:a/x.git', transport: 'ssh', ref: 'b', folder: 'c' }],
  ['github.com/a/x.git', { remote: 'https://github.com/a/x.git', host: 'github.com' }],
];

const mistakes: readonly (readonly [text: string, message: RegExp])[] = [
  ['https://host/x.git?tag=a&branch=b', /ref conflicts: "refs\/heads\/b" vs "refs\/tags\/a"/],
  ['https://host/x.git?ref=a#b', /ref conflicts: "b" vs "a"/],
  ['https://host/x.git?ref=a&ref=b', /query "ref" has several values/],
  ['https://host/x.git?subdir=a#:b', /subdir conflicts: "b" vs "a"/],
  ['https://host/x.git?commit=xyz', /invalid checksum: expected hex commit hash/],
  ['https://host/x.git?depth=1', /unexpected query "depth"/],
  ['https://host/x.git?mtime=now', /query "mtime" is neither commit nor checkout/],
  ['https://host/x.git?fetch-by-commit=no', /query "fetch-by-commit" is neither true nor false/],
  ['https://host/x.git?submodules=perhaps', /query "submodules" is neither true nor false/],
  ['https://host/x.git#--upload-pack=x', /is no name of a branch/],
  ['https://host/x.git#a..b', /is no name of a branch/],
  ['https://host/x.git#a*', /is no name of a branch/],
  ['https://host/x.git#a%0ab', /is no name of a branch/],
  ['file:///x.git', /repositories are not fetched by "file:"/],
  ['ext::sh -c x', /repositories are not fetched by "ext:"/],
  ['https://host/', /it names no repository/],
];

describe('parseGitLocation()', () => {
  for (const [text, wanted] of rows) {
    test(`reads ${text}`, () => assert.deepEqual(parseGitLocation(text), { ...plain, ...wanted }));
  }
  for (const [text, message] of mistakes) {
    test(`refuses ${text}`, () =>
      assert.throws(
        () => parseGitLocation(text),
        (error) => error instanceof GitLocationError && message.test(error.message),
      ));
  }
});

test('shownLocation() leaves credentials and the query out', () => {
  assert.equal(shownLocation(parseGitLocation('https://me:word@host/x.git?commit=abcd#b:c')), 'https://host/x.git#b:c');
  assert.equal(shownLocation(parseGitLocation('https://host/x.git')), 'https://host/x.git');
});
