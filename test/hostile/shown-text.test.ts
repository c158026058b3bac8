import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { printable, printableJson, printableLine, reportedJson } from '../../builder/show/printable.ts';
import { codeFrame } from '../../parser/mistakes/code-frame.ts';
import { redactText } from '../../registry/errors/redact.ts';
import { hidePasswords } from '../../registry/oci/text/private-url.ts';
import { layerTar, writeLayout } from '../support/images.ts';
import { processorSeconds } from '../support/processor-seconds.ts';
import { requires } from '../support/requires.ts';
import { sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const range = (from: number, to: number): readonly string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => String.fromCharCode(from + index));

/** All that a terminal obeys, or that reorders or breaks what is read. */
const commands = [
  ...range(0x00, 0x08),
  ...range(0x0b, 0x1f),
  ...range(0x7f, 0x9f),
  '\u061c',
  ...range(0x200e, 0x200f),
  ...range(0x2028, 0x202e),
  ...range(0x2066, 0x2069),
  '\ufeff',
];
const hex = (character: string): string => `U+${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

for (const character of commands) {
  test(`${hex(character)} is not shown, and means itself in JSON`, () => {
    const text = `a${character}b c`;
    assert.ok(!printable(text).includes(character));
    assert.ok(!printableLine(text).includes(character));
    for (const json of [printableJson({ [text]: [text] }, 2), reportedJson({ [text]: [text] })]) {
      assert.ok(!json.includes(character));
      assert.deepEqual(JSON.parse(json), { [text]: [text] });
    }
    assert.ok(!codeFrame({ name: text, text }, { source: 0, start: 0, end: 4 }).includes(character));
  });
}

describe('passwords of addresses', () => {
  const secret = 's3cretpw';
  const rows: readonly (readonly [text: string, hidden: string])[] = [
    [`ADD http://user:${secret}@h/x /d/`, 'ADD http://*************@h/x /d/'],
    [`ADD https://user:${secret}@h /d/`, 'ADD https://*************@h /d/'],
    [`ADD HTTP://user:${secret}@h/x /d/`, 'ADD HTTP://*************@h/x /d/'],
    [`http://user:a@${secret}@h/x`, 'http://***************@h/x'],
    [`http://user:it's${secret}@h/x`, 'http://*****************@h/x'],
    [`https://${secret}@h/x.git`, 'https://********@h/x.git'],
    [`ssh://git:${secret}@h/x`, 'ssh://************@h/x'],
    [`ssh://a@b:${secret}@h/x`, 'ssh://************@h/x'],
    [`socks5://a:${secret}@h:1`, 'socks5://**********@h:1'],
    [`FROM user:${secret}@host/x`, 'FROM *************@host/x'],
    [`COPY --from=user:${secret}@host:5000/x a b`, 'COPY --from=*************@host:5000/x a b'],
    [`"user:${secret}@host/x"`, '"*************@host/x"'],
    [`two http://a:${secret}@h/ and http://b:${secret}@h/`, 'two http://**********@h/ and http://**********@h/'],
  ];
  for (const [text, hidden] of rows) {
    test(`of ${text.replaceAll(secret, '...')} are hidden in the same width`, () => {
      assert.equal(hidePasswords(text), hidden);
      assert.ok(!redactText(text).includes(secret));
      assert.ok(!reportedJson({ text }).includes(secret));
      assert.ok(!printableLine(text).includes(secret));
      const frame = codeFrame({ name: 'C', text }, { source: 0, start: 0, end: 3 });
      assert.ok(!frame.includes(secret), frame);
    });
  }

  for (const text of [
    'FROM debian:12@sha256:0123456789abcdef',
    'FROM r.example:5000/a/b:1@sha256:0123456789abcdef',
    'ADD git@github.com:org/repo.git /d',
    'ADD ssh://git@github.com/org/repo.git /d',
    'RUN npm install https://r.example/@scope/name@1.2.3',
    'RUN echo a@b.example c:d e@f',
    'COPY --chown=1000:1000 a@b /d/',
    'LABEL mail="somebody@example.com"',
  ]) {
    test(`are not seen in ${text}`, () => assert.equal(hidePasswords(text), text));
  }

  test('are hidden when a long line is cut in their middle', () => {
    const text = `ADD ${'x'.repeat(300)} http://user:${secret.repeat(40)}@h/x`;
    const start = text.indexOf(secret) + 200;
    assert.ok(!codeFrame({ name: 'C', text }, { source: 0, start, end: start + 3 }).includes(secret));
  });

  test('are looked for in linear time', () => {
    const seconds = processorSeconds(() => {
      for (const part of ['a:', '://', 'a@', ':@', 'a:b@c', '://a@', 'a:b@c.', '=a:@']) hidePasswords(part.repeat(200_000));
    });
    assert.ok(seconds < 5, `${seconds} s`);
  });
});

