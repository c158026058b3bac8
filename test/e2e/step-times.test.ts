import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids', 'tool:busybox');

interface ShownEvent {
  readonly kind: string;
  readonly id?: number;
  readonly title?: string;
  readonly state?: string;
  readonly what?: string;
}

/** What a build on a fresh store tells, in its order: `started TITLE`, `unpacking TITLE`, `done TITLE`. */
async function told(box: Sandbox, containerfile: string): Promise<readonly string[]> {
  await writeBusyboxLayout(box.at('base'));
  box.file('c/Containerfile', containerfile).file('c/f');
  const args = ['--build-context', 'base=oci-layout://base', '-o', 'type=none', 'c'];
  const { stderr } = await box.tsbuild('--progress=rawjson', ...args).succeeds();
  const events = stderr
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line): ShownEvent => JSON.parse(line));
  const titles = new Map(events.filter(({ title }) => title !== undefined).map(({ id, title }) => [id, title]));
  return events.flatMap((event) => {
    const word = wordOf(event);
    // Without the place: `[a 1/2] FROM base...`
    return word === undefined
      ? []
      : [`${word} ${(titles.get(event.id) ?? '').replace(/^\[.*?\] /, '').replace(/ \S*base\S*$/, '')}`];
  });
}

function wordOf({ kind, state, what = '' }: ShownEvent): string | undefined {
  if (kind === 'step-started') return 'started';
  if (kind === 'step-waiting') return 'waiting';
  if (kind === 'step-ended') return state;
  return kind === 'step-progress' && what.startsWith('unpacking') ? 'unpacking' : undefined;
}

test('a COPY from a stage starts when the stage is there', needs, async () => {
  using box = sandbox();
  const events = await told(box, 'FROM base AS a\nRUN touch /x\nFROM scratch\nCOPY --from=a /x /x\n');
  assert.ok(events.indexOf('started COPY --from=a /x /x') > events.indexOf('done RUN touch /x'), events.join('\n'));
});

test('a COPY of the context waits for its base, and counts its time from then on', needs, async () => {
  using box = sandbox();
  const events = await told(box, 'FROM base\nCOPY f /f\n');
  const copy = events.filter((event) => event.endsWith('COPY f /f')).join();
  assert.equal(copy, 'started COPY f /f,waiting COPY f /f,started COPY f /f,done COPY f /f');
  assert.ok(events.lastIndexOf('started COPY f /f') > events.indexOf('done FROM'), events.join('\n'));
});

const throughStages: readonly [title: string, containerfile: string][] = [
  ['a stage of a stage runs a command', 'FROM base AS a\nFROM a\nRUN true\n'],
  ['another stage copies from it', 'FROM base AS a\nFROM scratch\nCOPY --from=a /bin/busybox /b\n'],
  ['another stage mounts it', 'FROM base AS a\nFROM base\nRUN --mount=type=bind,from=a,target=/a true\n'],
];

for (const [title, containerfile] of throughStages) {
  test(`unpacking a base is shown with its FROM when ${title}`, needs, async () => {
    using box = sandbox();
    const events = await told(box, containerfile);
    assert.ok(events.includes('done FROM'), events.join('\n'));
    assert.deepEqual(
      events.filter((event) => event.startsWith('unpacking') && event !== 'unpacking FROM'),
      [],
    );
  });
}
