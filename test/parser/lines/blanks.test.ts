import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommandSyntax, Instruction } from '../../../parser/syntax/containerfile.ts';
import { parseText } from '../reading.ts';
import { type CutInstruction, cutAsBuildKit } from './buildkit-lines.ts';

/** Where a character is put, at the `·`; each by itself is a file that stands alone. */
const positions: readonly string[] = [
  '·FROM a',
  'FROM·a',
  'FROM ·a',
  'FROM a·',
  'FROM a·b',
  'FROM a·AS b',
  'FROM a AS·b',
  'FROM a AS b·',
  'FROM a AS ·b',
  'FROM·--platform=linux/amd64 a',
  'FROM --platform=linux/amd64·a',
  'FROM --platform=linux/amd64 ·a',
  'FROM a\n·',
  'FROM a\n·\nRUN b',
  'FROM a\n·RUN b',
  'FROM a\nRUN·b',
  'FROM a\nRUN ·b',
  'FROM a\nRUN b·',
  'FROM a\nRUN b·c',
  'FROM a\nRUN·',
  'FROM a\nR·UN b',
  'FROM a\nRUN --network=none·b',
  'FROM a\nRUN --network=none ·b',
  'FROM a\nRUN ·--network=none b',
  'FROM a\nCMD·b',
  'FROM a\nCMD b·',
  'FROM a\n·# x\nRUN b',
  '·# x\nFROM a',
  'FROM a\n#·x\nRUN b',
  'FROM a\nRUN b \\\n·\nc',
  'FROM a\nRUN b \\\n·# x\nc',
  'FROM a\nRUN b \\\n·c',
  'FROM a\nRUN b \\·\nc',
  'FROM a\nRUN b·\\\nc',
  'FROM a\nRUN b \\\n c·',
  'FROM a\n·\\\nRUN b',
  'FROM a\nENV A=1·B=2',
  'FROM a\nENV·A=1',
  'FROM a\nENV ·A=1',
  'FROM a\nENV A=1·',
  'FROM a\nENV A·b',
  'FROM a\nENV A·b c',
  'FROM a\nENV A b·c',
  'FROM a\nENV A ·b',
  'FROM a\nENV A·=b',
  'FROM a\nENV A=·b',
  'FROM a\nENV A=1 \\\n·\nB=2',
  'FROM a\nLABEL a=1·b=2',
  'FROM a\nLABEL a·b',
  'FROM a\nARG A·B',
  'FROM a\nARG A=1·B=2',
  'FROM a\nARG·A',
  'ARG A·B=1\nFROM a',
  'FROM a\nCOPY b·/c',
  'FROM a\nCOPY b·c /d',
  'FROM a\nCOPY b /c·',
  'FROM a\nCOPY·b /c',
  'FROM a\nCOPY --link·b /c',
  'FROM a\nCOPY --link·--chown=1 b /c',
  'FROM a\nCOPY --chown=1 ·b /c',
  'FROM a\nCOPY ·--link b /c',
  'FROM a\nCOPY --·b /c',
  'FROM a\nWORKDIR·/b',
  'FROM a\nWORKDIR /b·',
  'FROM a\nWORKDIR /b·c',
  'FROM a\nUSER a·b',
  'FROM a\nMAINTAINER·a b',
  'FROM a\nMAINTAINER a·b',
  'FROM a\nVOLUME /a·/b',
  'FROM a\nVOLUME /a ·/b',
  'FROM a\nVOLUME /a · /b',
  'FROM a\nVOLUME·/a',
  'FROM a\nEXPOSE 1·2',
  'FROM a\nEXPOSE 1 ·2',
  'FROM a\nEXPOSE·1',
  'FROM a\nHEALTHCHECK·CMD b',
  'FROM a\nHEALTHCHECK CMD·b',
  'FROM a\nHEALTHCHECK CMD ·b',
  'FROM a\nHEALTHCHECK CMD b·',
  'FROM a\nHEALTHCHECK NONE·',
  'FROM a\nHEALTHCHECK NONE·x',
  'FROM a\nONBUILD·RUN b',
  'FROM a\nONBUILD ·RUN b',
  'FROM a\nONBUILD RUN·b',
  'FROM a\nONBUILD RUN b·',
  'FROM a\nONBUILD RUN b  ·  ',
  'FROM a\n·ONBUILD RUN b',
  '·# escape=`\nFROM a\nRUN b `\nc',
  '#·escape=`\nFROM a\nRUN b `\nc',
  '# escape·=`\nFROM a\nRUN b `\nc',
  '# escape=·`\nFROM a\nRUN b `\nc',
  '# escape=`·\nFROM a\nRUN b `\nc',
];