describe('what a Containerfile holds of passwords is shown by no command', requires('user:subids'), () => {
  const secret = 's3cretpw';
  const files: Readonly<Record<string, string>> = {
    refused: `FROM scratch\nADD http://user:${secret}@127.0.0.1:1/refused /d/\n`,
    checksum: `FROM scratch\nADD --checksum=sha256:1 http://user:${secret}@127.0.0.1:1/refused /d/\n`,
    base: `FROM user:${secret}@127.0.0.1:1/x\n`,
    from: `FROM scratch\nCOPY --from=user:${secret}@127.0.0.1:1/x a b\n`,
    variable: `ARG A=http://user:${secret}@h/\nFROM scratch\nARG A\nARG B=\${A:?}\nADD \${A}x /\n`,
    unknown: `FROM scratch\nAAD http://user:${secret}@h/ /\n`,
    git: `FROM scratch\nADD http://user:${secret}@127.0.0.1:1/x.git /d/\n`,
  };
  for (const [name, text] of Object.entries(files)) {
    for (const args of [
      [],
      ['--progress=rawjson'],
      ['check'],
      ['check', '--format=json'],
      ['check', '--format=sarif'],
      ['outline'],
      ['outline', '--format=json'],
      ['targets', '--format=json'],
    ]) {
      test(`${name}: ${args.join(' ') || 'build'}`, async () => {
        using box = sandbox();
        box.file('c/Containerfile', text);
        const { stdout, stderr } = await box.tsbuild(...args, 'c').finished();
        const encoded = Buffer.from(text).toString('base64');
        for (const shown of [stdout, stderr]) {
          assert.ok(!shown.includes(secret) && !shown.includes(encoded), shown);
          assert.doesNotMatch(shown, /This is a bug/);
        }
      });
    }
  }

  test('nor those of flags', async () => {
    using box = sandbox();
    box.file('c/Containerfile', 'FROM scratch\nCOPY Containerfile /\n');
    for (const args of [
      ['--tag', `http://user:${secret}@h/x`],
      ['--tag', `user:${secret}@h/x`],
      ['--build-context', `a=http://user:${secret}@127.0.0.1:1/x`],
      ['-f', `http://user:${secret}@127.0.0.1:1/x`],
      ['-o', `type=registry,name=user:${secret}@h/x`],
    ]) {
      const { stdout, stderr } = await box.tsbuild(...args, 'c').finished();
      assert.ok(!`${stdout}${stderr}`.includes(secret), stderr);
    }
  });
});

describe('an image whose words a terminal would obey', requires('user:subids'), () => {
  test('is shown harmlessly by every command', async () => {
    const evil = `x\u009b31m\u202e\u2066\u2028\u007fy`;
    using box = sandbox();
    const config = { Env: [`A=${evil}`], Labels: { [evil]: evil }, Cmd: [evil] };
    box.file('c/Containerfile', 'FROM scratch\nCOPY Containerfile /\n');
    const layers = [await layerTar([{ name: evil, content: evil }])];
    writeLayout(box.at('layout'), { layers, config, createdBy: evil });
    await box.tsbuild('copy', 'oci:layout', 'store:evil').succeeds();
    for (const args of [
      ['inspect', 'evil'],
      ['inspect', '--layers', 'evil'],
      ['inspect', '--format', '{{json .}}', 'evil'],
      ['inspect', '--format', '{{.images}}', 'evil'],
      ['manifest', 'inspect', 'evil'],
      ['history', 'evil'],
      ['history', '--json', 'evil'],
      ['images'],
      ['images', '--json'],
      ['du', '--json'],
    ]) {
      const { stdout, stderr } = await box.tsbuild(...args).finished();
      for (const character of evil.replace(/[xym\d]/g, '')) assert.ok(!`${stdout}${stderr}`.includes(character), args.join(' '));
    }
    const { stdout } = await box.tsbuild('inspect', 'evil').succeeds();
    assert.ok(JSON.stringify(JSON.parse(stdout)).includes(JSON.stringify(evil).slice(1, -1)));
  });

  test('outlines and their words too', async () => {
    using box = sandbox();
    const evil = 'x\u202ey\u001b[31mred\u009b\u2069';
    box.file('c/Containerfile', `ARG A="${evil}"\nFROM scratch\nARG A\n`);
    for (const args of [['outline'], ['outline', '--format=json'], ['check', '--format=json'], ['targets']]) {
      const { stdout } = await box.tsbuild(...args, 'c').finished();
      for (const character of ['\u202e', '\u001b', '\u009b', '\u2069']) assert.ok(!stdout.includes(character), stdout);
    }
    const text = (await box.tsbuild('outline', 'c').succeeds()).stdout;
    assert.match(text, /A +xyred/);
  });
});
