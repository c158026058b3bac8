/** A worker that plays scenarios: it reads one JSON line each from its socket and answers with another. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { mountRootfs } from '../../../../executor/inside/overlay/rootfs.ts';
import { BlobGrowth } from '../../../../executor/inside/request/blob-growth.ts';
import { toFailure } from '../../../../executor/inside/request/failure.ts';
import { RequestCancelled } from '../../../../executor/inside/request/request-context.ts';
import { runAction } from '../../../../executor/inside/run/run-action.ts';
import type { CommandUsage } from '../../../../executor/protocol/command-usage.ts';
import { isMapped } from '../../../../native/id-extents.ts';
import { currentIdMaps } from '../../../../native/identity.ts';
import { mount } from '../../../../native/mounts.ts';
import { busyboxRoot, listTree, makeTree } from './make-tree.ts';
import { actionOf, type Outcome, type Scenario } from './scenario.ts';

const storeRoot = process.argv[2] ?? '';
const keepsOwners = isMapped(1000, currentIdMaps().uids);
const socket = new Socket({ fd: 3 });
for await (const line of createInterface({ input: socket })) {
  const answer = await play(JSON.parse(line)).catch((error: unknown) => ({
    crash: String(error instanceof Error ? error.stack : error),
  }));
  socket.write(`${JSON.stringify(answer)}\n`);
}
process.exit(0);

async function play(scenario: Scenario): Promise<Outcome> {
  if (scenario.isMasked === true) {
    ['/proc/tty', '/sys/kernel'].forEach((target) => mount({ source: 'mask', target, type: 'tmpfs' }));
  }
  const at = mkdtempSync(path.join(storeRoot, 'scenario-'));
  Object.entries(scenario.trees ?? {}).forEach(([name, tree]) => makeTree(path.join(at, name), tree, keepsOwners));
  const lowers = [baseLayer(scenario.isBare === true)];
  if (scenario.layer !== undefined) {
    makeTree(path.join(at, 'layer'), scenario.layer, keepsOwners);
    lowers.push(path.join(at, 'layer'));
  }
  const milliseconds: number[] = [];
  for (let count = 1; count < (scenario.repeat ?? 1); count++) {
    const start = performance.now();
    await playOnce(scenario, at, lowers);
    milliseconds.push(performance.now() - start);
  }
  return { ...(await playOnce(scenario, at, lowers)), milliseconds };
}

async function playOnce(scenario: Scenario, at: string, lowers: readonly string[]): Promise<Outcome> {
  const step = mkdtempSync(path.join(at, 'step-'));
  const action = JSON.parse(JSON.stringify(actionOf(scenario.shell ?? 'true', scenario.action)).replaceAll('$AT', at));
  const controller = new AbortController();
  const texts = { stdout: '', stderr: '' };
  const warnings: string[] = [];
  let usage: CommandUsage | undefined;
  const context = {
    signal: controller.signal,
    growth: new BlobGrowth(),
    storeRoot,
    warn: (message: string) => warnings.push(message),
    outputDrained: () => Promise.resolve(),
    progress: () => undefined,
    usage: (taken: CommandUsage) => {
      usage = taken;
    },
    onOutput: (stream: 'stdout' | 'stderr', bytes: Uint8Array) => {
      texts[stream] += Buffer.from(bytes).toString();
      if (scenario.cancelAt !== undefined && texts[stream].includes(scenario.cancelAt)) {
        controller.abort(new RequestCancelled(scenario.graceMs ?? 1000));
      }
    },
  };
  const rootfs = mountRootfs({ lowers, directory: step, context });
  const base = mountRootfs({ lowers, context });
  let failure: Outcome['failure'];
  try {
    await runAction(action, { rootfs, base: base.path }, context);
  } catch (error) {
    failure = toFailure(error);
  } finally {
    base[Symbol.dispose]();
    rootfs[Symbol.dispose]();
  }
  return {
    ...texts,
    ...(failure === undefined ? {} : { failure }),
    layer: listTree(rootfs.upper),
    mounts: readFileSync('/proc/self/mounts', 'utf8')
      .split('\n')
      .filter((line) => line.includes(at)),
    leftovers: readdirSync(step).filter((name) => name !== 'fs'),
    look: (scenario.look ?? []).map((folder) => listTree(folder.replaceAll('$AT', at))),
    warnings,
    ...(usage === undefined ? {} : { usage }),
    descriptors: readdirSync('/proc/self/fd').length,
    milliseconds: [],
  };
}

function baseLayer(isBare: boolean): string {
  const layer = path.join(storeRoot, isBare ? 'bare' : 'base');
  if (!existsSync(layer)) {
    mkdirSync(layer);
    makeTree(layer, busyboxRoot(isBare), keepsOwners);
  }
  return layer;
}
