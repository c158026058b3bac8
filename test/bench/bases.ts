import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeBusyboxLayout, writeLayout } from '../support/images.ts';
import { CommandFailed, outputOf, ownCommand } from './measure.ts';
import { type BaseImage, baseName, type Tool } from './tools/tool.ts';
import type { Workshop } from './tools/workshop.ts';

/** Makes the base images, and gives them to the tools. One that cannot be made is missing in the result. */
export async function makeBases(names: ReadonlySet<BaseImage['name']>, place: Place): Promise<readonly BaseImage[]> {
  const bases: BaseImage[] = [];
  for (const name of names) {
    try {
      bases.push(await makers[name](place.folder, place.workshop));
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error;
      process.stdout.write(`no base image ${name}: ${error.message}\n`);
    }
  }
  for (const base of bases) for (const tool of place.tools) await tool.prepare(base);
  return bases;
}

interface Place {
  readonly folder: string;
  readonly workshop: Workshop;
  readonly tools: readonly Tool[];
}

const makers = { busybox: busyboxBase, debian: debianBase };

/** A static busybox, about 2 MB. */
async function busyboxBase(folder: string, workshop: Workshop): Promise<BaseImage> {
  const layout = join(folder, 'base-busybox');
  await writeBusyboxLayout(layout);
  return withArchive(folder, workshop, { name: 'busybox', layout });
}

/** A minimal system like this one, made with mmdebstrap from the same sources. @throws CommandFailed without Debian or a mirror */
async function debianBase(folder: string, workshop: Workshop): Promise<BaseImage> {
  const tar = join(folder, 'debian.tar');
  const settings = join(folder, 'apt.conf');
  writeFileSync(settings, await aptSettings());
  await run('mmdebstrap', '--quiet', '--variant=apt', `--aptopt=${settings}`, suite(), tar, ...sourceFiles());
  const layout = join(folder, 'base-debian');
  writeLayout(layout, {
    layers: [readFileSync(tar)],
    config: { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'] },
  });
  return withArchive(folder, workshop, { name: 'debian', layout });
}

/** Puts a base image into a registry on loopback, and says under which name. */
export async function pushBase({ name, layout }: BaseImage, registry: string): Promise<string> {
  const pushed = `${registry}/bench-base-${name}:1`;
  await skopeoCopy(layout, '--dest-tls-verify=false', `docker://${pushed}`);
  return pushed;
}

// What apt of this machine needs to reach its mirror, the apt of the image needs too.
async function aptSettings(): Promise<string> {
  const settings = (await run('apt-config', 'dump', '--format', '%F "%v";%n', 'Acquire')).split('\n');
  const proxies = Object.entries(process.env).flatMap(([name, value]) => {
    const scheme = /^(https?)_proxy$/i.exec(name)?.[1]?.toLowerCase();
    return scheme === undefined || value === undefined ? [] : [`Acquire::${scheme}::Proxy "${value}";`];
  });
  return [...proxies, ...settings.filter((line) => /^Acquire::(Check-|https?::)/.test(line)), ''].join('\n');
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

async function withArchive(folder: string, workshop: Workshop, { name, layout }: Omit<BaseImage, 'archive'>): Promise<BaseImage> {
  const archive = join(folder, `base-${name}.tar`);
  await skopeoCopy(layout, `docker-archive:${archive}:${baseName(name)}`);
  // docker-buildx locks what it reads.
  if (process.getuid?.() === 0) await run('chown', '-R', `${workshop.user.uid}:${workshop.user.gid}`, layout);
  return { name, layout, archive };
}

function skopeoCopy(layout: string, ...target: readonly string[]): Promise<string> {
  return run('skopeo', '--insecure-policy', 'copy', '--quiet', `oci:${layout}:latest`, ...target);
}

function run(...argv: readonly string[]): Promise<string> {
  return outputOf(ownCommand(...argv));
}
