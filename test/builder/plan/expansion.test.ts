import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PlanSetup, refusal, targetOf } from './plan-text.ts';

const digits = 'a'.repeat(64);

/** Where a variable stands, with what the builder makes of it: `V` is 7 in all of them. */
type Place = readonly [place: string, instruction: string, planned: string];

const expanded: readonly Place[] = [
  ['COPY, source', 'COPY a$V /d', '"path":"a7"'],
  ['COPY, JSON source', 'COPY ["a$V", "/d"]', '"path":"a7"'],
  ['COPY, destination', 'COPY a /d$V', '"destination":"/d7"'],
  ['COPY, --chown', 'COPY --chown=$V:g a /d', '"owner":"7:g"'],
  ['COPY, --chown in quotes', "COPY --chown='$V' a /d", '"owner":"7"'],
  ['COPY, --chmod', 'COPY --chmod=$V a /d', '"mode":"7"'],
  ['COPY, here-document', 'COPY <<E /d\n$V\nE', '"text":"7\\n"'],
  ['ADD, source', 'ADD https://host/$V /d', '"path":"https://host/7"'],
  ['ADD, destination', 'ADD a /d$V', '"destination":"/d7"'],
  ['ADD, --chown', 'ADD --chown=$V a /d', '"owner":"7"'],
  ['ADD, --chmod', 'ADD --chmod=$V a /d', '"mode":"7"'],
  [
    'ADD, --checksum',
    `ADD --checksum=sha256:\${V}${digits.slice(1)} https://host/f /d`,
    `"checksum":"sha256:7${digits.slice(1)}"`,
  ],
  ['ADD, here-document', 'ADD <<E /d\n$V\nE', '"text":"7\\n"'],
  ['ENV, name', 'ENV n$V=1', '"n7=1"'],
  ['ENV, value', 'ENV n=x$V', '"n=x7"'],
  ['ENV, legacy value', 'ENV n x $V', '"n=x 7"'],
  ['LABEL, name', 'LABEL n$V=1', '"n7":"1"'],
  ['LABEL, value', 'LABEL n=x$V', '"n":"x7"'],
  ['ARG, default', 'ARG n=x$V\nENV m=$n', '"m=x7"'],
  ['ARG, name', 'ARG n$V=x\nENV m=$n7', '"m=x"'],
  ['EXPOSE', 'EXPOSE 8$V', '"87/tcp"'],
  ['USER', 'USER u$V', '"User":"u7"'],
  ['VOLUME', 'VOLUME /v$V', '"/v7":{}'],
  ['VOLUME, JSON', 'VOLUME ["/v$V"]', '"/v7":{}'],
  ['WORKDIR', 'WORKDIR /w$V', '"WorkingDir":"/w7"'],
  ['STOPSIGNAL', 'STOPSIGNAL $V', '"StopSignal":"7"'],
  ['RUN, mount type', 'RUN --mount=type=${V:+tmpfs},target=/m x', '"kind":"tmpfs"'],
  ['RUN, mount type with a source', 'RUN --mount=type=${V:+cache},from=scratch,target=/m x', '"kind":"cache"'],
  ['RUN, bind source', 'RUN --mount=target=/m,source=s$V x', '"source":"/s7"'],
  ['RUN, bind target', 'RUN --mount=target=/m$V x', '"target":"/m7"'],
  ['RUN, cache id', 'RUN --mount=type=cache,target=/m,id=i$V x', '"id":"i7"'],
  ['RUN, cache mode', 'RUN --mount=type=cache,target=/m,mode=$V x', '"mode":7'],
  ['RUN, cache uid', 'RUN --mount=type=cache,target=/m,uid=$V x', '"uid":7'],
  ['RUN, cache gid', 'RUN --mount=type=cache,target=/m,gid=$V x', '"gid":7'],
  ['RUN, cache sharing', 'RUN --mount=type=cache,target=/m,sharing=${V:+locked} x', '"sharing":"locked"'],
  ['RUN, tmpfs size', 'RUN --mount=type=tmpfs,target=/m,size=$V x', '"sizeBytes":7'],
  ['RUN, secret id', 'RUN --mount=type=secret,id=s$V x', '"id":"s7"'],
  ['RUN, secret variable', 'RUN --mount=type=secret,id=s,env=E$V x', '"env":"E7"'],
  ['RUN, secret required', 'RUN --mount=type=secret,id=s,required=${V:+true} x', '"isRequired":true'],
  ['RUN, bind ro', 'RUN --mount=target=/m,ro=${V:+false} x', '"isWritable":true'],
  ['RUN, ssh id', 'RUN --mount=type=ssh,id=s$V x', '"id":"s7"'],
];

