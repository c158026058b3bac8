import { didYouMean } from '../../../parser/mistakes/suggest.ts';
import type { Containerfile } from '../../../parser/syntax/containerfile.ts';
import { unreachable } from '../../../registry/oci/unreachable.ts';
import { imageTransport } from '../../settings/transport.ts';
import type { PlanOptions } from '../model/plan-options.ts';
import { imageKey, type NamedContext, namedContextOf } from './image-request.ts';
import type { FileIndex, FoundSource, NameUse } from './selection.ts';

/** The stages of a file by name, seen from one stage: those before it can be used, those after it only be named in errors. */
export interface StageNames {
  /** Every name with the positions of its stages, in order. */
  readonly all: ReadonlyMap<string, readonly FileIndex[]>;
  /** Every name with the last stage before the present one. Grows as the file is walked. */
  readonly before: Map<string, FileIndex>;
  readonly options: PlanOptions;
}

/** The names of a file, seen from its start. */
export function stageNames(file: Containerfile, options: PlanOptions): StageNames {
  const all = new Map<string, FileIndex[]>();
  for (const [index, { name }] of file.stages.entries()) {
    if (name === undefined) continue;
    const known = all.get(name);
    if (known === undefined) all.set(name, [index]);
    else known.push(index);
  }
  return { all, before: new Map(), options };
}

/** The last stage of a name, any case. */
export function stageNamed(names: StageNames, name: string): FileIndex | undefined {
  return names.all.get(name.toLowerCase())?.at(-1);
}

/**
 * What a name stands for: a named context, else an earlier stage, else `scratch`, else an image.
 *
 * BuildKit compares the name in FROM in its written case and finds the last stage of a name that is given twice, even when it comes later;
 * here any case is found, and the nearest earlier stage.
 */
export function findSource(names: StageNames, use: NameUse): FoundSource {
  const context = namedContextOf(use.name, use.platform, names.options);
  if (context !== undefined) return contextSource(context, use);
  const stage = names.before.get(use.name.toLowerCase());
  if (stage !== undefined) return { kind: 'stage', stage };
  return use.name === 'scratch' ? { kind: 'scratch' } : imageSource(undefined, use, didYouMean(use.name, names.before.keys()));
}

/** What a named context stands for. */
export function contextSource(context: NamedContext, use: NameUse): FoundSource {
  switch (context.kind) {
    case 'scratch':
      return { kind: 'scratch' };
    case 'tree':
      return { kind: 'context', name: context.name };
    case 'image':
      return imageSource(context.name, use, undefined);
  }
}

function imageSource(context: string | undefined, { name, platform, span }: NameUse, hint: string | undefined): FoundSource {
  return {
    kind: 'image',
    request: { key: imageKey(name, platform), name, context, platform, span, hint: hint ?? transportHint(name) },
  };
}

/** Buildah takes images from other places by the name in FROM, which would tie the file to one machine. */
function transportHint(name: string): string | undefined {
  const transport = imageTransport(name);
  if (transport === undefined) return undefined;
  const place = transport.place.replace(/^\/\//, '');
  switch (transport.kind) {
    case 'registry':
      return `Write FROM ${place}`;
    case 'layout':
      return `For an image layout: --build-context base=oci-layout://${place}, and FROM base`;
    case 'archive':
      return `For an archive: --build-context base=${name}, and FROM base`;
    case 'folder':
    case 'engine':
      return 'Images come from registries, the store, or --build-context';
    default:
      return unreachable(transport.kind);
  }
}
