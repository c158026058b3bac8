import type { StorageChoice } from '../../../executor/protocol/storage.ts';
import { gatherFacts } from '../../inspect/doctor/facts.ts';
import type { Finding } from '../../inspect/doctor/finding.ts';
import { findingsOf } from '../../inspect/doctor/findings.ts';
import { type Trial, tryRun } from '../../inspect/doctor/trial.ts';
import { exitCode } from '../../report/exit-code.ts';
import { askedStorage, storageNotice } from '../../session/worker-storage.ts';
import { printableLine, reportedJson } from '../../show/printable.ts';
import type { Flag } from '../flags/flag.ts';
import { refuseOperands } from '../flags/operands.ts';
import { parseFlags } from '../flags/parse-flags.ts';
import { helpFlag, storageFlag, storageOf, storeFlags, storeOwnerOf, storeRootOf } from '../flags/shared-flags.ts';
import type { CommandContext } from '../terminal/command-context.ts';
import { helpText } from '../terminal/help.ts';
import { waitFor } from '../terminal/wait.ts';

/** What the command takes. Exported for tests. */
export const doctorFlags: readonly Flag[] = [
  { long: '--json', group: 'Other', help: 'Print the findings as JSON' },
  ...storeFlags('Other'),
  storageFlag('Other'),
  helpFlag,
];

/** `tsbuild doctor`: exit code 0 when RUN can work in any way, 3 when not. */
export async function runDoctor(context: CommandContext): Promise<number> {
  const { argv, environment, stdout, signal } = context;
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
  const store = storeRootOf(parsed, environment);
  const owner = storeOwnerOf(parsed);
  const storage = askedStorage(storageOf(parsed), environment);
  const [facts, trial] = await waitFor({ title: 'doctor', context }, async () => {
    const gathered = await gatherFacts(store, environment, owner);
    return [gathered, await tryRun(gathered.store, { storage, signal })] as const;
  });
  const findings = findingsOf(facts, trial);
  stdout.write(parsed.isOn('--json') === true ? `${reportedJson({ ...trial, findings }, 2)}\n` : text(trial, findings));
  return trial.works ? exitCode.success : exitCode.environment;
}

function text({ works, tier, storage, description, hint, reasons }: Trial, findings: readonly Finding[]): string {
  const verdict = works ? `RUN works here (${tier})` : 'RUN cannot work here';
  const lines = [
    `${verdict}: ${printableLine(description)}`,
    ...reasons.map((reason) => `  because: ${printableLine(reason)}`),
    ...storageLines(storage),
    ...(hint === undefined ? [] : [`  to change that: ${printableLine(hint)}`]),
    '',
  ];
  for (const { level, what, cures } of findings) {
    lines.push(`${marks[level]} ${printableLine(what)}`, ...cures.map((cure) => `      ${printableLine(cure)}`));
  }
  return `${lines.join('\n')}\n`;
}

function storageLines(storage: StorageChoice | undefined): readonly string[] {
  const notice = storage === undefined ? undefined : storageNotice(storage);
  return notice === undefined ? [] : [`  ${printableLine(notice)}`];
}

const marks: Readonly<Record<Finding['level'], string>> = { ok: '  ok ', note: 'note ', problem: 'FAIL ' };
