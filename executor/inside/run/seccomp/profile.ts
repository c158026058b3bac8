import type { CapabilityName } from '../../../../native/identity.ts';
import type { Architecture } from '../../../../native/syscall-numbers.ts';

/** What happens to a system call: it is carried out, or it fails with an errno; or what a profile of the caller's says. */
export type Outcome = 'allow' | number | Verdict;

/** A SECCOMP_RET_ value with its data. */
interface Verdict {
  readonly returns: number;
}

/** Holds for the low 32 bits of an argument. The calls that have such rules take 32 bits, so the kernel sees no more of it either. */
export type ArgumentTest =
  | { readonly kind: 'equal'; readonly value: number }
  | { readonly kind: 'below'; readonly value: number }
  | { readonly kind: 'without-bits'; readonly value: number };

/** Allows a call when one of the tests of an argument holds. */
export interface ArgumentRule {
  readonly argument: number;
  readonly allowed: readonly ArgumentTest[];
  readonly otherwise: number;
}

/** The first case whose tests all hold decides. */
export interface Cases {
  readonly cases: readonly { readonly tests: readonly WideTest[]; readonly outcome: Outcome }[];
  readonly otherwise: Outcome;
}

/** Compares all 64 bits of an argument, or those that are set in a mask. */
export interface WideTest {
  readonly argument: number;
  readonly comparison: 'equal' | 'at-least';
  /** The test holds where the comparison does not. */
  readonly isNegated: boolean;
  readonly value: bigint;
  readonly mask: bigint;
}

export type Decision = Outcome | ArgumentRule | Cases;

/** What the rules depend on. */
export interface ProfileSubject {
  readonly architecture: Architecture;
  /** What the command keeps. */
  readonly capabilities: readonly CapabilityName[];
  readonly kernel: KernelVersion;
}

export type KernelVersion = readonly [major: number, minor: number];

/** What calls get that no rule names: they are older than the rules, and left out of them. */
export const unnamedCall: Outcome = 1; // EPERM
/** What calls get whose numbers are above all that the rules name: they are newer, and programs fall back to what older kernels have. */
export const newerCall: Outcome = 38; // ENOSYS

/** The decision for each call that the rules name and that counts for a subject; all others fail. */
export function decisionsOf(subject: ProfileSubject): ReadonlyMap<string, Decision> {
  const decisions = new Map<string, Decision>();
  for (const { calls, decision } of rules.filter((rule) => holds(rule, subject))) {
    // Where an unconditional rule allows a call already, a condition takes nothing away.
    for (const call of calls) if (decisions.get(call) !== 'allow') decisions.set(call, decision);
  }
  return decisions;
}

interface Rule {
  readonly calls: readonly string[];
  readonly decision: Decision;
  /** Only for commands that keep this capability, or only for those that do not. */
  readonly keeps?: CapabilityName;
  readonly lacks?: CapabilityName;
  readonly architecture?: Architecture;
  /** Only from this kernel on. */
  readonly since?: KernelVersion;
}

function holds({ keeps, lacks, architecture, since }: Rule, subject: ProfileSubject): boolean {
  return (
    (keeps === undefined || subject.capabilities.includes(keeps)) &&
    (lacks === undefined || !subject.capabilities.includes(lacks)) &&
    (architecture === undefined || architecture === subject.architecture) &&
    (since === undefined || isSince(subject.kernel, since))
  );
}

/** Whether a kernel is at least another one. */
export function isSince([major, minor]: KernelVersion, [fromMajor, fromMinor]: KernelVersion): boolean {
  return major > fromMajor || (major === fromMajor && minor >= fromMinor);
}

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}

/** Every CLONE_NEW* flag but CLONE_NEWTIME, which clone(2) reads as a signal number. */
const namespaceFlags = 0x7e02_0000;

/**
 * The socket families that exist and serve a program in a container: all up to AF_ROSE, and these. Left out are those that Linux has
 * removed (AF_DECnet, AF_ECONET, AF_ATMSVC, AF_IRDA, AF_WANPIPE, AF_ISDN, AF_CAIF), AF_ALG, which opens the kernel's cryptography, and AF_VSOCK,
 * which leads past the network namespace to virtual machines and their host. (address_families(7))
 */
const firstFamiliesEnd = 12;
const laterFamilies = [
  13, 14, 15, 16, 17, 18 /* AF_NETBEUI to AF_ASH */, 21 /* AF_RDS */, 22 /* AF_SNA */, 24 /* AF_PPPOX */, 26, 27, 28, 29, 30, 31,
  32, 33 /* AF_LLC to AF_RXRPC */, 35 /* AF_PHONET */, 36 /* AF_IEEE802154 */, 39 /* AF_NFC */, 41, 42, 43, 44,
  45 /* AF_KCM to AF_MCTP */,
];

/** PER_LINUX, PER_LINUX32, each with UNAME26 or without, and the question which one is set. (personality(2)) */
const personalities = [0, 0x0008, 0x2_0000, 0x2_0008, 0xffff_ffff];

const EPERM = 1;
const ENOSYS = 38;

/**
 * The rules of docker's default profile, which BuildKit's containers have too: what moby/profiles has in seccomp/default.json (2026), for the
 * architectures that tsbuild runs on. docs/seccomp.md says where tsbuild differs, and test/executor/inside/run/seccomp/call-verdicts.ts what each call comes to.
 */
