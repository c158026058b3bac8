import { unreachable } from '../../../registry/oci/unreachable.ts';
import type { PlannedStep } from '../model/plan.ts';
import type { InstructionContext } from './instruction-context.ts';
import { planArg } from './plan-arg.ts';
import { planAdd, planCopy } from './plan-copy.ts';
import { planRun } from './plan-run.ts';
import {
  planCmd,
  planEntrypoint,
  planEnv,
  planExpose,
  planHealthcheck,
  planLabel,
  planMaintainer,
  planShell,
  planStopsignal,
  planUser,
  planVolume,
  planWorkdir,
} from './plan-settings.ts';

/**
 * Applies one instruction to the state of its stage. undefined for ONBUILD, which leaves no history entry.
 *
 * @throws ContainerfileError
 */
export function planInstruction(context: InstructionContext): PlannedStep | undefined {
  const { instruction } = context.placed;
  switch (instruction.kind) {
    case 'add':
      return planAdd(instruction, context);
    case 'arg':
      return planArg(instruction, context);
    case 'cmd':
      return planCmd(instruction, context);
    case 'copy':
      return planCopy(instruction, context);
    case 'entrypoint':
      return planEntrypoint(instruction, context);
    case 'env':
      return planEnv(instruction, context);
    case 'expose':
      return planExpose(instruction, context);
    case 'healthcheck':
      return planHealthcheck(instruction, context);
    case 'label':
      return planLabel(instruction, context);
    case 'maintainer':
      return planMaintainer(instruction, context);
    case 'onbuild':
      context.state.config.onBuild.push(instruction.text);
      return undefined;
    case 'run':
      return planRun(instruction, context);
    case 'shell':
      return planShell(instruction, context);
    case 'stopsignal':
      return planStopsignal(instruction, context);
    case 'user':
      return planUser(instruction, context);
    case 'volume':
      return planVolume(instruction, context);
    case 'workdir':
      return planWorkdir(instruction, context);
    default:
      return unreachable(instruction);
  }
}
