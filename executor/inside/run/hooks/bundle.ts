import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Namespace } from '../../../../native/tape/start.ts';
import type { Hook, RunAction } from '../../../protocol/actions.ts';
import type { ResolvedUser } from '../../root/users.ts';
import { commandEnvironment } from '../process/command-environment.ts';

const ociVersion = '1.2.0';

/** A container as its hooks see it. */
export interface Container {
  readonly action: RunAction;
  readonly user: ResolvedUser;
  /** Where its root is mounted for the worker, and for itself until it has become the root. */
  readonly root: string;
  /** Those that it has for itself. */
  readonly namespaces: readonly Namespace[];
}

/** What `state` says. (OCI runtime specification, runtime.md "State") */
export interface ContainerState {
  readonly status: 'creating' | 'created' | 'running' | 'stopped';
  /** undefined when it has ended. */
  readonly pid: number | undefined;
}

/** Writes the configuration of a container into a folder in memory, since its variables may hold secrets. (config.md) */
export function writeBundle(folder: string, container: Container): void {
  const { action, root, namespaces } = container;
  const config = {
    ociVersion,
    root: { path: root, readonly: false },
    hostname: action.hostname,
    process: processOf(container),
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/sys', type: 'sysfs', source: 'sysfs' },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs' },
      ...action.devices.map(({ source, target }) => ({ destination: target, type: 'bind', source, options: ['bind'] })),
      ...action.mounts.map((mount) => mountOf(mount)),
    ],
    hooks: hooksOf(action.hooks ?? []),
    linux: { namespaces: namespaces.map((name) => ({ type: name === 'net' ? 'network' : name })) },
  };
  writeFileSync(path.join(folder, 'config.json'), JSON.stringify(config), { mode: 0o600, flag: 'wx' });
}

/** The state of a container, as hooks read it. */
export function stateText(bundle: string, { status, pid }: ContainerState): string {
  return JSON.stringify({ ociVersion, id: `tsbuild-${process.pid}`, status, ...(pid !== undefined && { pid }), bundle });
}

function processOf({ action, user }: Container): object {
  return {
    terminal: false,
    user: { uid: user.uid, gid: user.gid, additionalGids: user.groups },
    args: action.argv,
    env: commandEnvironment(action, user),
    cwd: action.cwd,
  };
}

function mountOf(mount: RunAction['mounts'][number]): object {
  const { target, kind } = mount;
  if (kind === 'tmpfs') return { destination: target, type: 'tmpfs', source: 'tmpfs' };
  if (kind !== 'volume') return { destination: target, type: 'bind' };
  return { destination: target, type: 'bind', source: mount.source, options: ['rbind', mount.isReadOnly ? 'ro' : 'rw'] };
}

function hooksOf(hooks: readonly Hook[]): object {
  const names = [...new Set(hooks.map(({ name }) => name))];
  return Object.fromEntries(names.map((name) => [name, hooks.filter((hook) => hook.name === name).map(hookOf)]));
}

function hookOf({ path: program, args, env, timeoutSeconds }: Hook): object {
  return { path: program, args, env, ...(timeoutSeconds !== undefined && { timeout: timeoutSeconds }) };
}
