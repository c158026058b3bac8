import { machineText } from './machine-text.ts';

/** The switches below /proc/sys that decide over namespaces, each with a value at which RUN works. (namespaces(7), user_namespaces(7)) */
const helpful = {
  'kernel/unprivileged_userns_clone': 1,
  'kernel/apparmor_restrict_unprivileged_userns': 0,
  'user/max_user_namespaces': 15_000,
  'user/max_mnt_namespaces': 15_000,
  'user/max_pid_namespaces': 15_000,
  'user/max_ipc_namespaces': 15_000,
  'user/max_uts_namespaces': 15_000,
  'user/max_cgroup_namespaces': 15_000,
} as const;

export type SwitchName = keyof typeof helpful;

const isSwitch = (name: string): name is SwitchName => Object.hasOwn(helpful, name);

export const switchNames: readonly SwitchName[] = Object.keys(helpful).filter(isSwitch);

/** What switches are set to, as text. One that this kernel does not have, or that /proc hides, is not there. */
export type SwitchValues = Readonly<Partial<Record<SwitchName, string>>>;

/** Reads the switches of this machine. Never throws. */
export function readSwitches(): SwitchValues {
  const read = switchNames.map((name) => [name, machineText(`/proc/sys/${name}`).trim()] as const);
  return Object.fromEntries(read.filter(([, value]) => value !== ''));
}

/** The name of a switch as sysctl(8) takes it: `user.max_user_namespaces`. */
export function sysctlName(name: SwitchName): string {
  return name.replace('/', '.');
}

/** The command by which root makes RUN work again: `sudo sysctl -w user.max_user_namespaces=15000`. */
export function sysctlCure(name: SwitchName): string {
  return `sudo sysctl -w ${sysctlName(name)}=${helpful[name]}`;
}
