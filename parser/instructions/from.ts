import type { Range } from '../lines/logical-line.ts';
import { checkFlags } from '../statements/flags.ts';
import { fail, type StatementInput, spanIn, textOf } from '../statements/statement.ts';
import { makeWord, makeWordFrom } from '../statements/word.ts';
import type { FromInstruction } from '../syntax/containerfile.ts';
import { splitAtBlanks } from '../words/word-split.ts';

/** `FROM [--platform=p] image [AS name]`. */
export function parseFrom(reading: StatementInput): FromInstruction | undefined {
  const { statement } = reading;
  const flags = checkFlags(statement.flags, { platform: 'text' }, { instruction: 'FROM', report: reading.report });
  const words = splitAtBlanks(statement.line.text, statement.rest);
  const [image, as, name] = words;
  if (image === undefined || !checkShape(reading, words)) {
    if (image === undefined) {
      const message = 'Cannot start a stage: FROM needs an image';
      fail(reading, { code: 'missing-argument', message, hint: 'Write FROM image [AS name]' }, statement.rest);
    }
    return undefined;
  }
  const platform = flags.one('platform');
  return {
    kind: 'from',
    ...reading.base,
    image: makeWord(reading, image),
    platform: platform === undefined ? undefined : makeWordFrom(reading, platform.value ?? '', platform.valueSpan),
    stageName: name === undefined ? undefined : stageName(reading, name),
    asKeyword: as === undefined ? undefined : { text: textOf(statement, as), span: spanIn(statement, as) },
  };
}

/** BuildKit's grammar of stage names, after lowering. */
function isStageName(name: string): boolean {
  return /^[a-z][a-z0-9-_.]*$/.test(name);
}

function checkShape(reading: StatementInput, words: readonly Range[]): boolean {
  const [image, as] = words;
  const asText = as === undefined ? '' : textOf(reading.statement, as);
  if (words.length === 1 || (words.length === 3 && /^as$/i.test(asText))) return true;
  if (image !== undefined && as !== undefined) {
    const isNameMissing = words.length === 2 && /^as$/i.test(asText);
    const message = isNameMissing
      ? 'Cannot name the stage: no name follows AS'
      : `Cannot read "${asText}": only AS and a name may follow the image`;
    const code = isNameMissing ? 'missing-argument' : 'too-many-arguments';
    fail(reading, { code, message, hint: 'Write FROM image [AS name]' }, { from: as.from, to: reading.statement.rest.to });
  }
  return false;
}

function stageName(reading: StatementInput, range: Range): FromInstruction['stageName'] {
  const text = textOf(reading.statement, range);
  if (!isStageName(text.toLowerCase())) {
    const message = `Cannot name a stage "${text}": a name starts with a letter and holds letters, digits, "-", "_" and "."`;
    fail(reading, { code: 'stage-name', message }, range);
  }
  return { text, span: spanIn(reading.statement, range) };
}
