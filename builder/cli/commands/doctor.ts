import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultStoreRoot } from '../../../cache/store-layout.ts';
import { gatherFacts } from '../../doctor/facts.ts';
import type { Finding } from '../../doctor/finding.ts';
import { findingsOf } from '../../doctor/findings.ts';
import { exitCode } from '../../exit-code.ts';
import { printableLine } from '../../printable.ts';
import type { CommandContext } from '../commands.ts';
import type { Flag } from '../flag.ts';
import { helpText } from '../help.ts';
import { refuseOperands } from '../operands.ts';
import { parseFlags } from '../parse-flags.ts';
import { helpFlag, storeFlag } from '../shared-flags.ts';

export const doctorFlags: readonly Flag[] = [
  { long: '--json', group: 'Other', help: 'Print the findings as JSON' },
  storeFlag('Other'),
  helpFlag,
];

/** What the trial of a worker showed. */
interface Trial {
  readonly tier: string | undefined;
  readonly description: string;
  readonly hint: string | undefined;
}

/** `tsbuild doctor`: exit code 0 when RUN can work in any way, 3 when not. */
export async function runDoctor({ argv, environment, stdout, signal }: CommandContext): Promise<number> {
  const parsed = parseFlags(argv, { flags: doctorFlags });
  if (parsed.isOn('--help') === true) {
    stdout.write(
      helpText({
        usage: 'tsbuild doctor [FLAGS]',
        summary: 'Says how builds run on this machine, and what is missing.',
        flags: doctorFlags,
      }),
    );
    return exitCode.success;
  }
  refuseOperands('doctor', parsed);
  const store = parsed.last('--store') ?? defaultStoreRoot(environment);
  const [facts, trial] = [await gatherFacts(store, environment), await tryWorker(signal)];
  const findings = findingsOf(facts);
  stdout.write(
    parsed.isOn('--json') === true ? `${JSON.stringify({ ...trial, findings }, undefined, 2)}\n` : text(trial, findings),
  );
  return trial.tier === undefined ? exitCode.environment : exitCode.success;
}

// Whether it works is not deduced but tried.
async function tryWorker(signal: AbortSignal): Promise<Trial> {
  const [{ WorkerClient }, { EnvironmentError }] = await Promise.all([
    import('../../../executor/host/worker-client.ts'),
    import('../../../executor/host/errors.ts'),
  ]);
  const storeRoot = await mkdtemp(join(tmpdir(), 'tsbuild-doctor-'));
  try {
    await using worker = await WorkerClient.start({ storeRoot, signal });
    return { tier: worker.tier.kind, description: worker.tier.description, hint: undefined };
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    return { tier: undefined, description: error.message, hint: error.hint };
  } finally {
    await rm(storeRoot, { recursive: true, force: true });
  }
}

function text({ tier, description, hint }: Trial, findings: readonly Finding[]): string {
  const verdict = tier === undefined ? 'RUN cannot work here' : `RUN works here (${tier})`;
  const lines = [`${verdict}: ${printableLine(description)}`, ...(hint === undefined ? [] : [`  to change that: ${hint}`]), ''];
  for (const { level, what, cures } of findings) {
    lines.push(`${marks[level]} ${printableLine(what)}`, ...cures.map((cure) => `      ${printableLine(cure)}`));
  }
  return `${lines.join('\n')}\n`;
}

const marks: Readonly<Record<Finding['level'], string>> = { ok: '  ok ', note: 'note ', problem: 'FAIL ' };
