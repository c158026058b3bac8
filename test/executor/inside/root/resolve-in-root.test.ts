import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { array, assert as check, constantFrom, property } from 'fast-check';
import { Refusal } from '../../../../executor/inside/request/failure.ts';
import {
  locateInRoot,
  makeDirectories,
  openInRoot,
  openParentInRoot,
  openRoot,
  readFileInRoot,
  statInRoot,
} from '../../../../executor/inside/root/resolve-in-root.ts';
import { O_PATH } from '../../../../native/constants.ts';
import { close } from '../../../../native/files.ts';
import { SyscallError } from '../../../../native/syscall-error.ts';
import { type TemporaryFolder, temporaryFolder } from '../../../support/temporary-folder.ts';

const own = { mode: 0o750, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

/** A root inside a folder that must stay untouched. */
function inRoot<T>(body: (rootFd: number, folder: TemporaryFolder) => T): T {
  using folder = temporaryFolder('resolve');
  mkdirSync(folder.at('root/etc'), { recursive: true });
  mkdirSync(folder.at('outside'));
  writeFileSync(folder.at('outside/secret'), 'outside');
  writeFileSync(folder.at('root/etc/name'), 'inside');
  const links = { up: '../../../outside', absolute: '/etc', chain: 'absolute/name', loop: 'loop', dangling: '/var/new/place' };
  Object.entries(links).forEach(([name, target]) => symlinkSync(target, folder.at('root', name)));
  symlinkSync(folder.at('outside'), folder.at('root/host'));
  const rootFd = openRoot(folder.at('root'));
  try {
    const result = body(rootFd, folder);
    assert.deepEqual(readFileSync(folder.at('outside/secret'), 'utf8'), 'outside');
    return result;
  } finally {
    close(rootFd);
  }
}

describe('openInRoot()', () => {
  const rows: readonly (readonly [path: string, leadsTo: string])[] = [
    ['', ''],
    ['/', ''],
    ['etc/name', '/etc/name'],
    ['/etc/../../../etc/name', '/etc/name'],
    ['absolute/name', '/etc/name'],
    ['chain', '/etc/name'],
  ];
  for (const [path, leadsTo] of rows) {
    test(`opens "${path}"`, () => {
      inRoot((rootFd, folder) => {
        const fd = openInRoot(rootFd, path, O_PATH);
        assert.equal(readlinkSync(`/proc/self/fd/${fd}`), `${folder.at('root')}${leadsTo}`);
        close(fd);
      });
    });
  }

  for (const [path, code] of [
    ['up/secret', 'ENOENT'],
    ['host/secret', 'ENOENT'],
    ['loop', 'ELOOP'],
    ['etc/name/x', 'ENOTDIR'],
  ] as const) {
    test(`fails with ${code} at "${path}"`, () => {
      inRoot((rootFd) =>
        assert.throws(
          () => openInRoot(rootFd, path, O_PATH),
          (error) => error instanceof SyscallError && error.code === code,
        ),
      );
    });
  }

  test('does not follow magic links', () => {
    const fd = openRoot('/');
    try {
      assert.throws(() => openInRoot(fd, '/proc/self/root/etc', O_PATH), /ELOOP/);
    } finally {
      close(fd);
    }
  });
});

describe('statInRoot() and readFileInRoot()', () => {
  test('follow links inside the root', () => {
    inRoot((rootFd) => {
      assert.equal(statInRoot(rootFd, 'chain')?.size, 6);
      assert.equal((statInRoot(rootFd, 'chain', { follow: false })?.mode ?? 0) & 0o170000, 0o120000);
      assert.equal(statInRoot(rootFd, 'host/secret'), undefined);
      assert.equal(readFileInRoot(rootFd, 'chain', 6)?.toString(), 'inside');
      assert.equal(readFileInRoot(rootFd, 'none', 6), undefined);
    });
  });

  test('refuse large files, and files that are none', () => {
    inRoot((rootFd, folder) => {
      execFileSync('mkfifo', [folder.at('root/fifo')]);
      assert.throws(() => readFileInRoot(rootFd, 'chain', 5), Refusal);
      assert.throws(() => readFileInRoot(rootFd, 'fifo', 5), Refusal);
      assert.throws(() => readFileInRoot(rootFd, 'etc', 5), Refusal);
    });
  });
});

describe('makeDirectories()', () => {
  const rows: readonly (readonly [path: string, made: readonly string[]])[] = [
    ['/', []],
    ['etc', []],
    ['a/b', ['a', 'a/b']],
    ['/absolute/x', ['etc/x']],
    ['up/x', ['outside', 'outside/x']],
    ['dangling/x', ['var', 'var/new', 'var/new/place', 'var/new/place/x']],
    ['a/../b', ['b']],
    ['../../c', ['c']],
  ];
  for (const [path, made] of rows) {
    test(`makes what is missing of "${path}"`, () => {
      inRoot((rootFd, folder) => {
        const told: string[] = [];
        assert.deepEqual(makeDirectories(rootFd, path, { ...own, onMade: (name) => told.push(name) }), made);
        assert.deepEqual(told, made);
        assert.deepEqual(
          made.map((name) => statSync(folder.at('root', name)).mode & 0o7777),
          made.map(() => 0o750),
        );
      });
    });
  }

  test('refuses a file in the way, and endless links', () => {
    inRoot((rootFd) => {
      assert.throws(() => makeDirectories(rootFd, 'etc/name', own), { code: 'not-a-directory' });
      assert.throws(() => makeDirectories(rootFd, 'etc/name/x', own), { code: 'not-a-directory' });
      assert.throws(() => makeDirectories(rootFd, 'loop/x', own), /ELOOP|too many symbolic links/);
    });
  });

  test('keeps names that are not UTF-8', () => {
    inRoot((rootFd, folder) => {
      assert.deepEqual(makeDirectories(rootFd, Buffer.from('a\xff/ b', 'latin1'), own), ['a\xff', 'a\xff/ b']);
      assert.ok(statSync(Buffer.concat([Buffer.from(folder.at('root/a')), Buffer.from([0xff])])).isDirectory());
    });
  });
});

describe('locateInRoot()', () => {
  test('says what exists and what does not', () => {
    inRoot((rootFd) => {
      const shown = (path: string): readonly unknown[] => {
        const { existing, missing } = locateInRoot(rootFd, path);
        return [existing, missing];
      };
      assert.deepEqual(shown('absolute/name'), ['etc/name', []]);
      assert.deepEqual(shown('absolute/none/deep'), ['etc', ['none', 'deep']]);
      assert.deepEqual(shown('etc/name/below'), ['etc/name', ['below']]);
      assert.deepEqual(shown('dangling'), ['', ['var', 'new', 'place']]);
      assert.deepEqual(shown('none/../etc'), ['etc', []]);
    });
  });

  test('agrees with the kernel wherever a path exists', () => {
    inRoot((rootFd, folder) => {
      const name = constantFrom('..', '.', '', 'etc', 'name', 'absolute', 'chain', 'up', 'host', 'dangling', 'none');
      check(
        property(array(name, { maxLength: 7 }), (names) => {
          const path = `/${names.join('/')}`;
          const { existing, missing } = locateInRoot(rootFd, path);
          const real = realPath(rootFd, path);
          if (real !== undefined) assert.deepEqual([folder.at('root', existing), missing], [real, []]);
        }),
      );
    });
  });
});

test('openParentInRoot() opens the folder and leaves the last name alone', () => {
  inRoot((rootFd, folder) => {
    const { fd, name } = openParentInRoot(rootFd, 'absolute/loop');
    assert.deepEqual([readlinkSync(`/proc/self/fd/${fd}`), name.toString()], [folder.at('root/etc'), 'loop']);
    close(fd);
    assert.throws(() => openParentInRoot(rootFd, '/'), Refusal);
    assert.throws(() => openParentInRoot(rootFd, 'a/..'), Refusal);
  });
});

function realPath(rootFd: number, path: string): string | undefined {
  try {
    const fd = openInRoot(rootFd, path, O_PATH);
    const real = readlinkSync(`/proc/self/fd/${fd}`);
    close(fd);
    return real;
  } catch {
    return undefined;
  }
}
