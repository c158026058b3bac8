import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeBusyboxLayout, writeLayout } from '../support/images.ts';
import { CommandFailed } from './measure.ts';
import type { BaseImage } from './tools.ts';

/** A static busybox, about 2 MB. */
export async function busyboxBase(folder: string): Promise<BaseImage> {
  const layout = join(folder, 'base-busybox');
  await writeBusyboxLayout(layout);
  return withArchive(folder, 'busybox', layout);
}

/** A minimal system like this one, made with mmdebstrap from the same sources. @throws CommandFailed without Debian or a mirror */
export function debianBase(folder: string): BaseImage {
  const tar = join(folder, 'debian.tar');
  run('mmdebstrap', ['--quiet', '--variant=apt', suite(), tar, ...sourceFiles()]);
  const layout = join(folder, 'base-debian');
  writeLayout(layout, {
    layers: [readFileSync(tar)],
    config: { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'] },
  });
  return withArchive(folder, 'debian', layout);
}

function suite(): string {
  const codename = /^VERSION_CODENAME=(\w+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  if (codename === undefined) throw new CommandFailed('this is no Debian or Ubuntu');
  return codename;
}

function sourceFiles(): readonly string[] {
  const folder = '/etc/apt/sources.list.d';
  const inFolder = existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
  return ['/etc/apt/sources.list', ...inFolder].filter(
    (path) => existsSync(path) && /(sources\.list|\/(debian|ubuntu)\.sources)$/.test(path),
  );
}

function withArchive(folder: string, name: string, layout: string): BaseImage {
  const archive = join(folder, `base-${name}.tar`);
  run('skopeo', [
    '--insecure-policy',
    'copy',
    '--quiet',
    `oci:${layout}:latest`,
    `docker-archive:${archive}:localhost/bench-base-${name}:1`,
  ]);
  return { name, layout, archive };
}

function run(program: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new CommandFailed(`${program}: ${error?.message ?? stderr.trim().slice(-400)}`);
}
