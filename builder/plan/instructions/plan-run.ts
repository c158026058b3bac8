import type { CommandSyntax, RunInstruction } from '../../../parser/syntax/containerfile.ts';
import type { Entitlement } from '../../settings/run-settings.ts';
import type { PlannedMount, PlannedRun, PlannedStep } from '../model/plan.ts';
import { refuse } from '../model/refuse.ts';
import type { Expander } from '../stages/expand-word.ts';
import { defaultShell } from './config-state.ts';
import { actionStep, type InstructionContext, spanInFile } from './instruction-context.ts';
import { planMounts } from './plan-mounts.ts';
import { argumentPrefixOf, environmentOf, type StageState, workingDirectoryOf } from './stage-state.ts';
import { instructionTitle, scriptSummary } from './titles.ts';
import { checkWorkingDirectory } from './working-directory.ts';

/** RUN. @throws ContainerfileError for a mount that cannot be, and for what was not allowed */
export function planRun(instruction: RunInstruction, context: InstructionContext): PlannedStep {
  const { state } = context;
  const cwd = workingDirectoryOf(state);
  checkWorkingDirectory(cwd, { context, span: instruction.span });
  const script = scriptFile(instruction, context);
  const mounts = planMounts(instruction.mounts, context);
  const argv = script === undefined ? argvOf(instruction.command, state) : withShell(state, script.target);
  const action: PlannedRun = {
    kind: 'run',
    argv,
    env: environmentOf(state),
    cwd,
    user: state.config.user,
    network: networkOf(instruction, context),
    security: securityOf(instruction, context),
    mounts,
    devices: instruction.devices.map((device) => ({ ...device, span: spanInFile(context, device.span) })),
    files: script === undefined ? [] : [script],
  };
  const createdBy = `RUN ${argumentPrefixOf(state)}${argv.join(' ')} # buildkit`;
  return actionStep(context, action, { createdBy, title: titleOf(instruction, mounts, state.expander) });
}

/** A command as the program and its arguments: shell forms are the last argument of SHELL. */
function withShell({ config, imagePlatform }: StageState, text: string): readonly string[] {
  const { shell = [] } = config;
  return [...(shell.length === 0 ? defaultShell(imagePlatform.os) : shell), text];
}

/** The program and arguments of an instruction that has a command. */
export function argvOf(command: CommandSyntax, state: StageState): readonly string[] {
  return command.form === 'exec' ? command.argv : withShell(state, command.text);
}

/** A here-document that names its own interpreter, as the file that SHELL is told to run. */
function scriptFile({ script }: RunInstruction, context: InstructionContext): PlannedRun['files'][number] | undefined {
  if (script === undefined || !script.text.startsWith('#!')) return undefined;
  if (script.name.includes('/') || script.name === '.' || script.name === '..') {
    const message = `Cannot run the script "${script.name}": its name becomes a file name, which holds no slash`;
    refuse({ code: 'name', message, span: spanInFile(context, script.span), hint: 'Name it <<EOF' });
  }
  return { target: `/dev/pipes/${script.name}`, text: script.text, mode: 0o755 };
}

function networkOf({ network }: RunInstruction, context: InstructionContext): PlannedRun['network'] {
  const { options } = context;
  if (network?.value === 'none') return 'none';
  if (network?.value !== 'host') return options.network;
  // Whoever gives every RUN the host's network has allowed it.
  if (options.network !== 'host') requireEntitlement('network.host', { context, span: network.span });
  return 'host';
}

function securityOf({ security }: RunInstruction, context: InstructionContext): PlannedRun['security'] {
  if (security?.value !== 'insecure') return 'sandbox';
  requireEntitlement('security.insecure', { context, span: security.span });
  return 'insecure';
}

function requireEntitlement(
  name: Entitlement,
  { context, span }: { readonly context: InstructionContext; readonly span: RunInstruction['span'] },
): void {
  if (context.options.allow.has(name)) return;
  const message = `Cannot run this step: entitlement ${name} is not allowed`;
  refuse({ code: 'not-supported', message, span: spanInFile(context, span), hint: `Allow it with --allow ${name}` });
}

function titleOf(instruction: RunInstruction, mounts: readonly PlannedMount[], expander: Expander): string {
  const secrets = new Set(mounts.flatMap((mount) => (mount.kind === 'secret' && mount.env !== undefined ? [mount.env] : [])));
  const title = instructionTitle(instruction, {
    ...expander,
    env: (name) => (secrets.has(name) ? '****' : expander.env(name)),
  });
  return instruction.script === undefined ? title : `${title} (${scriptSummary(instruction.script.text)})`;
}
