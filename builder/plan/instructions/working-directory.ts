import type { Span } from '../../../parser/syntax/span.ts';
import { refuse } from '../model/refuse.ts';
import { type InstructionContext, spanInFile } from './instruction-context.ts';

/** The file systems of the kernel, which a RUN gets and no image holds. */
const kernels = ['/proc/', '/sys/'];

/**
 * Refuses a working directory below /proc or /sys: what is there while a command runs is the kernel's, and leads to the process's own files.
 * `path` is absolute and clean. @throws ContainerfileError
 */
export function checkWorkingDirectory(path: string, { context, span }: { context: InstructionContext; span: Span }): void {
  const kernel = kernels.find((place) => path.startsWith(place));
  if (kernel === undefined) return;
  const isInherited = context.placed.instruction.kind !== 'workdir';
  const folder = `the folder lies in the kernel's ${kernel.slice(0, -1)}, which is not the image's`;
  refuse({
    code: 'working-directory',
    message: isInherited
      ? `Cannot run a command in "${path}", the working directory of the base image: ${folder}`
      : `Cannot work in "${path}": ${folder}`,
    span: spanInFile(context, span),
    hint: isInherited ? 'Choose another one before: WORKDIR /app' : 'Choose a folder of the image, such as WORKDIR /app',
  });
}
