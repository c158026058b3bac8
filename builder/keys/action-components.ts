import { unreachable } from '../../registry/oci/unreachable.ts';
import type { KeyMaterial } from './canonical.ts';
import { component, type KeyComponent, variableComponent } from './component.ts';
import type { KeyedAction, KeyedCopy, KeyedGroup, KeyedMount, KeyedRun } from './keyed-action.ts';

/** The parts of an action that count for its key, in a fixed order. */
export function actionComponents(action: KeyedAction): readonly KeyComponent[] {
  switch (action.kind) {
    case 'run':
      return runComponents(action);
    case 'copy':
      return copyComponents(action);
    case 'make-directory':
      return [component({ kind: 'destination', value: action.path }), component({ kind: 'owner', value: action.user })];
    default:
      return unreachable(action);
  }
}

function runComponents(run: KeyedRun): readonly KeyComponent[] {
  const variables = lastOfEach(run.env);
  return [
    component({ kind: 'command', value: run.argv, shown: commandLine(run.argv) }),
    ...[...variables].map(([name, value]) => variableComponent(name, value)),
    // The order shows in the output of env(1).
    setting('order of variables', [...variables.keys()], ''),
    setting('working directory', run.cwd),
    setting('user', run.user),
    setting('host name', run.hostname),
    setting('network', run.network),
    setting('security', run.security),
    ...confinementComponents(run),
    hostsComponent(run),
    ...resolverComponents(run),
    setting(
      'limits',
      run.ulimits.map(({ name, soft, hard }) => `${name}=${soft}:${hard}`),
    ),
    setting('size of shared memory', run.shmSizeBytes),
    ...(run.caller.length === 0 ? [] : [setting('what tsbuild was started with', run.caller, run.caller.join(', '))]),
    setting('devices', run.devices, run.devices.join(' ')),
    setting(
      'files',
      run.files.map(({ target, text, mode }) => ({ target, text, mode })),
      '',
    ),
    ...run.mounts.map((mount, index) => mountComponent(mount, index)),
  ];
}

/** Nothing where all is as usual. */
function confinementComponents({ confinement, additionalGroups = [] }: KeyedRun): readonly KeyComponent[] {
  return [
    ...(confinement === undefined ? [] : [setting('confinement', JSON.stringify(confinement), '')]),
    ...(additionalGroups.length === 0 ? [] : [setting('further groups', additionalGroups, additionalGroups.join(' '))]),
  ];
}

function hostsComponent({ hosts }: KeyedRun): KeyComponent {
  const lines = hosts.map(({ name, address }) => `${name}:${address}`);
  return setting('hosts of --add-host', lines, lines.join(' '));
}

/** What was asked for; else the resolver is this machine's, which is no part of a step. */
function resolverComponents({ dns: { servers, searches, options } }: KeyedRun): readonly KeyComponent[] {
  if (servers.length + searches.length + options.length === 0) return [];
  const shown = [...servers, ...searches, ...options].join(' ');
  return [setting('resolver', { servers, searches, options }, shown)];
}

function setting(what: string, value: KeyMaterial, shown?: string): KeyComponent {
  return component({ kind: 'setting', what, value, ...(shown === undefined ? {} : { shown }) });
}

/** `NAME=value` in the order of first setting, each with its last value. */
function lastOfEach(env: readonly string[]): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  for (const variable of env) {
    const equals = variable.indexOf('=');
    if (equals === -1) variables.set(variable, '');
    else variables.set(variable.slice(0, equals), variable.slice(equals + 1));
  }
  return variables;
}

function commandLine(argv: readonly string[]): string {
  const [shell, flag, ...rest] = argv;
  const isShellForm = flag === '-c' && rest.length === 1 && shell !== undefined && /(?:^|\/)\w*sh$/.test(shell);
  return isShellForm
    ? (rest[0] ?? '')
    : argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word))).join(' ');
}

function mountComponent(mount: KeyedMount, index: number): KeyComponent {
  const what = `${index + 1} ${mount.kind}`;
  return component({ kind: 'mount', what, value: { ...mount }, shown: describeMount(mount) });
}

function describeMount(mount: KeyedMount): string {
  return mount.kind === 'secret' ? (mount.target ?? mount.env ?? mount.id) : mount.target;
}

function copyComponents(copy: KeyedCopy): readonly KeyComponent[] {
  return [
    component({ kind: 'destination', value: copy.destination }),
    component({ kind: 'owner', value: copy.owner, shown: copy.owner ?? '' }),
    component({ kind: 'mode', value: copy.mode, shown: copy.mode ?? '' }),
    component({ kind: 'setting', what: '--link', value: copy.isLink }),
    component({ kind: 'setting', what: 'times', value: copy.time }),
    ...copy.groups.map((group, index) => groupComponent(group, index)),
  ];
}

function groupComponent(group: KeyedGroup, index: number): KeyComponent {
  const { digest, sourceType, keepsParents, isArchive } = group;
  // Where a folder's content or an archive's goes does not depend on its own name.
  const name = sourceType === 'file' && !isArchive ? group.name : '';
  const value = { digest, sourceType, keepsParents, isArchive, name };
  return component({ kind: 'input', what: String(index + 1), value, shown: group.name });
}
