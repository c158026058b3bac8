import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { startRealRegistry } from '../../support/real-registry.ts';
import { hasTool } from '../../support/requires.ts';
import { programCommand } from '../../support/sandbox.ts';
import { median, timeOf } from '../measure.ts';
import { command, type Workshop } from '../tools/workshop.ts';

/** Milliseconds of each tool, medians of the same rounds. */
export interface Transfer {
  readonly name: 'pull 1 GB' | 'push 1 GB';
  readonly tsbuild: number;
  readonly skopeo: number;
}

const rounds = 5;
const layerCount = 4;
const layerBytes = 256 * 2 ** 20;
// gzip takes no more in one call than fits into a buffer, and random bytes do not shrink anyway.
const pieceBytes = 16 * 2 ** 20;

/** Why transfers cannot be measured; undefined: they can. */
export function transferProblem(): string | undefined {
  return ['docker-registry', 'skopeo'].every(hasTool) ? undefined : 'docker-registry or skopeo is not installed';
}

/**
 * An image of 1 GB that does not shrink, between a folder and a docker-registry on loopback, by tsbuild and by skopeo in turn. What is written
 * to is new each time: the store or folder of a pull, the whole storage of the registry of a push.
 */
export async function measureTransfers(workshop: Workshop): Promise<readonly Transfer[]> {
  const folder = join(workshop.folder, '..', 'transfers');
  mkdirSync(folder);
  chmodSync(folder, 0o755);
  const source = join(folder, 'source');
  writeLargeLayout(source);
  const push = await measurePushes(workshop, source);
  const pull = await measurePulls(workshop, source);
  rmSync(folder, { recursive: true });
  return [pull, push];
}

type Run = (...argv: readonly string[]) => Promise<number>;

async function measurePulls(workshop: Workshop, source: string): Promise<Transfer> {
  await using registry = await startRealRegistry();
  const run: Run = (...argv) => timeOf(command(workshop, argv));
  const name = `${registry.host}/large:1`;
  await run('skopeo', ...skopeoCopy, '--dest-tls-verify=false', `oci:${source}:1`, `docker://${name}`);
  const target = join(workshop.folder, 'pulled');
  const fresh = async (measured: Promise<number>): Promise<number> => {
    const tookMs = await measured;
    rmSync(target, { recursive: true });
    return tookMs;
  };
  return await inTurn('pull 1 GB', {
    tsbuild: async () => fresh(run(...programCommand(), 'pull', '-q', '--store', target, name)),
    skopeo: async () => fresh(run('skopeo', ...skopeoCopy, '--src-tls-verify=false', `docker://${name}`, `oci:${target}:1`)),
  });
}

async function measurePushes(workshop: Workshop, source: string): Promise<Transfer> {
  const run: Run = (...argv) => timeOf(command(workshop, argv));
  const store = join(workshop.folder, 'push-store');
  const toNewRegistry = async (push: (name: string) => Promise<number>): Promise<number> => {
    await using registry = await startRealRegistry();
    return await push(`docker://${registry.host}/large:1`);
  };
  return inTurn('push 1 GB', {
    tsbuild: () => toNewRegistry((name) => run(...programCommand(), 'copy', '-q', '--store', store, `oci:${source}:1`, name)),
    skopeo: () => toNewRegistry((name) => run('skopeo', ...skopeoCopy, '--dest-tls-verify=false', `oci:${source}:1`, name)),
  });
}

const skopeoCopy = ['copy', '-q', '--insecure-policy'];

type ToolName = 'tsbuild' | 'skopeo';

async function inTurn(name: Transfer['name'], tools: Readonly<Record<ToolName, () => Promise<number>>>): Promise<Transfer> {
  const times: Record<ToolName, number[]> = { tsbuild: [], skopeo: [] };
  for (let round = 0; round < rounds; round += 1) {
    // Who is first changes, since each leaves work for the disk behind.
    const order: readonly ToolName[] = round % 2 === 0 ? ['tsbuild', 'skopeo'] : ['skopeo', 'tsbuild'];
    for (const tool of order) times[tool].push(await tools[tool]());
  }
  return { name, tsbuild: median(times.tsbuild), skopeo: median(times.skopeo) };
}

/** An image layout with layers of random bytes, stored by gzip as they are, since skopeo would compress what is not compressed. */
function writeLargeLayout(folder: string): void {
  mkdirSync(join(folder, 'blobs/sha256'), { recursive: true });
  const put = (mediaType: string, bytes: Uint8Array): object => {
    const hex = createHash('sha256').update(bytes).digest('hex');
    writeFileSync(join(folder, 'blobs/sha256', hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const diffIds: string[] = [];
  const layers = Array.from({ length: layerCount }, () => {
    const tar = createHash('sha256');
    const members = Array.from({ length: layerBytes / pieceBytes }, () => {
      const bytes = randomBytes(pieceBytes);
      tar.update(bytes);
      return gzipSync(bytes, { level: 0 });
    });
    diffIds.push(`sha256:${tar.digest('hex')}`);
    return put('application/vnd.oci.image.layer.v1.tar+gzip', Buffer.concat(members));
  });
  const json = (document: object): Buffer => Buffer.from(JSON.stringify(document));
  const config = { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: diffIds } };
  const manifestType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = put(
    manifestType,
    json({
      schemaVersion: 2,
      mediaType: manifestType,
      config: put('application/vnd.oci.image.config.v1+json', json(config)),
      layers,
    }),
  );
  const named = { ...manifest, annotations: { 'org.opencontainers.image.ref.name': '1' } };
  writeFileSync(join(folder, 'index.json'), json({ schemaVersion: 2, manifests: [named] }));
  writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
}
