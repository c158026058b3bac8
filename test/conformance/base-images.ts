import { join } from 'node:path';
import { type LayerFile, layerTar, type TestImage, writeBusyboxLayout, writeLayout } from '../support/images.ts';
import { type Result, readResult } from './read-result.ts';

/** The names of the images that rows may build on. */
export const baseNames = ['base', 'configured', 'triggers', 'owned', 'empty', 'nobody'] as const;

type BaseName = (typeof baseNames)[number];

/** Writes every base image as an image layout below a folder. */
export async function writeBases(folder: string): Promise<readonly Result[]> {
  const configs = { base: {}, configured: fullConfig, triggers: { OnBuild: triggers } };
  for (const [name, config] of Object.entries(configs)) {
    // Results are recognised by the layers that they start with.
    const users = await layerTar([...userFiles, { name: 'etc/image', content: name }]);
    await writeBusyboxLayout(join(folder, name), { layers: [users], config });
  }
  const small: Readonly<Record<Exclude<BaseName, 'base' | 'configured' | 'triggers'>, TestImage>> = {
    owned: { layers: [await layerTar(ownedFiles)] },
    empty: { layers: [], config: { Env: ['FROM_EMPTY=1'], Labels: { 'of.base': 'empty' } } },
    nobody: { layers: [await layerTar([{ name: 'file', content: 'no passwd here' }])] },
  };
  for (const [name, image] of Object.entries(small)) writeLayout(join(folder, name), image);
  return Promise.all(baseNames.map((name) => readResult(join(folder, name))));
}

const triggers = ['COPY added /from-trigger/', 'RUN echo "triggered in $(pwd)" > /ran', 'ENV TRIGGERED=yes'];

const fullConfig = {
  User: 'worker',
  ExposedPorts: { '80/tcp': {} },
  Env: ['PATH=/usr/bin:/bin', 'OF_BASE=kept', 'BOTH=base'],
  Entrypoint: ['/bin/entry'],
  Cmd: ['base-cmd'],
  Volumes: { '/base-volume': {} },
  WorkingDir: '/srv',
  Labels: { 'of.base': 'kept', both: 'base' },
  StopSignal: 'SIGHUP',
  Healthcheck: { Test: ['CMD', 'check'], Interval: 1_000_000_000 },
  Shell: ['/bin/sh', '-ec'],
};

function folderEntry(name: string, more: Partial<LayerFile> = {}): LayerFile {
  return { name, type: 'directory', mode: 0o755, ...more };
}

function symbolic(name: string, linkname: string): LayerFile {
  return { name, type: 'symlink', linkname };
}

/** Users with and without supplementary groups, and places with owners, modes and links. */
const userFiles: readonly LayerFile[] = [
  ...['awk', 'cmp', 'ip', 'df', 'cut', 'mkfifo', 'whoami', 'nproc'].map((name) => symbolic(`bin/${name}`, 'busybox')),
  {
    name: 'etc/passwd',
    content: [
      'root:x:0:0:root:/root:/bin/sh',
      'daemon:x:1:1:daemon:/usr/sbin:/bin/false',
      'app:x:1000:1000:app:/home/app:/bin/sh',
      'worker:x:1001:50:worker:/home/worker:/bin/sh',
      'nobody:x:65534:65534:nobody:/:/bin/false',
      '',
    ].join('\n'),
  },
  {
    name: 'etc/group',
    content: 'root:x:0:\ndaemon:x:1:\nwheel:x:10:root\nvideo:x:44:worker,app\nstaff:x:50:app\napp:x:1000:\nnogroup:x:65534:\n',
  },
  folderEntry('srv'),
  folderEntry('srv/data', { mode: 0o750, uid: 500, gid: 600 }),
  { name: 'srv/data/old', mode: 0o640, uid: 500, gid: 600, content: 'old' },
  folderEntry('srv/data/sub', { mode: 0o711, uid: 7, gid: 8 }),
  { name: 'srv/data/sub/deep', content: 'deep' },
  symbolic('srv/relative', 'data'),
  symbolic('srv/absolute', '/srv/data'),
  symbolic('srv/dangling', '/made/later'),
  symbolic('srv/file-link', 'data/old'),
  symbolic('srv/outside', '../../../../../srv/data'),
  symbolic('srv/loop', 'loop'),
  { name: 'srv/plain', content: 'plain' },
  { name: 'srv/linked', content: 'linked', uid: 9, gid: 9, mode: 0o600 },
  { name: 'srv/linked-too', type: 'link', linkname: 'srv/linked', uid: 3, gid: 4, mode: 0o640 },
];

/** No shell, but everything that a copy may have to keep. */
const ownedFiles: readonly LayerFile[] = [
  folderEntry('tree', { uid: 100, gid: 200, mode: 0o700 }),
  { name: 'tree/file', uid: 101, gid: 201, mode: 0o600, content: 'file' },
  { name: 'tree/setuid', uid: 102, gid: 202, mode: 0o4755, content: 'setuid' },
  { name: 'tree/setgid', uid: 0, gid: 203, mode: 0o2755, content: 'setgid' },
  folderEntry('tree/sticky', { mode: 0o1777 }),
  folderEntry('tree/group', { uid: 104, gid: 204, mode: 0o2775 }),
  symbolic('tree/link', 'file'),
  { name: 'tree/hard', type: 'link', linkname: 'tree/file', uid: 101, gid: 201, mode: 0o600 },
  { name: 'tree/pipe', type: 'fifo', uid: 105, gid: 205, mode: 0o620 },
  {
    name: 'tree/attributes',
    content: 'attributes',
    pax: { 'SCHILY.xattr.user.colour': 'blue' },
  },
  folderEntry('empty'),
  symbolic('to-tree', 'tree'),
  symbolic('to-tree-absolute', '/tree'),
];
