import { fullName } from '../../registry/address/reference.ts';
import { unreachable } from '../../registry/oci/unreachable.ts';
import type { BuildResult } from '../contract/result.ts';
import { formKey, type ImageForm, imageForm } from '../image/image-form.ts';
import type { RootState } from '../layers/root-state.ts';
import type { Plan } from '../plan/model/plan.ts';
import type { OutputSettings, Settings } from '../settings/settings.ts';
import type { Session } from '../solve/build-session.ts';
import type { Solution } from '../solve/solve.ts';
import { type Delivery, deliver } from './deliver.ts';
import type { EarlyExport } from './early-export.ts';
import { type ImageSet, imageSet } from './image-set.ts';
import { makeImage } from './make-image.ts';
import { holdsImage } from './outputs.ts';

/** What was built for one platform. */
export interface BuiltPlatform {
  readonly plan: Plan;
  /** The finished file system. */
  readonly root: RootState;
  readonly steps: Solution['steps'];
}

/** Makes the images that the outputs want, each form once, and writes every output: files first, pushes last. */
export async function deliverAll(built: readonly BuiltPlatform[], early: EarlyExport, session: Session): Promise<BuildResult> {
  const { options, tell, failure } = session;
  const { signal } = failure;
  const { outputs } = options;
  const shown = early.takeOver();
  const sets = new Map<string, Promise<ImageSet>>();
  const imageFor = (output: OutputSettings): Promise<ImageSet> =>
    oncePerForm(imageForm(options, output), sets, (form) => makeSet(built, form, { session, early }));
  const exported: Delivery[] = [];
  // What the steps made goes to the disk while the outputs are written.
  const kept = session.store.flush();
  kept.catch(() => undefined);
  try {
    for (const output of pushesLast(outputs)) {
      await deliver(output, {
        ...session,
        signal,
        onProgress: early.onProgress,
        begunPush: (name) => early.begunPush(name),
        imageFor,
        roots: built,
        onExported: (place) => exported.push(place),
        onNotice: (message) => tell({ kind: 'notice', message }),
      });
    }
    await kept;
    await session.store.flush();
  } catch (error) {
    shown.fail(error, signal);
    throw error;
  }
  shown.end('done');
  for (const place of exported) tell({ kind: 'exported', ...place });
  return resultOf(built, {
    set: await imageWanted(outputs, imageFor),
    names: outputs.flatMap((output) => namesOf(output, options)).map(fullName),
    layout: options.layout,
  });
}

async function makeSet(
  built: readonly BuiltPlatform[],
  form: ImageForm,
  { session, early: { begun, onProgress } }: { readonly session: Session; readonly early: EarlyExport },
): Promise<ImageSet> {
  const { options, store, worker, folders, failure } = session;
  const images = [];
  for (const platform of built) {
    images.push(await makeImage(platform, form, { options, store, worker, folders, signal: failure.signal, onProgress, begun }));
  }
  return imageSet(images, form, options.isMultiPlatform);
}

function oncePerForm(
  form: ImageForm,
  sets: Map<string, Promise<ImageSet>>,
  make: (form: ImageForm) => Promise<ImageSet>,
): Promise<ImageSet> {
  const key = formKey(form);
  const set = sets.get(key) ?? make(form);
  sets.set(key, set);
  return set;
}

/** A push that fails must not keep files from being written. */
function pushesLast(outputs: readonly OutputSettings[]): readonly OutputSettings[] {
  return [...outputs.filter((output) => !isPush(output)), ...outputs.filter(isPush)];
}

function isPush(output: OutputSettings): boolean {
  return output.kind === 'registry' || (output.kind === 'image' && output.push);
}

/** The image that the result tells of: the first output's that is one. A build for its files alone makes none. */
function imageWanted(
  outputs: readonly OutputSettings[],
  imageFor: (output: OutputSettings) => Promise<ImageSet>,
): Promise<ImageSet | undefined> {
  const image = outputs.find(holdsImage);
  return image === undefined ? Promise.resolve(undefined) : imageFor(image);
}

/** The names that an output gives to the image. */
function namesOf(output: OutputSettings, { tags = [] }: Settings): readonly string[] {
  switch (output.kind) {
    case 'image':
    case 'registry':
      return output.names;
    case 'oci':
    case 'docker':
      return output.image.names ?? tags;
    case 'local':
    case 'tar':
    case 'none':
      return [];
    default:
      return unreachable(output);
  }
}

function resultOf(
  built: readonly BuiltPlatform[],
  { set, names, layout }: { readonly set: ImageSet | undefined } & Pick<BuildResult, 'names' | 'layout'>,
): BuildResult {
  const [only, ...more] = set?.images ?? [];
  return {
    layout,
    descriptor: set?.descriptor,
    imageId: more.length === 0 ? only?.manifest.config.digest : undefined,
    names: [...new Set(names)],
    steps: {
      total: built.reduce((sum, { steps }) => sum + steps.total, 0),
      cached: built.reduce((sum, { steps }) => sum + steps.cached, 0),
    },
  };
}