const rules: readonly Rule[] = [
  {
    decision: 'allow',
    calls: words(`
      access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64 fadvise64_64
      fallocate fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock fremovexattr
      fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd getdents getdents64 getxattr getxattrat
      ioctl lchown lchown32 lgetxattr link linkat listmount listxattr listxattrat llistxattr _llseek lremovexattr lseek lsetxattr lstat lstat64
      mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open openat openat2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read
      readahead readlink readlinkat readv removexattr removexattrat rename renameat renameat2 rmdir sendfile sendfile64 setxattr setxattrat
      splice stat stat64 statfs statfs64 statmount statx symlink symlinkat sync sync_file_range syncfs tee truncate truncate64 umask unlink
      unlinkat utime utimensat utimensat_time64 utimes vmsplice write writev
    `),
  },
  {
    decision: 'allow',
    calls: words(`
      epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 fanotify_mark
      inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64
      io_setup io_submit _newselect pipe pipe2 poll ppoll ppoll_time64 pselect6 pselect6_time64 select signalfd signalfd4 timerfd_create
      timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64
    `),
  },
  {
    decision: 'allow',
    calls: words(`
      brk cachestat get_thread_area madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mmap2
      mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect process_mrelease remap_file_pages
      set_thread_area
    `),
  },
  {
    decision: 'allow',
    calls: words(`
      capget capset execve execveat exit exit_group fork getcpu getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32
      getpgid getpgrp getpid getppid getpriority getresgid getresgid32 getresuid getresuid32 getrlimit getrusage getsid gettid getuid getuid32
      get_robust_list ioprio_get ioprio_set landlock_add_rule landlock_create_ruleset landlock_restrict_self pidfd_open pidfd_send_signal
      prctl prlimit64 rseq sched_getaffinity sched_getattr sched_getparam sched_get_priority_max sched_get_priority_min sched_getscheduler
      sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp
      setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setpgid setpriority setregid setregid32 setresgid
      setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit setsid setuid setuid32 set_robust_list set_tid_address ugetrlimit
      uretprobe vfork wait4 waitid waitpid
    `),
  },
  {
    decision: 'allow',
    calls: words(`
      alarm futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake kill pause restart_syscall rt_sigaction rt_sigpending
      rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack
      sigprocmask sigreturn tgkill tkill
    `),
  },
  {
    decision: 'allow',
    calls: words(`
      adjtimex clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep
      clock_nanosleep_time64 getitimer getrandom gettimeofday nanosleep setitimer sysinfo time timer_create timer_delete timer_getoverrun
      timer_gettime timer_gettime64 timer_settime timer_settime64 times uname
    `),
  },
  {
    decision: 'allow',
    calls: words(`
      accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg recvmmsg_time64 recvmsg send sendmmsg
      sendmsg sendto setsockopt shutdown socketcall socketpair
    `),
  },
  {
    decision: 'allow',
    calls: words(`
      ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink msgctl msgget
      msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget
    `),
  },
  // Older kernels let a traced process slip past its filter.
  { decision: 'allow', since: [4, 8], calls: ['process_vm_readv', 'process_vm_writev', 'ptrace'] },
  {
    decision: {
      argument: 0,
      allowed: [{ kind: 'below', value: firstFamiliesEnd }, ...laterFamilies.map((value) => ({ kind: 'equal', value }) as const)],
      otherwise: EPERM,
    },
    calls: ['socket'],
  },
  {
    decision: { argument: 0, allowed: personalities.map((value) => ({ kind: 'equal', value }) as const), otherwise: EPERM },
    calls: ['personality'],
  },
  { decision: 'allow', architecture: 'x64', calls: ['arch_prctl', 'modify_ldt'] },
  {
    decision: 'allow',
    architecture: 'arm64',
    calls: words('arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2'),
  },
  {
    decision: 'allow',
    keeps: 'CAP_SYS_ADMIN',
    calls: words(`
      bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr lsm_list_modules lsm_set_self_attr
      mount mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount umount2
      unshare
    `),
  },
  // Processes and threads, but no namespaces. A filter cannot read the flags of clone3(), and libraries fall back from it.
  {
    decision: { argument: 0, allowed: [{ kind: 'without-bits', value: namespaceFlags }], otherwise: EPERM },
    lacks: 'CAP_SYS_ADMIN',
    calls: ['clone'],
  },
  { decision: ENOSYS, lacks: 'CAP_SYS_ADMIN', calls: ['clone3'] },
  { decision: 'allow', keeps: 'CAP_BPF', calls: ['bpf'] },
  { decision: 'allow', keeps: 'CAP_DAC_READ_SEARCH', calls: ['open_by_handle_at'] },
  { decision: 'allow', keeps: 'CAP_PERFMON', calls: ['perf_event_open'] },
  { decision: 'allow', keeps: 'CAP_SYS_BOOT', calls: ['reboot'] },
  { decision: 'allow', keeps: 'CAP_SYS_CHROOT', calls: ['chroot'] },
  { decision: 'allow', keeps: 'CAP_SYS_MODULE', calls: ['delete_module', 'finit_module', 'init_module'] },
  { decision: 'allow', keeps: 'CAP_SYS_NICE', calls: ['get_mempolicy', 'mbind', 'set_mempolicy', 'set_mempolicy_home_node'] },
  { decision: 'allow', keeps: 'CAP_SYS_PACCT', calls: ['acct'] },
  {
    decision: 'allow',
    keeps: 'CAP_SYS_PTRACE',
    calls: ['kcmp', 'pidfd_getfd', 'process_madvise', 'process_vm_readv', 'process_vm_writev', 'ptrace'],
  },
  { decision: 'allow', keeps: 'CAP_SYS_RAWIO', calls: ['ioperm', 'iopl'] },
  { decision: 'allow', keeps: 'CAP_SYS_TIME', calls: ['clock_settime', 'clock_settime64', 'settimeofday', 'stime'] },
  { decision: 'allow', keeps: 'CAP_SYS_TTY_CONFIG', calls: ['vhangup'] },
  { decision: 'allow', keeps: 'CAP_SYSLOG', calls: ['syslog'] },
];
