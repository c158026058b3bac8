// Joins the program out of what tsc has checked: `npm run bundle`. As few files as start fastest, what is seldom needed apart.
// docs/decisions/0002-program-in-few-files.md has the figures.
import { readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('.', import.meta.url));

// Native or seldom needed ones stay packages; to look for what each build needs costs more than it is long.
const { 'p-limit': _joined, ...packages } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')).dependencies;

// All that a build needs whose steps are cached, from an image in a folder too.
// The entry is apart from what it has Node keep compiled.
await join('builder/main', {
  format: 'cjs',
  usual: ['builder/program.ts', 'builder/cli/commands/build.ts', 'registry/local-image.ts'],
});
await join('builder/index', { usual: ['builder/index.ts', 'builder/build/build.ts'] });
// All that a COPY and a RUN need.
await join('executor/inside/worker', {
  format: 'cjs',
  usual: [
    'executor/inside/worker.ts',
    'executor/inside/step.ts',
    'executor/inside/copy/pack-copy.ts',
    'executor/inside/copy/copy-action.ts',
    'executor/inside/copy/check-copied.ts',
    'executor/inside/run/run-action.ts',
    'executor/inside/network/join-network.ts',
  ],
});
await join('executor/inside/compress/compress-worker');
await join('executor/inside/content/content-worker');
await join('registry/oci/compression/decompress-worker');

/**
 * Writes one program: `dist/NAME.js` is its entry, or `dist/NAME.cjs`, since CommonJS starts faster. One file holds the modules `usual` and what they
 * import at once; what is imported later and is not among them stays in files of its own.
 */
async function join(name, { format = 'esm', usual = [`${name}.ts`] } = {}) {
  const entry = `${root}${name}.ts`;
  const suffix = format === 'cjs' ? 'cjs' : 'js';
  const roots = usual.map((path) => root + path);
  let joined;
  const bundle = await rolldown({
    input: { [name]: entry },
    cwd: root,
    platform: 'node',
    external: [...Object.keys(packages).map((packageName) => new RegExp(`^${packageName}(/|$)`)), /^#/],
    preserveEntrySignatures: 'allow-extension',
    transform: { target: 'node20.18' },
    // To import now in one place and later in another is on purpose.
    checks: { ineffectiveDynamicImport: false },
  });
  await bundle.write({
    dir: `${root}dist`,
    format,
    sourcemap: true,
    comments: false,
    entryFileNames: `[name].${suffix}`,
    chunkFileNames: `chunks/${name.split('/').at(-1)}-[name]-[hash].${suffix}`,
    codeSplitting: {
      groups: [
        {
          debugName: 'usual',
          name(id, context) {
            joined ??= closure(roots, (module) => context.getModuleInfo(module)?.importedIds ?? []);
            return joined.has(id) ? 'usual' : undefined;
          },
        },
      ],
    },
  });
  await bundle.close();
  // What tsc made of the entry would start too, slower and beside what is shipped.
  if (format === 'cjs') rmSync(`${root}dist/${name}.js`, { force: true });
}

/** What can be reached from some modules by imports that do not wait. */
function closure(roots, importsOf) {
  const reached = new Set();
  const waiting = [...roots];
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (reached.has(id)) continue;
    reached.add(id);
    waiting.push(...importsOf(id));
  }
  return reached;
}