/** All control characters, all white space of Unicode, and what looks like it and is none. */
const characters: readonly number[] = [
  ...Array.from({ length: 0x20 }, (_, code) => code).filter((code) => code !== 0x0a),
  0x20,
  ...Array.from({ length: 0x22 }, (_, index) => 0x7f + index),
  0xad,
  0x1680,
  0x180e,
  ...Array.from({ length: 0x10 }, (_, index) => 0x2000 + index),
  0x2028,
  0x2029,
  0x202f,
  0x205f,
  0x2060,
  0x3000,
  0xfeff,
];

for (const position of positions) {
  test(`parse() splits at the blanks that BuildKit splits at: ${JSON.stringify(position)}`, () => {
    for (const code of characters) {
      const text = position.replace('·', String.fromCharCode(code));
      const name = `U+${code.toString(16).padStart(4, '0')}`;
      assert.deepEqual([name, cut(text)], [name, cutAsBuildKit(text)]);
    }
  });
}

/** What parse() makes of a text, in the terms of BuildKit's words. */
function cut(text: string): readonly CutInstruction[] | undefined {
  const { file } = parseText(text);
  if (file === undefined) return undefined;
  const instructions = [...file.globalArgs, ...file.stages.flatMap(({ from, body }) => [from, ...body])];
  return instructions.map((instruction) => ({
    keyword: instruction.keyword.toUpperCase(),
    flags: flagsOf(instruction),
    words: wordsOf(instruction),
  }));
}

function flagsOf(instruction: Instruction): readonly string[] {
  if (instruction.kind === 'from') return instruction.platform === undefined ? [] : [`--platform=${instruction.platform.raw}`];
  if (instruction.kind === 'run') return instruction.network === undefined ? [] : [`--network=${instruction.network.value}`];
  if (instruction.kind !== 'copy') return [];
  const { isLink, chown } = instruction;
  return [...(isLink ? ['--link'] : []), ...(chown === undefined ? [] : [`--chown=${chown.raw}`])];
}

function wordsOf(instruction: Instruction): readonly string[] {
  switch (instruction.kind) {
    case 'from': {
      const { image, asKeyword, stageName } = instruction;
      return [image.raw, ...(asKeyword === undefined ? [] : [asKeyword.text, stageName?.text ?? ''])];
    }
    case 'env':
    case 'label':
      return instruction.pairs.flatMap(({ key, value }) => [key.raw, value.raw]);
    case 'arg':
      return instruction.args.map(({ name, value }) => (value === undefined ? name : `${name}=${value.raw}`));
    case 'run':
    case 'cmd':
    case 'entrypoint':
      return commandWords(instruction.command);
    case 'healthcheck':
      return instruction.check === undefined ? ['NONE'] : commandWords(instruction.check.command);
    case 'copy':
    case 'add': {
      const sources = instruction.sources.map((source) => (source.kind === 'path' ? source.word.raw : ''));
      return [...sources, instruction.destination.raw];
    }
    case 'expose':
      return instruction.ports
        .flatMap(({ raw }) => raw.split(/[\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/))
        .filter((port) => port !== '');
    case 'volume':
      return instruction.paths.map(({ raw }) => raw);
    case 'workdir':
      return [instruction.path.raw];
    case 'user':
      return [instruction.user.raw];
    case 'maintainer':
      return [instruction.name.raw];
    case 'stopsignal':
      return [instruction.signal.raw];
    case 'shell':
      return instruction.argv;
    case 'onbuild':
      return [instruction.text];
  }
}

function commandWords(command: CommandSyntax): readonly string[] {
  return command.form === 'exec' ? command.argv : [command.text];
}
