// Builds an image from a program. Run it after "npm run build", from anywhere in this repository.
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, exitCodeOf, report } from 'tsbuild';

const context = await mkdtemp(join(tmpdir(), 'tsbuild-library-'));
await writeFile(join(context, 'hello.txt'), 'hello\n');

// Ends the build when it takes too long. Any AbortSignal does.
const signal = AbortSignal.timeout(60_000);

try {
  const result = await build({
    context,
    text: 'FROM scratch\nCOPY hello.txt /hello.txt\nLABEL made.by=program\n',
    tags: ['library-example'],
    store: join(context, 'store'),
    outputs: [{ kind: 'oci', destination: join(context, 'image.tar'), isArchive: true }],
    signal,
    onEvent: show,
  });
  console.log(`${result.descriptor?.digest} in ${join(context, 'image.tar')}`);
  console.log(`${result.steps.cached} of ${result.steps.total} steps were cached`);
} catch (error) {
  // What the program itself would print, and end with.
  process.stderr.write(report(error));
  process.exitCode = exitCodeOf(error);
}

/** Events are data; what is shown of them is up to the program. */
function show(event) {
  if (event.kind === 'step-started') console.log(`> ${event.title}`);
  if (event.kind === 'step-output') process.stdout.write(event.bytes);
  if (event.kind === 'warning') console.warn(event.diagnostic.message);
}
