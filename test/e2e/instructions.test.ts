import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setXattr } from '../../native/xattrs.ts';
import { readImage } from '../support/image-archive.ts';
import { writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

test('instructions end up in the configuration of the image', requires('user:subids'), async () => {
  using box = sandbox();
  box.file(
    'Containerfile',
    `ARG base=scratch
FROM \${base} AS app
ARG version
ENV VERSION=\${version:-none} GREETING="hello world" PATH=/bin
LABEL org.example.version=$VERSION "a b"=c
WORKDIR /srv
WORKDIR app
USER 1000:1000
EXPOSE 8080 53/udp
VOLUME /data
STOPSIGNAL SIGQUIT
ENTRYPOINT ["/app", "--serve"]
CMD ["--port", "8080"]
`,
  );
  await box.tsbuild('--build-arg', 'version=1.2', '--label', 'extra=1', '-o', 'type=oci,dest=o.tar', '.').succeeds();
  const image = await readImage(box.at('o.tar'));
  assert.deepEqual(image.config.config, {
    User: '1000:1000',
    ExposedPorts: { '53/udp': {}, '8080/tcp': {} },
    // PATH has a default, so setting it does not move it.
    Env: ['PATH=/bin', 'VERSION=1.2', 'GREETING=hello world'],
    ArgsEscaped: true,
    Entrypoint: ['/app', '--serve'],
    Cmd: ['--port', '8080'],
    Volumes: { '/data': {} },
    WorkingDir: '/srv/app',
    Labels: { 'org.example.version': '1.2', 'a b': 'c', extra: '1' },
    StopSignal: 'SIGQUIT',
  });
  assert.deepEqual(
    image.layers.map((layer) => [...layer.keys()]),
    [['srv'], ['srv', 'srv/app']],
  );
  assert.equal(image.config.created, '1980-01-02T00:00:00Z');
  assert.equal(image.config.history.filter((entry) => entry.empty_layer !== true).length, image.layers.length);
});

test(
  'RUN sees the environment, the user, the folder and the arguments of its stage',
  requires('user:subids', 'tool:busybox'),
  async () => {
    using box = sandbox();
    await writeBusyboxLayout(box.at('base'));
    box.file(
      'c/Containerfile',
      `FROM base
ARG who=world
ENV A=1 B="two words"
WORKDIR /work
RUN echo "$A|$B|$who|$(pwd)|$SOURCE_DATE_EPOCH" > shell
RUN ["/bin/sh", "-c", "echo exec > exec"]
USER app:staff
RUN id > /tmp/id; echo "$HOME" >> /tmp/id
`,
    );
    await box.tsbuild('--build-context', 'base=oci-layout://base', '-o', 'type=oci,dest=o.tar', 'c').succeeds();
    const { layers } = await readImage(box.at('o.tar'));
    const contentOf = (name: string): string | undefined =>
      layers
        .map((layer) => layer.get(name))
        .findLast((file) => file !== undefined)
        ?.content.toString();
    assert.equal(contentOf('work/shell'), '1|two words|world|/work|315619200\n');
    assert.equal(contentOf('work/exec'), 'exec\n');
    assert.equal(contentOf('tmp/id'), 'uid=1000(app) gid=50(staff) groups=50(staff)\n/home/app\n');
  },
);

test('COPY takes files, folders and links, and keeps modes', requires('user:subids'), async () => {
  using box = sandbox();
  box
    .file('Containerfile', 'FROM scratch\nCOPY a.sh tree/ /app/\nCOPY --chown=7:8 --chmod=0600 a.sh /secret\n')
    .file('a.sh', '#!/bin/sh\n', { mode: 0o755 })
    .file('tree/sub/deep', 'x')
    .link('tree/link', 'sub/deep')
    .file('.containerignore', 'tree/ignored\n')
    .file('tree/ignored', 'no');
  await box.tsbuild('-o', 'type=oci,dest=o.tar', '.').succeeds();
  const { layers } = await readImage(box.at('o.tar'));
  const [first, second] = layers;
  assert.deepEqual([...(first?.keys() ?? [])].toSorted(), ['app', 'app/a.sh', 'app/link', 'app/sub', 'app/sub/deep']);
  assert.equal(first?.get('app/a.sh')?.header.mode, 0o755);
  assert.deepEqual([first?.get('app/link')?.header.type, first?.get('app/link')?.header.linkname], ['symlink', 'sub/deep']);
  const { uid, gid, mode } = second?.get('secret')?.header ?? {};
  assert.deepEqual({ uid, gid, mode }, { uid: 7, gid: 8, mode: 0o600 });
});

// Only root of the machine can give a file capabilities that count.
test('COPY and ADD leave the capabilities of a file in the context behind', requires('root', 'user:subids'), async () => {
  using box = sandbox();
  box.file('Containerfile', 'FROM scratch\nCOPY f /copied\nADD f /added\n').file('f', 'x', { mode: 0o755 });
  setXattr(box.at('f'), 'security.capability', Buffer.from('0100000200200000000000000000000000000000', 'hex'));
  await box.tsbuild('-o', 'type=oci,dest=o.tar', '.').succeeds();
  const { layers } = await readImage(box.at('o.tar'));
  const headers = layers.flatMap((layer) => [...layer.values()].map(({ header }) => header));
  assert.deepEqual(
    headers.map(({ name, pax }) => [name, Object.keys(pax ?? {}).filter((key) => key.includes('xattr'))]),
    [
      ['copied', []],
      ['added', []],
    ],
  );
});

test(
  '--annotation, --label and --env of the command line are in the image, --unsetlabel and --unsetenv take away',
  requires('user:subids'),
  async () => {
    using box = sandbox();
    box.file('Containerfile', 'FROM scratch\nENV gone=1 kept=2\nLABEL gone=1 kept=2\n');
    await box
      .tsbuild(
        '--annotation',
        'org.example.a=b',
        '--annotation',
        'c=d=e',
        '--label',
        'l=m',
        '--env',
        'e=f',
        '--unsetlabel',
        'gone',
        '--unsetenv',
        'gone',
        '-o',
        'type=oci,dest=o.tar',
        '.',
      )
      .succeeds();
    const { manifest, config } = await readImage(box.at('o.tar'));
    const { Env, Labels } = config.config;
    assert.deepEqual(manifest.annotations, { 'org.example.a': 'b', c: 'd=e', 'io.tsbuild.layout': '1' });
    assert.deepEqual(
      [Env, Labels],
      [['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'kept=2', 'e=f'], { kept: '2', l: 'm' }],
    );
  },
);
