import { test } from 'node:test';
import { sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

test('a missing Containerfile', async () => {
  using box = sandbox();
  await box
    .folder('c')
    .tsbuild('c')
    .fails({
      exit: 2,
      stderr: [/^error: Cannot find a Containerfile: "c" holds neither Containerfile nor Dockerfile\n/, /hint: /],
    });
  await box
    .tsbuild('-f', 'nowhere', 'c')
    .fails({ exit: 2, stderr: /^error: Cannot read Containerfile "nowhere": it does not exist\n/ });
});

test('an empty Containerfile', async () => {
  using box = sandbox();
  await box
    .file('Containerfile', '')
    .tsbuild('.')
    .fails({ exit: 2, stderr: /^error: Cannot .*Containerfile/ });
  await box
    .file('Containerfile', '# nothing but this\n\n')
    .tsbuild('.')
    .fails({ exit: 2, stderr: /^error: Cannot / });
});

test('a Containerfile that is a folder', async () => {
  using box = sandbox();
  await box
    .folder('Containerfile')
    .tsbuild('.')
    .fails({ exit: 2, stderr: /^error: Cannot read Containerfile "Containerfile": it is a folder\n/ });
});

test('a missing context, and one that is a file', async () => {
  using box = sandbox();
  await box.tsbuild('./nowhere').fails({ exit: 2, stderr: /^error: Cannot .*nowhere"/ });
  await box
    .tsbuild('nowhere')
    .fails({ exit: 2, stderr: /^error: Cannot run "tsbuild nowhere": .* no folder of this name to build/ });
  await box
    .file('file')
    .tsbuild('file')
    .fails({ exit: 2, stderr: /^error: Cannot .*"file"/ });
});

test('an unknown instruction, with a suggestion', async () => {
  using box = sandbox();
  box.file('Containerfile', 'FROM scratch\nCOPPY a /a\n');
  await box.tsbuild('.').fails({
    exit: 2,
    stderr: [
      /^error: Cannot .*COPPY/,
      / --> Containerfile:2:1\n {2}\|\n2 \| COPPY a \/a\n {2}\| \^{5}/,
      /hint: Did you mean "COPY"\?\n$/,
    ],
  });
});

test('all mistakes of a Containerfile are shown at once', async () => {
  using box = sandbox();
  box.file('Containerfile', 'FROM scratch\nCOPPY a /a\nWORKDIR\nEXPOSE 99999\n');
  await box.tsbuild('.').fails({ exit: 2, stderr: [/Containerfile:2:/, /Containerfile:3:/, /Containerfile:4:/] });
});

test('an unknown stage, with a suggestion', async () => {
  using box = sandbox();
  box.file('Containerfile', 'FROM scratch AS build\nFROM scratch\nCOPY --from=biuld /a /a\n');
  await box.tsbuild('--target', 'biuld', '.').fails({ exit: 2, stderr: [/biuld/, /Did you mean "build"\?/] });
});
