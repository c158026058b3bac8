import { isAbsolute } from 'node:path/posix';
import { didYouMean } from '../../../parser/mistakes/suggest.ts';
import type {
  CmdInstruction,
  EntrypointInstruction,
  EnvInstruction,
  ExposeInstruction,
  HealthcheckInstruction,
  KeyValue,
  LabelInstruction,
  MaintainerInstruction,
  ShellInstruction,
  StopsignalInstruction,
  UserInstruction,
  VolumeInstruction,
  WorkdirInstruction,
} from '../../../parser/syntax/containerfile.ts';
import { expandPorts } from '../../../parser/values/ports.ts';
import { parseSignal, signalNames } from '../../../parser/values/signal.ts';
import type { Healthcheck } from '../../../registry/oci/image-config.ts';
import { byText } from '../../../registry/oci/text/sort-order.ts';
import type { PlannedStep } from '../model/plan.ts';
import { refuse } from '../model/refuse.ts';
import { valueOf, valuesOf } from '../stages/expand-word.ts';
import { goDuration, goList, goQuoteList } from './go-format.ts';
import { actionStep, configStep, type InstructionContext, spanInFile } from './instruction-context.ts';
import { joinImagePath } from './join-path.ts';
import { argvOf } from './plan-run.ts';
import { setVariable, workingDirectoryOf } from './stage-state.ts';
import { checkWorkingDirectory } from './working-directory.ts';

/** ENV: its values see the variables as they were before it, those of the same instruction too. */
export function planEnv(instruction: EnvInstruction, context: InstructionContext): PlannedStep {
  const { state } = context;
  const pairs = expandPairs(instruction.pairs, context);
  // Titles show what is set, not what the variables were set to by it.
  const step = configStep(context, `ENV ${pairs.map(([name, value]) => `${name}=${value}`).join(' ')}`);
  for (const [name, value] of pairs) {
    setVariable(state, name, value);
    state.config.env.set(name, value);
    state.fileEnv.add(name);
  }
  return step;
}

/** LABEL. */
export function planLabel(instruction: LabelInstruction, context: InstructionContext): PlannedStep {
  const pairs = expandPairs(instruction.pairs, context);
  for (const [name, value] of pairs) context.state.config.labels.set(name, value);
  return configStep(context, `LABEL ${pairs.map(([name, value]) => `${name}=${value}`).join(' ')}`);
}

function expandPairs(pairs: readonly KeyValue[], context: InstructionContext): readonly (readonly [string, string])[] {
  const { expander } = context.state;
  return pairs.map(({ key, value }) => {
    const name = valueOf(key, expander);
    if (name !== '') return [name, valueOf(value, expander)];
    return refuse({ code: 'name', message: `Cannot set "${key.raw}": the name is empty`, span: spanInFile(context, key.span) });
  });
}

/**
 * WORKDIR: the folder is made, owned by the present user, unless it is the root. As in BuildKit, configuration and history have an absolute
 * path as it was written.
 */
export function planWorkdir(instruction: WorkdirInstruction, context: InstructionContext): PlannedStep {
  const { state } = context;
  const text = valueOf(instruction.path, state.expander) || state.config.workingDirectory;
  const path = joinImagePath(workingDirectoryOf(state), text);
  checkWorkingDirectory(path, { context, span: instruction.path.span });
  state.config.workingDirectory = isAbsolute(text) ? text : path;
  const createdBy = `WORKDIR ${state.config.workingDirectory}`;
  if (state.config.workingDirectory === '/') return configStep(context, createdBy);
  return actionStep(context, { kind: 'make-directory', path, user: state.config.user }, { createdBy });
}

/** USER. */
export function planUser(instruction: UserInstruction, context: InstructionContext): PlannedStep {
  const user = valueOf(instruction.user, context.state.expander);
  context.state.config.user = user;
  return configStep(context, `USER ${user}`);
}

/** EXPOSE: ranges become single ports. The history has them in the order of the words as they were written, sorted. */
export function planExpose(instruction: ExposeInstruction, context: InstructionContext): PlannedStep {
  const { config, expander } = context.state;
  const exposed: string[] = [];
  for (const word of instruction.ports.toSorted((a, b) => byText(a.raw, b.raw))) {
    for (const text of valuesOf(word, expander)) {
      const result = expandPorts(text);
      if ('reason' in result) {
        const message = `Cannot expose "${text}": ${result.reason}`;
        refuse({ code: 'port', message, span: spanInFile(context, word.span), hint: 'Write port, port/udp or 8000-8010/tcp' });
      }
      exposed.push(...result.ports);
    }
  }
  for (const port of exposed) config.exposedPorts.add(port);
  return configStep(context, `EXPOSE ${goList(exposed)}`);
}

