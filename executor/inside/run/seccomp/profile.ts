import type { CapabilityName } from '../../../../native/identity.ts';

/** What happens to a system call: it is carried out, or it fails with an errno. */
export type Outcome = 'allow' | number;

/** Decides by arguments. The first row whose comparisons all hold counts, else `otherwise`. */
export interface ArgumentRule {
  readonly rows: readonly { readonly when: readonly ArgumentComparison[]; readonly outcome: Outcome }[];
  readonly otherwise: Outcome;
}

/** Holds when an argument's low 32 bits are the value. The calls that have rules take `int`, so the kernel sees no more of it either. */
interface ArgumentComparison {
  readonly argument: number;
  readonly value: number;
}

const EPERM = 1;
const EINVAL = 22;
const ENOSYS = 38;

const AF_NETLINK = 16;
const AF_VSOCK = 40;
const NETLINK_AUDIT = 9;

/**
 * What calls that are in no list get. ENOSYS and not EPERM, because then new programs fall back to what older kernels have.
 */
export const unknownCall: Outcome = ENOSYS;

/** Calls that fail with EPERM for everyone: obsolete ones, and those that reach into the host. */
const refusedCalls: readonly string[] = words(`
  bdflush cachestat io_pgetevents io_pgetevents_time64 kexec_file_load kexec_load map_shadow_stack migrate_pages
  move_pages nfsservctl nice oldfstat oldlstat oldolduname oldstat olduname pciconfig_iobase pciconfig_read
  pciconfig_write sgetmask ssetmask swapcontext swapoff swapon sysfs uselib userfaultfd ustat vm86 vm86old vmsplice
`);

/** Calls that fail with EPERM unless the sandbox keeps the capability. */
const privilegedCalls: Readonly<Partial<Record<CapabilityName, readonly string[]>>> = {
  CAP_DAC_READ_SEARCH: ['open_by_handle_at'],
  CAP_SYS_ADMIN: words('bpf fanotify_init lookup_dcookie perf_event_open quotactl setdomainname sethostname setns'),
  CAP_SYS_CHROOT: ['chroot'],
  CAP_SYS_MODULE: ['delete_module', 'finit_module', 'init_module', 'query_module'],
  CAP_SYS_PACCT: ['acct'],
  CAP_SYS_PTRACE: ['kcmp', 'process_madvise'],
  CAP_SYS_RAWIO: ['ioperm', 'iopl'],
  CAP_SYS_TIME: ['clock_settime', 'clock_settime64', 'settimeofday', 'stime'],
  CAP_SYS_TTY_CONFIG: ['vhangup'],
};

/** Calls that depend on their arguments. */
export function argumentRules(capabilities: readonly CapabilityName[]): ReadonlyMap<string, ArgumentRule> {
  // PER_LINUX, PER_LINUX32, each with UNAME26 or not, and the question which one is set.
  const personalities = [0, 8, 0x20000, 0x20008, 0xffff_ffff];
  const audit = [
    { argument: 0, value: AF_NETLINK },
    { argument: 2, value: NETLINK_AUDIT },
  ];
  const auditRow = capabilities.includes('CAP_AUDIT_WRITE') ? [] : [{ when: audit, outcome: EINVAL }];
  return new Map<string, ArgumentRule>([
    [
      'personality',
      {
        rows: personalities.map((value) => ({ when: [{ argument: 0, value }], outcome: 'allow' })),
        otherwise: ENOSYS,
      },
    ],
    ['socket', { rows: [...auditRow, { when: [{ argument: 0, value: AF_VSOCK }], outcome: EPERM }], otherwise: 'allow' }],
  ]);
}

/** The calls of which only the name counts and that fail. All others in the table are allowed. */
export function failingCalls(capabilities: readonly CapabilityName[]): ReadonlyMap<string, Outcome> {
  const missing = Object.entries(privilegedCalls).filter(([name]) => !capabilities.some((held) => held === name));
  const names = [...refusedCalls, ...missing.flatMap(([, calls]) => calls)];
  return new Map(names.map((name) => [name, EPERM]));
}

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}