const left: readonly Place[] = [
  ['RUN, shell form', 'RUN echo $V', '"echo $V"'],
  ['RUN, exec form', 'RUN ["echo", "$V"]', '"echo","$V"'],
  ['RUN, here-document', 'RUN <<E\n$V\nE', '"$V\\n"'],
  ['RUN, script', 'RUN <<E\n#!/bin/sh\n$V\nE', '"#!/bin/sh\\n$V\\n"'],
  ['CMD, shell form', 'CMD echo $V', '"echo $V"'],
  ['CMD, exec form', 'CMD ["$V"]', '"Cmd":["$V"]'],
  ['ENTRYPOINT, shell form', 'ENTRYPOINT echo $V', '"echo $V"'],
  ['ENTRYPOINT, exec form', 'ENTRYPOINT ["$V"]', '"Entrypoint":["$V"]'],
  ['HEALTHCHECK, shell form', 'HEALTHCHECK CMD echo $V', '"echo $V"'],
  ['HEALTHCHECK, exec form', 'HEALTHCHECK CMD ["$V"]', '"CMD","$V"'],
  ['SHELL', 'SHELL ["$V"]', '"Shell":["$V"]'],
  ['MAINTAINER', 'MAINTAINER $V', '"$V"'],
  ['COPY, --exclude', 'COPY --exclude=$V a /d', '"excludes":["$V"]'],
  ['ADD, --exclude', 'ADD --exclude=$V a /d', '"excludes":["$V"]'],
  ['COPY, quoted here-document', "COPY <<'E' /d\n$V\nE", '"text":"$V\\n"'],
  ['COPY, single quotes', "COPY 'a$V' /d", '"path":"a$V"'],
  ['ONBUILD, where it is written', 'ONBUILD WORKDIR /$V', '"OnBuild":["WORKDIR /$V"]'],
];

const lead = 'FROM b\nENV V=7\n';

function planned(text: string, setup?: PlanSetup): string {
  const { config, author, steps } = targetOf(text, setup);
  return JSON.stringify([config, author, steps.map(({ action }) => action)]);
}

for (const { what, places } of [
  { what: 'expands', places: expanded },
  { what: 'leaves', places: left },
]) {
  for (const [place, instruction, found] of places) {
    test(`exactly the places that expand: plan() ${what} $V in ${place}`, () => {
      const plan = planned(`${lead}${instruction}`);
      assert.ok(plan.includes(found), plan);
    });
  }
}

test('exactly the places that expand: plan() expands $V in FROM and its --platform with ARGs from before it alone', () => {
  const stage = targetOf('ARG V=7\nFROM --platform=linux/arm/v$V b:$V');
  assert.equal(stage.base.kind === 'image' && stage.base.image.reference, 'b:7');
  assert.deepEqual(stage.platform, { os: 'linux', architecture: 'arm', variant: 'v7' });
  assert.deepEqual(refusal('FROM b\nENV V=7\nFROM $V'), [
    'name: Cannot start a stage from "$V": the base name should not be blank',
  ]);
});

test('exactly the places that expand: plan() expands $V in ONBUILD when it is triggered', () => {
  const setup = { images: { b: { config: { OnBuild: ['WORKDIR /$V'], Env: ['V=7'] } } } };
  assert.equal(targetOf('FROM b', setup).config.WorkingDir, '/7');
});

test('exactly the places that expand: a value with $V in it is not expanded again', () => {
  assert.ok(planned("FROM b\nENV V=7 W='$V'\nLABEL n=$W").includes('"n":"$V"'));
});

/** Places that take no variable at all, or not this value: what is written there is what is wrong. */
const refused: readonly (readonly [instruction: string, code: string])[] = [
  ['FROM b AS $V', 'stage-name'],
  ['COPY --from=$V a /d', 'variable-not-supported'],
  ['COPY --link=$V a /d', 'flag-value'],
  ['COPY --parents=$V a /d', 'flag-value'],
  ['ADD --keep-git-dir=$V a /d', 'flag-value'],
  ['ADD --unpack=$V a /d', 'flag-value'],
  ['RUN --network=$V x', 'flag-value'],
  ['RUN --security=$V x', 'flag-value'],
  ['RUN --device=$V x', 'flag-value'],
  ['RUN --mount=type=$V,target=/m x', 'mount'],
  ['RUN --mount=from=$V,target=/m x', 'variable-not-supported'],
  ['HEALTHCHECK --interval=$V CMD x', 'duration'],
  ['HEALTHCHECK --retries=$V CMD x', 'number'],
];

for (const [instruction, code] of refused) {
  test(`exactly the places that expand: $V is refused in ${instruction}`, () => {
    const codes = refusal(`${lead}${instruction}`).map((line) => line.split(':')[0]);
    assert.deepEqual(codes, [code]);
  });
}
