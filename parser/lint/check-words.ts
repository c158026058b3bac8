import type { Heredoc, MountSyntax, StageInstruction, Word } from '../syntax/containerfile.ts';

/** The words of an instruction in which variables are replaced, ARG's and those of triggers excepted. */
export function expandableWords(instruction: StageInstruction): readonly Word[] {
  switch (instruction.kind) {
    case 'add':
    case 'copy':
      return [
        ...instruction.sources.flatMap((source) => (source.kind === 'path' ? [source.word] : [])),
        instruction.destination,
        ...present([instruction.chown, instruction.chmod, instruction.kind === 'add' ? instruction.checksum : undefined]),
      ];
    case 'env':
    case 'label':
      return instruction.pairs.flatMap(({ key, value }) => [key, value]);
    case 'expose':
      return instruction.ports;
    case 'run':
      return instruction.mounts.flatMap(mountWords);
    case 'stopsignal':
      return [instruction.signal];
    case 'user':
      return [instruction.user];
    case 'volume':
      return instruction.paths;
    case 'workdir':
      return [instruction.path];
    case 'arg':
    case 'cmd':
    case 'entrypoint':
    case 'healthcheck':
    case 'maintainer':
    case 'onbuild':
    case 'shell':
      return [];
  }
}

/** The here-documents in which variables are replaced by the builder. */
export function expandableHeredocs(instruction: StageInstruction): readonly Heredoc[] {
  if (instruction.kind !== 'copy' && instruction.kind !== 'add') return [];
  return instruction.sources.flatMap((source) => (source.kind === 'heredoc' && source.heredoc.expands ? [source.heredoc] : []));
}

function mountWords(mount: MountSyntax): readonly Word[] {
  return mount.fields.flatMap(({ key, value, span }) => (key === 'from' || value === undefined ? [] : [{ raw: value, span }]));
}

function present(words: readonly (Word | undefined)[]): readonly Word[] {
  return words.filter((word) => word !== undefined);
}
