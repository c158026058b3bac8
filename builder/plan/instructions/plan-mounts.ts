import { posix } from 'node:path';
import { type ResolvedMount, resolveMount } from '../../../parser/instructions/mount.ts';
import { ContainerfileError } from '../../../parser/mistakes/errors.ts';
import type { MountSyntax } from '../../../parser/syntax/containerfile.ts';
import type { PlannedMount } from '../model/plan.ts';
import { refuse } from '../model/refuse.ts';
import { valueOfText } from '../stages/expand-word.ts';
import { type InstructionContext, spanInFile } from './instruction-context.ts';
import { joinImagePath } from './join-path.ts';
import { workingDirectoryOf } from './stage-state.ts';

/** The mounts of a RUN, with variables replaced and defaults filled in. @throws ContainerfileError */
export function planMounts(mounts: readonly MountSyntax[], context: InstructionContext): readonly PlannedMount[] {
  let agents = 0;
  return mounts.map((syntax) => {
    const { mount, diagnostics } = resolveMount(syntax, (text, span) => valueOfText(text, span, context.state.expander));
    if (mount === undefined) throw new ContainerfileError(diagnostics);
    return planMount(mount, { syntax, context, agent: mount.kind === 'ssh' ? agents++ : 0 });
  });
}

interface MountRequest {
  readonly syntax: MountSyntax;
  readonly context: InstructionContext;
  /** The number of an ssh mount among those of its RUN. */
  readonly agent: number;
}

function planMount(mount: ResolvedMount, place: MountRequest): PlannedMount {
  switch (mount.kind) {
    case 'bind':
      return planBind(mount, place);
    case 'cache':
      return planCache(mount, place);
    case 'tmpfs':
      return { kind: 'tmpfs', target: targetOf(mount.target, place), sizeBytes: mount.sizeBytes };
    case 'secret': {
      const target = mount.target === undefined ? undefined : targetOf(mount.target, place);
      return { ...mount, target };
    }
    case 'ssh':
      return { ...mount, target: targetOf(mount.target ?? `/run/buildkit/ssh_agent.${place.agent}`, place) };
  }
}

function planBind(mount: Extract<ResolvedMount, { kind: 'bind' }>, place: MountRequest): PlannedMount {
  return {
    kind: 'bind',
    target: targetOf(mount.target, place),
    from: place.context.sourceOf(place.syntax) ?? { kind: 'context', name: undefined },
    source: joinImagePath('/', mount.source ?? '/'),
    isWritable: !mount.isReadOnly,
  };
}

function planCache(mount: Extract<ResolvedMount, { kind: 'cache' }>, place: MountRequest): PlannedMount {
  const target = targetOf(mount.target, place);
  const source = joinImagePath('/', mount.source ?? '/');
  const from = place.context.sourceOf(place.syntax);
  // The owner and mode are those of the cache's own top folder, which is not mounted when a folder below it is.
  const isTop = source === '/';
  return {
    kind: 'cache',
    target,
    id: cacheId(mount.id ?? posix.normalize(mount.target), place),
    sharing: mount.sharing,
    from: from?.kind === 'scratch' ? undefined : from,
    source,
    isReadOnly: mount.isReadOnly,
    uid: (isTop ? mount.uid : undefined) ?? 0,
    gid: (isTop ? mount.gid : undefined) ?? 0,
    mode: (isTop ? mount.mode : undefined) ?? 0o755,
  };
}

/** Builds that must not share caches, such as those of several projects on one machine, can name a space for theirs. */
function cacheId(id: string, { context }: MountRequest): string {
  const namespace = context.globals.given.get('BUILDKIT_CACHE_MOUNT_NS') ?? '';
  return namespace === '' ? id : `${namespace}/${id}`;
}

function targetOf(text: string, { syntax, context }: MountRequest): string {
  const target = joinImagePath(workingDirectoryOf(context.state), text);
  if (target !== '/') return target;
  const message = `Cannot mount at "${text === '' ? '/' : text}": invalid mount target, it is the root of the file system`;
  return refuse({ code: 'mount', message, span: spanInFile(context, syntax.span), hint: 'Name another folder with target=' });
}