/** VOLUME: only the configuration; no folder is made, and what is written there later is kept. */
export function planVolume(instruction: VolumeInstruction, context: InstructionContext): PlannedStep {
  const { config, expander } = context.state;
  const paths = instruction.paths.map((word) => {
    const path = valueOf(word, expander);
    if (path !== '') return path;
    const message = `Cannot declare the volume "${word.raw}": VOLUME specified can not be an empty string`;
    return refuse({ code: 'missing-argument', message, span: spanInFile(context, word.span) });
  });
  for (const path of paths) config.volumes.add(path);
  return configStep(context, `VOLUME ${goList(paths)}`);
}

/** CMD. */
export function planCmd({ command }: CmdInstruction, context: InstructionContext): PlannedStep {
  const { state } = context;
  const argv = argvOf(command, context.state);
  state.config.cmd = argv;
  state.config.isArgsEscaped = true;
  state.hasCmd = true;
  return configStep(context, `CMD ${goQuoteList(argv)}`);
}

/** ENTRYPOINT: takes away a CMD that comes from the base, since that was meant for the base's own. */
export function planEntrypoint({ command }: EntrypointInstruction, context: InstructionContext): PlannedStep {
  const { state } = context;
  const argv = argvOf(command, context.state);
  state.config.entrypoint = argv;
  if (!state.hasCmd) state.config.cmd = undefined;
  return configStep(context, `ENTRYPOINT ${goQuoteList(argv)}`);
}

/** SHELL. */
export function planShell({ argv }: ShellInstruction, context: InstructionContext): PlannedStep {
  context.state.config.shell = argv;
  return configStep(context, `SHELL ${goList(argv)}`);
}

/** STOPSIGNAL: kept as written, once it is known to be a signal. */
export function planStopsignal({ signal }: StopsignalInstruction, context: InstructionContext): PlannedStep {
  const value = valueOf(signal, context.state.expander);
  if (parseSignal(value) === undefined) {
    const message = `Cannot use "${value}" as the stop signal: there is no such signal`;
    refuse({ code: 'signal', message, span: spanInFile(context, signal.span), hint: didYouMean(value, signalNames()) });
  }
  context.state.config.stopSignal = value;
  return configStep(context, `STOPSIGNAL ${value}`);
}

/** HEALTHCHECK: what is not set is left to whoever runs the image. */
export function planHealthcheck({ check }: HealthcheckInstruction, context: InstructionContext): PlannedStep {
  const test =
    check === undefined
      ? ['NONE']
      : check.command.form === 'exec'
        ? ['CMD', ...check.command.argv]
        : ['CMD-SHELL', check.command.text];
  context.state.config.healthcheck = healthcheckOf(test, check);
  const durations = [
    `Interval:${goDuration(check?.intervalNs ?? 0)}`,
    `Timeout:${goDuration(check?.timeoutNs ?? 0)}`,
    `StartPeriod:${goDuration(check?.startPeriodNs ?? 0)}`,
    `StartInterval:${goDuration(check?.startIntervalNs ?? 0)}`,
  ];
  return configStep(context, `HEALTHCHECK {Test:${goList(test)} ${durations.join(' ')} Retries:${check?.retries ?? 0}}`);
}

function healthcheckOf(test: readonly string[], check: HealthcheckInstruction['check']): Healthcheck {
  return {
    Test: test,
    ...(check?.intervalNs && { Interval: check.intervalNs }),
    ...(check?.timeoutNs && { Timeout: check.timeoutNs }),
    ...(check?.startPeriodNs && { StartPeriod: check.startPeriodNs }),
    ...(check?.startIntervalNs && { StartInterval: check.startIntervalNs }),
    ...(check?.retries && { Retries: check.retries }),
  };
}

/** MAINTAINER, which nobody should use: the author. */
export function planMaintainer({ name }: MaintainerInstruction, context: InstructionContext): PlannedStep {
  context.state.author = name.raw;
  return configStep(context, `MAINTAINER ${name.raw}`);
}
