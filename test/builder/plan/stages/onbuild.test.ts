import assert from 'node:assert/strict';
import { test } from 'node:test';
import { historyOf, type PlanSetup, planText, refusal, targetOf } from '../plan-text.ts';

const onBuild = (...triggers: readonly string[]): PlanSetup => ({ images: { b: { config: { OnBuild: triggers } } } });

test('plan() runs the triggers of a base image first, and does not pass them on', () => {
  const text = 'FROM b AS c\nRUN own\nFROM c\nRUN grandchild';
  const setup = onBuild('RUN one', 'ENV two=2', 'WORKDIR $two');
  const child = targetOf(text, { ...setup, target: 'c' });
  assert.deepEqual(
    child.steps.map(({ title }) => title),
    ['ONBUILD RUN one', 'ONBUILD ENV two=2', 'ONBUILD WORKDIR 2', 'RUN own'],
  );
  assert.deepEqual([child.config.OnBuild, child.config.WorkingDir], [undefined, '/2']);
  assert.deepEqual(historyOf(text, setup), ['RUN /bin/sh -c grandchild # buildkit']);
});

test('plan() runs the triggers of a stage in its children, and not in theirs', () => {
  const text = 'FROM b AS p\nONBUILD RUN trigger\nRUN own\nFROM p AS c\nFROM c AS g\nCOPY --from=c / /';
  const { plan } = planText(text);
  assert.deepEqual(
    plan.stages.map(({ title, steps, config }) => [title, steps.map((step) => step.title), config.OnBuild]),
    [
      ['p', ['RUN own'], ['RUN trigger']],
      ['c', ['ONBUILD RUN trigger'], undefined],
      ['g', ['COPY --from=c / /'], undefined],
    ],
  );
});

test('plan() shows the triggers of a stage where they are written, and those of an image at FROM', () => {
  const text = 'FROM b AS p\nONBUILD COPY x y /d/\nFROM p';
  const spansOf = (setup: PlanSetup, target: string): readonly string[] =>
    targetOf(text, { ...setup, target }).steps.flatMap(({ span, action }) => [
      text.slice(span.start, span.end),
      ...(action?.kind === 'copy' ? action.sources : []).map((source) =>
        source.kind === 'path' ? text.slice(source.span.start, source.span.end) : '',
      ),
    ]);
  assert.deepEqual(spansOf({}, ''.concat('p')), []);
  assert.deepEqual(
    targetOf(text).steps.map(({ span }) => text.slice(span.start, span.end)),
    ['COPY x y /d/'],
  );
  assert.deepEqual(spansOf(onBuild('COPY q /q'), 'p'), ['b', 'b']);
});

test('plan() lets triggers use stages, images, contexts and caches', () => {
  const setup: PlanSetup = {
    ...onBuild('COPY --from=lib /l /l', 'COPY --from=img /i /i', 'RUN --mount=from=ctx,target=/c --mount=type=cache,target=/k x'),
    contexts: new Map([['ctx', 'tree']]),
  };
  const { plan } = planText('FROM l AS lib\nFROM b', setup);
  const actions = plan.stages.at(-1)?.steps.map(({ action }) => action) ?? [];
  assert.deepEqual(
    actions.map((action) => {
      if (action?.kind === 'copy') return action.from.kind;
      return action?.kind === 'run' ? action.mounts.map((mount) => (mount.kind === 'bind' ? mount.from : mount.kind)) : undefined;
    }),
    ['stage', 'image', [{ kind: 'context', name: 'ctx' }, 'cache']],
  );
});

test('plan() runs a here-document of a trigger', () => {
  assert.deepEqual(historyOf('FROM b AS p\nONBUILD RUN <<EOF\necho\nEOF\nFROM p'), ['RUN /bin/sh -c echo\n # buildkit']);
  assert.deepEqual(historyOf('FROM b', onBuild('RUN <<EOF\necho\nEOF')), ['RUN /bin/sh -c echo\n # buildkit']);
});

test('plan() takes a here-document of a trigger as a file, with the variables of the child', () => {
  const setup = onBuild('COPY <<EOF /f\n$v\nEOF');
  const [step] = targetOf('FROM b', { images: { b: { config: { ...setup.images?.['b']?.config, Env: ['v=1'] } } } }).steps;
  assert.deepEqual(
    step?.action?.kind === 'copy' && step.action.sources.map((source) => source.kind === 'heredoc' && source.text),
    ['1\n'],
  );
});

test('plan() has a CMD in a trigger protect it from ENTRYPOINT', () => {
  assert.deepEqual(targetOf('FROM b\nENTRYPOINT ["e"]', onBuild('CMD ["c"]')).config.Cmd, ['c']);
});

const refusals: readonly (readonly [trigger: string, code: string])[] = [
  ['ONBUILD RUN x', 'onbuild'],
  ['FROM x', 'onbuild'],
  ['MAINTAINER x', 'onbuild'],
  ['RUN a\nRUN b', 'onbuild'],
  ['NOSUCH x', 'unknown-instruction'],
  ['COPY --from=Bad! / /', 'unknown-stage'],
  ['ENV a=${b:?no}', 'variable-required'],
];

for (const [trigger, code] of refusals) {
  test(`plan() refuses an image with the trigger ${JSON.stringify(trigger)}`, () => {
    assert.deepEqual(
      refusal('FROM b', onBuild(trigger)).map((line) => line.split(':')[0]),
      [code],
    );
  });
}
