import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { plan } from '../../builder/plan/make-plan.ts';
import { selectStages } from '../../builder/plan/stages/select-stages.ts';
import { check } from '../../parser/lint/check.ts';
import { parse } from '../../parser/parse.ts';
import type { Containerfile } from '../../parser/syntax/containerfile.ts';
import { image, plainOptions } from '../builder/plan/plan-text.ts';
import { median } from './measure.ts';

// node dist/test/bench/language.js: seconds of processor time that large files take, each in a process of its own.
// Goals: 5 MB parse in a second, 10,000 instructions plan in a second.

const fileBytes = 5_000_000;
const rounds = 5;

const mixed = [
  'RUN apt-get update && apt-get install -y $PKG',
  'COPY --chown=1:1 a b$V /d/',
  'ENV V=$V W="x y"',
  'LABEL l=$V',
  'ARG A=$V',
  'WORKDIR /w/$A',
  '# a comment',
  'EXPOSE 80/tcp 443',
  'RUN --mount=type=cache,target=/c make \\\n  && echo x \\\n  # comment\n  && echo y',
  'CMD ["a", "b"]',
  'ENTRYPOINT ["x"]',
  'USER app:app',
  '',
].join('\n');

interface Measurement {
  readonly text: () => string;
  readonly run: (text: string) => unknown;
}

const measurements: Readonly<Record<string, Measurement>> = {
  'parse 5 MB of RUN': { text: () => repeated('RUN make -j2 all x yz\n', fileBytes), run: parsed },
  'parse 5 MB of a mix': { text: () => repeated(`${mixed}\n`, fileBytes), run: parsed },
  'parse 5 MB of ENV': { text: () => repeated('ENV A=12\n', fileBytes), run: parsed },
  'check 5 MB of a mix': { text: () => repeated(`${mixed}\n`, fileBytes), run: checked },
  'plan 10,000 instructions': { text: () => manyLines(10_000, (index) => mixed.split('\n')[index % 4] ?? ''), run: planned },
  'plan 5,000 ENV and 5,000 RUN': {
    text: () => manyLines(5_000, (index) => `ENV V${index}=${index}\nRUN x${index}`),
    run: planned,
  },
  'plan 5,000 ARG and 5,000 RUN': {
    text: () => manyLines(5_000, (index) => `ARG V${index}=${index}\nRUN x${index}`),
    run: planned,
  },
  'plan 1,000 stages in a chain': {
    text: () => manyLines(1_000, (index) => `FROM s${index} AS s${index + 1}\nENV v${index % 50}=${index}\nRUN x`),
    run: planned,
  },
};

const [wanted] = process.argv.slice(2);
if (wanted === undefined) measureAll();
else process.stdout.write(`${secondsOf(wanted)}\n`);

function measureAll(): void {
  for (const name of Object.keys(measurements)) {
    const seconds = Array.from({ length: rounds }, () => secondsIn(name));
    process.stdout.write(
      `${name.padEnd(32)}${median(seconds).toFixed(2)} s (${seconds.map((one) => one.toFixed(2)).join(' ')})\n`,
    );
  }
}

function secondsIn(name: string): number {
  return Number(spawnSync(process.execPath, [fileURLToPath(import.meta.url), name], { encoding: 'utf8' }).stdout);
}

/** Of the process: what the garbage collector and the compiler do beside it is in it. */
function secondsOf(name: string): number {
  const measurement = measurements[name];
  if (measurement === undefined) throw new Error(`There is no measurement "${name}"`);
  const text = measurement.text();
  const before = process.cpuUsage();
  measurement.run(text);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

function repeated(lines: string, bytes: number): string {
  return `FROM a\n${lines.repeat(Math.floor(bytes / lines.length))}`;
}

function manyLines(count: number, line: (index: number) => string): string {
  return ['FROM b AS s0', ...Array.from({ length: count }, (_, index) => line(index))].join('\n');
}

function parsed(text: string): Containerfile {
  return parse([{ name: 'Containerfile', text }]).partial;
}

function checked(text: string): unknown {
  return check(parsed(text), { sources: [{ name: 'Containerfile', text }] });
}

function planned(text: string): unknown {
  const file = parsed(text);
  const images = new Map(selectStages(file, plainOptions).images.map(({ key, name }) => [key, image(name)]));
  return plan(file, plainOptions, images);
}
