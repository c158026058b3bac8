import { type PlanResult, plan } from '../../../builder/plan/make-plan.ts';
import type { PlannedRun, PlannedStage, PlannedStep } from '../../../builder/plan/model/plan.ts';
import type { PlanOptions } from '../../../builder/plan/model/plan-options.ts';
import { selectStages } from '../../../builder/plan/stages/select-stages.ts';
import { ContainerfileError } from '../../../parser/mistakes/errors.ts';
import { parse } from '../../../parser/parse.ts';
import type { Containerfile } from '../../../parser/syntax/containerfile.ts';
import { digestOf } from '../../../registry/oci/digest.ts';
import type { ImageConfig } from '../../../registry/oci/image-config.ts';
import type { SourceImage } from '../../../registry/oci/image-source.ts';
import { mediaType } from '../../../registry/oci/media-type.ts';

const amd64 = { os: 'linux', architecture: 'amd64' };

/** Options as a plain `tsbuild .` on amd64 has them. */
export const plainOptions: PlanOptions = {
  target: undefined,
  platform: amd64,
  isPlatformExplicit: false,
  buildPlatform: amd64,
  buildArgs: new Map(),
  contexts: new Map(),
  labels: {},
  unsetLabels: [],
  env: {},
  unsetEnv: [],
  allow: new Set(),
  network: 'default',
  noCache: false,
  from: undefined,
  sourceDateEpoch: undefined,
  sources: [],
};

/** The tree of a text that has no mistakes of its own. */
export function parsed(text: string): Containerfile {
  const { file, diagnostics } = parse([{ name: 'Containerfile', text }]);
  if (file === undefined) throw new ContainerfileError(diagnostics);
  return file;
}

/** An image with one layer and one history entry, unless `config` says otherwise. */
export function image(reference: string, config: Partial<ImageConfig> = {}): SourceImage {
  const full: ImageConfig = {
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: [digestOf(reference)] },
    history: [{ created: '2020-01-01T00:00:00Z', created_by: 'ADD rootfs.tar /' }],
    ...config,
  };
  const descriptor = { mediaType: mediaType.manifest, digest: digestOf(`manifest of ${reference}`), size: 1 };
  return {
    reference,
    descriptor,
    manifestBytes: new Uint8Array(),
    manifest: { schemaVersion: 2, mediaType: mediaType.manifest, config: descriptor, layers: [] },
    configBytes: new Uint8Array(),
    config: full,
    blobs: { name: reference, open: () => Promise.reject(new Error('planning opens no blob')) },
  };
}

/** How a text is planned. `images` by name; a name that is not there is an image without a configuration. */
export type PlanSetup = Partial<PlanOptions> & {
  readonly images?: Readonly<Record<string, Partial<ImageConfig>>>;
  /** How many layers the manifest of each image has. */
  readonly layers?: number;
};

/** Plans a text, resolving images as a build does: until nothing is missing. */
export function planText(text: string, { images = {}, layers = 0, ...options }: PlanSetup = {}): PlanResult {
  const file = parsed(text);
  const full = { ...plainOptions, ...options };
  const resolved = new Map<string, SourceImage>();
  for (let passes = 0; passes < 5; passes++) {
    const { missing } = selectStages(file, full, resolved);
    if (missing.length === 0) break;
    for (const { key, name } of missing) resolved.set(key, withLayers(image(name, images[name]), layers));
  }
  return plan(file, full, resolved);
}

function withLayers(base: SourceImage, count: number): SourceImage {
  const layers = Array.from({ length: count }, (_, index) => ({ ...base.descriptor, digest: digestOf(`layer ${index}`) }));
  return { ...base, manifest: { ...base.manifest, layers } };
}

/** The target of a plan. */
export function targetOf(text: string, setup?: PlanSetup): PlannedStage {
  const result = planText(text, setup);
  const stage = result.plan.stages[result.plan.target];
  if (stage === undefined) throw new Error('no target');
  return stage;
}

/** The last step of the target. */
export function lastStep(text: string, setup?: PlanSetup): PlannedStep {
  const step = targetOf(text, setup).steps.at(-1);
  if (step === undefined) throw new Error('no steps');
  return step;
}

/** What the last instruction of the target, a RUN, does. */
export function lastRun(text: string, setup?: PlanSetup): PlannedRun {
  const { action } = lastStep(text, setup);
  if (action?.kind !== 'run') throw new Error('the last instruction is no RUN');
  return action;
}

/** The environment of the last RUN without what is always there. */
export function runEnv(text: string, setup?: PlanSetup): readonly string[] {
  return lastRun(text, setup).env.filter((entry) => !/^(PATH|SOURCE_DATE_EPOCH)=/.test(entry));
}

/** The history strings of the target's own steps. */
export function historyOf(text: string, setup?: PlanSetup): readonly (string | undefined)[] {
  return targetOf(text, setup).steps.map(({ history }) => history.created_by);
}

/** What a text is refused with: codes and messages. */
export function refusal(text: string, setup?: PlanSetup): readonly string[] {
  try {
    planText(text, setup);
  } catch (error) {
    if (error instanceof ContainerfileError) return error.diagnostics.map(({ code, message }) => `${code}: ${message}`);
    throw error;
  }
  return [];
}
