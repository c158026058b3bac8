import type { NamedCapability } from './capability-names.ts';

/** How a command is to be confined otherwise than usual. What is left out is as usual. */
export interface Confinement {
  readonly capabilities?: CapabilityChanges;
  readonly seccomp?: 'unconfined' | SeccompProfile;
  /** Set-id programs and capabilities of files give it nothing. (PR_SET_NO_NEW_PRIVS in prctl(2)) */
  readonly hasNoNewPrivileges?: true;
  /** The name of an AppArmor profile that the machine has loaded. */
  readonly apparmor?: string;
  /** What of its SELinux context is not the worker's. */
  readonly label?: SecurityLabel;
}

/** What is added to the usual capabilities of root, or to none, and what is taken of that. */
export interface CapabilityChanges {
  readonly from: 'usual' | 'none';
  readonly added: readonly NamedCapability[];
  readonly dropped: readonly NamedCapability[];
}

/** Parts of an SELinux context. */
export interface SecurityLabel {
  readonly user?: string;
  readonly role?: string;
  readonly type?: string;
  readonly level?: string;
}

/** Which system calls a command may make, in the terms of docker's and podman's profiles. */
export interface SeccompProfile {
  /** What calls get that no rule speaks of: a SECCOMP_RET_ value with its data. */
  readonly otherwise: number;
  /** The 32-bit modes of processors that have calls too; elsewhere they kill the process. */
  readonly modes: readonly ('x86' | 'arm')[];
  /** SECCOMP_FILTER_FLAG_ values. */
  readonly flags: number;
  readonly rules: readonly SeccompRule[];
}

export interface SeccompRule {
  readonly names: readonly string[];
  /** A SECCOMP_RET_ value with its data. */
  readonly returns: number;
  /** All of them have to hold. */
  readonly tests: readonly SeccompTest[];
  readonly includes: SeccompCondition;
  readonly excludes: SeccompCondition;
}

/** Compares an argument of 64 bits. Numbers are decimal. */
export interface SeccompTest {
  readonly argument: number;
  readonly comparison: 'not-equal' | 'below' | 'at-most' | 'equal' | 'at-least' | 'above';
  readonly value: string;
  /** Only the bits that are set in it are looked at; undefined: all. */
  readonly mask?: string;
}

/** Where a rule counts, or does not. Empty lists say nothing. */
export interface SeccompCondition {
  readonly capabilities: readonly string[];
  /** Go's names. */
  readonly architectures: readonly string[];
  readonly kernel: readonly [major: number, minor: number] | undefined;
}
