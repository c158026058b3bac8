// npm run demo: needs Node and npm, nothing else. Installs and compiles what is missing, builds examples/bundle, and builds it again.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const main = join(root, 'dist/builder/main.cjs');

if (process.platform !== 'linux') {
  console.error(`Cannot run the demo on ${process.platform}: tsbuild builds on Linux`);
  process.exit(1);
}

let work;
prepare();
work = mkdtempSync(join(tmpdir(), 'tsbuild-demo-'));
try {
  demonstrate();
} finally {
  removeTree(work);
}

function prepare() {
  const installed = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(installed) || isNewer(join(root, 'package-lock.json'), installed)) {
    say('Installing packages');
    run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  }
  say('Compiling');
  run('npm', ['run', '--silent', 'build']);
}

function demonstrate() {
  const context = join(work, 'context');
  cpSync(join(root, 'examples/bundle'), context, { recursive: true });
  cpSync(esbuildBinary(), join(context, 'esbuild'));
  const layout = join(work, 'image');
  const args = ['-t', 'bundle', '--store', join(work, 'store'), '-o', `type=oci,tar=false,dest=${layout}`, context];

  say('First build: nothing is cached');
  const first = timed(args);
  say('Second build: nothing has changed');
  const second = timed(args);

  say('What was built');
  describe(layout);
  console.log(`first build ${first} ms, second build ${second} ms, of which Node itself takes ${startOfNode()} ms`);
}

function timed(args) {
  const start = performance.now();
  run(process.execPath, [main, '--progress=plain', ...args]);
  return Math.round(performance.now() - start);
}

function describe(layout) {
  const blob = (digest) => JSON.parse(readFileSync(join(layout, 'blobs', digest.replace(':', '/')), 'utf8'));
  const [entry] = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')).manifests;
  const manifest = blob(entry.digest);
  const config = blob(manifest.config.digest);
  console.log(`name      ${entry.annotations['io.containerd.image.name']}`);
  console.log(`manifest  ${entry.digest}`);
  console.log(`platform  ${config.os}/${config.architecture}`);
  console.log(`command   ${[...(config.config.Entrypoint ?? []), ...(config.config.Cmd ?? [])].join(' ')}`);
  for (const [index, layer] of manifest.layers.entries()) {
    const made = config.history.filter((item) => !item.empty_layer)[index]?.created_by ?? '';
    console.log(`layer     ${layer.digest.slice(0, 19)} ${String(layer.size).padStart(9)} bytes  ${made}`);
  }
}

function startOfNode() {
  const times = [1, 2, 3].map(() => {
    const start = performance.now();
    spawnSync(process.execPath, ['-e', '0']);
    return performance.now() - start;
  });
  return Math.round(Math.min(...times));
}

function esbuildBinary() {
  const path = join(root, `node_modules/@esbuild/linux-${process.arch}/bin/esbuild`);
  if (existsSync(path)) return path;
  console.error(`Cannot run the demo: there is no esbuild for linux-${process.arch} in node_modules`);
  process.exit(1);
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (error !== undefined) throw error;
  if (status !== 0) {
    removeTree(work);
    process.exit(status ?? 1);
  }
}

function say(text) {
  console.log(`\n== ${text}`);
}

function isNewer(file, other) {
  return statSync(file).mtimeMs > statSync(other).mtimeMs;
}

// A store has folders that even their owner may not enter: overlayfs makes them so.
function removeTree(path) {
  if (path === undefined || !existsSync(path)) return;
  openFolders(path);
  rmSync(path, { recursive: true, force: true });
}

function openFolders(path) {
  chmodSync(path, 0o700);
  for (const name of readdirSync(path)) {
    const child = join(path, name);
    if (lstatSync(child).isDirectory()) openFolders(child);
  }
}
