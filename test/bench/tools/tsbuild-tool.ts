import { join } from 'node:path';
import { removeTree } from '../../support/remove-tree.ts';
import { programCommand } from '../../support/sandbox.ts';
import { timeOf } from '../measure.ts';
import { type BaseImage, type Build, baseContext, type Output, type Tool } from './tool.ts';
import { command, type Workshop } from './workshop.ts';

/** A Node that the program runs on. */
export interface MeasuredNode {
  readonly version: string;
  readonly path: string;
}

/** The program on the Node of the bench. */
export function tsbuildTool(program: MeasuredProgram): Tool {
  return {
    name: 'tsbuild',
    version: `Node ${process.versions.node}`,
    prepare: (base) => program.prepare(base),
    build: (build) => program.build(process.execPath, build),
    forget: () => program.forget(),
  };
}

/** The same program, with the same stores, on another Node: nothing changes in its builds. */
export function followerTool(program: MeasuredProgram, { version, path }: MeasuredNode): Tool {
  return {
    name: followerName(version),
    version: `Node ${version}`,
    isFollower: true,
    prepare: () => Promise.resolve(),
    build: (build) => program.build(path, build),
  };
}

/** The name of the tool that is the program on another Node. */
export function followerName(version: string): string {
  return `tsbuild on ${version.split('.')[0] ?? ''}`;
}

/** Each cold build has a new store. Old ones go when nothing is measured, since file systems are slow after many files were removed. */
export class MeasuredProgram {
  readonly #contexts: string[] = [];
  readonly #workshop: Workshop;
  #stores = 0;
  #removed = 0;

  constructor(workshop: Workshop) {
    this.#workshop = workshop;
  }

  async prepare(base: BaseImage): Promise<void> {
    this.#contexts.push(...baseContext(base));
  }

  build(node: string, { context, isCold, output }: Build): Promise<number> {
    const [, script] = programCommand();
    if (isCold) this.#stores += 1;
    const flags = ['-q', '--store', this.#store(this.#stores), '--network', 'host', '--allow', 'network.host'];
    const more = [...this.#contexts, ...outputFlags(this.#workshop, output), context];
    return timeOf(command(this.#workshop, [node, script, ...flags, ...more]));
  }

  async forget(): Promise<void> {
    for (; this.#removed <= this.#stores; this.#removed += 1) removeTree(this.#store(this.#removed));
  }

  #store(number: number): string {
    return join(this.#workshop.folder, `tsbuild-${number}`);
  }
}

function outputFlags({ folder }: Workshop, output: Output): readonly string[] {
  switch (output.kind) {
    case 'none':
      return ['-o', 'type=none'];
    case 'archive':
      return ['-o', `type=oci,dest=${join(folder, 'tsbuild.tar')},compression=${output.compression}`];
    case 'push':
      return ['-t', `${output.registry}/tsbuild:1`, '--push'];
  }
}
