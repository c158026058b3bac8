import assert from 'node:assert/strict';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { readImage } from '../support/image-archive.ts';
import { layerTar, writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

// Beside the content of files: their modes, owners, times, links and what they hide. A store that was copied carelessly has lost such.

shareProcess();

const needs = requires('user:subids', 'tool:busybox', 'tool:setfattr');

const text = `FROM base
RUN echo right > /made && ln -s made /link && ln /made /hard && chmod 4711 /made && touch /empty && mkdir /d /o && echo 1 > /d/one && echo 2 > /d/two && echo 3 > /o/old
RUN rm /d/two && rm -r /o && mkdir /o && echo 4 > /o/new
`;

/** What is changed, beside which file of a layer ($F). */
const changes = [
  ['another mode', 'fs/made', 'chmod 755 "$F"'],
  ['another owner', 'fs/made', 'chgrp 1 "$F"'],
  ['another time', 'fs/made', 'touch -d @7 "$F"'],
  ['another target of a link', 'fs/made', 'ln -sfn wrong "${F%made}link"'],
  ['a hard link that is none', 'fs/made', 'cp -p "$F" "$F.x" && mv "$F.x" "${F%made}hard"'],
  ['content of an empty file', 'fs/made', 'echo WRONG > "${F%made}empty"'],
  ['a file besides', 'fs/made', 'echo WRONG > "${F%made}wrong"'],
  ['a file of a base image besides', 'fs/bin/busybox', 'echo WRONG > "${F%busybox}wrong"'],
  ['another mode of a file of a base image', 'fs/etc/passwd', 'chmod 666 "$F"'],
  ['a lost capability', 'fs/capable', 'setfattr -x security.capability "$F"'],
  ['a lost whiteout', 'fs/o/new', 'rm "${F%o/new}d/two"'],
  ['a whiteout besides', 'fs/o/new', 'mknod "${F%o/new}d/one" c 0 0'],
  ['a folder that hides nothing any more', 'fs/o/new', 'setfattr -x user.overlay.opaque "${F%/new}"'],
  ['a folder that hides too much', 'fs/o/new', 'setfattr -n user.overlay.opaque -v y "${F%o/new}d"'],
] as const;

/** cap_net_raw=p, as the second revision writes it. (capabilities(7)) */
const netRaw = `\x01\0\0\x02\0\x20${'\0'.repeat(14)}`;

let box: Sandbox;
let right: Buffer;
let rightDigest: string;

before(async () => {
  if (needs.skip !== undefined) return;
  box = sandbox();
  const capable = { name: 'capable', content: 'x', pax: { 'SCHILY.xattr.security.capability': netRaw } };
  await writeBusyboxLayout(box.at('base'), { layers: [await layerTar([capable])] });
  box.file('c/Containerfile', text);
  await box.tsbuild('copy', '-q', 'oci:base', 'store:base').succeeds();
  await box.tsbuild('-q', '-o', 'type=tar,dest=right.tar', 'c').succeeds();
  right = readFileSync(box.at('right.tar'));
  rightDigest = await squashed(await copyOf('squashed'));
});
after(() => box?.[Symbol.dispose]());

const rootsOwn: ReadonlySet<string> = new Set(['another owner', 'a lost capability']);

/** A copy of the store with all that the files have. */
async function copyOf(name: string): Promise<string> {
  await box.run(['cp', '-a', box.store, box.at(name)], { staysRoot: true }).succeeds();
  return box.at(name);
}

async function squashed(store: string): Promise<string> {
  const args = ['-q', '--squash', '-o', 'type=oci,dest=-', 'c'];
  const { stdoutBytes } = await box.tsbuildWith({ environment: { TSBUILD_STORE: store } }, ...args).succeeds();
  return (await readImage(stdoutBytes)).manifestDigest;
}

async function change(store: string, end: string, script: string): Promise<void> {
  const isWanted = (name: string): boolean => name.endsWith(`/${end}`) && lstatSync(join(store, name)).isFile();
  const F = readdirSync(store, { recursive: true, encoding: 'utf8' }).find(isWanted);
  assert.ok(F !== undefined, end);
  await box.run(['sh', '-ec', script], { environment: { F: join(store, F) }, staysRoot: true }).succeeds();
}

describe('a tar output is right, and "store verify" tells of', { ...needs, concurrency: 2 }, () => {
  for (const [index, [what, end, script]] of changes.entries()) {
    // Nobody but root gives files away, or takes what they are capable of.
    test(what, rootsOwn.has(what) ? requires('root') : {}, async () => {
      const store = await copyOf(`store-${index}`);
      await change(store, end, script);
      const environment = { TSBUILD_STORE: store };
      const { stdout } = await box.tsbuildWith({ environment }, 'store', 'verify').fails({ exit: 5 });
      assert.match(stdout, /^damaged: the files of layer sha256:/m);
      await box.tsbuildWith({ environment }, '-q', '-o', `type=tar,dest=${index}.tar`, 'c').succeeds();
      assert.ok(readFileSync(box.at(`${index}.tar`)).equals(right));
    });
  }
});

test('a store whose files have lost all but their content gives the same squashed image', needs, async () => {
  await box.run(['cp', '-r', box.store, box.at('careless')], { staysRoot: true }).succeeds();
  const { uid, gid } = box.user;
  await box.run(['chown', '-R', `${uid}:${gid}`, box.at('careless')], { staysRoot: true }).succeeds();
  assert.equal(await squashed(box.at('careless')), rightDigest);
});
