import type { SecurityLabel } from '../../../executor/protocol/confinement.ts';
import { goBoolean } from '../../../registry/oci/text/go-boolean.ts';
import { UsageError } from '../../contract/errors.ts';
import { shown } from '../../contract/shown.ts';

/** What one `--security-opt` asks for. */
export type SecurityOption =
  | { readonly kind: 'seccomp'; readonly profile: SeccompChoice }
  | { readonly kind: 'no-new-privileges'; readonly isOn: boolean }
  /** undefined: none beyond that of the caller. */
  | { readonly kind: 'apparmor'; readonly profile: string | undefined }
  | { readonly kind: 'label'; readonly label: SecurityLabel };

/** Which system calls a command may make. */
export type SeccompChoice = 'usual' | 'unconfined' | { readonly path: string };

const flag = '--security-opt';

/** Reads one `--security-opt`. A colon may stand for the equals sign, as in older command lines of docker. @throws UsageError */
export function parseSecurityOption(text: string): SecurityOption {
  const [, name = text, value] = /^([a-z-]+)[=:](.*)$/s.exec(text) ?? [];
  switch (name) {
    case 'seccomp':
      return { kind: 'seccomp', profile: seccompChoice(needed(text, value)) };
    case 'no-new-privileges':
      return { kind: 'no-new-privileges', isOn: isOn(text, value) };
    case 'apparmor':
      return { kind: 'apparmor', profile: apparmorProfile(text, needed(text, value)) };
    case 'label':
      return { kind: 'label', label: labelOf(text, needed(text, value)) };
    default:
      throw unusable(text, reasons[name] ?? 'there is no such option');
  }
}

/** Options of others that have no meaning here. */
const reasons: Readonly<Record<string, string>> = {
  mask: 'what is hidden of /proc and /sys is always the same',
  unmask: 'what is hidden of /proc and /sys is always the same',
  systempaths: 'what is hidden of /proc and /sys is always the same',
  'proc-opts': 'how /proc is mounted is always the same',
  'writable-cgroups': 'control groups are never writable',
  credentialspec: 'it is for Windows',
};

function unusable(text: string, why: string): UsageError {
  return new UsageError(flag, `Cannot use ${flag} ${shown(text)}: ${why}`, {
    hint: 'Options are seccomp=FILE|unconfined, apparmor=PROFILE|unconfined, label=disable|user:U|role:R|type:T|level:L and no-new-privileges',
  });
}

function needed(text: string, value: string | undefined): string {
  if (value === undefined || value === '') throw unusable(text, 'it has no value');
  return value;
}

function seccompChoice(value: string): SeccompChoice {
  if (value === 'unconfined') return value;
  return value === 'builtin' || value === 'default' ? 'usual' : { path: value };
}

function isOn(text: string, value: string | undefined): boolean {
  const answer = value === undefined ? true : goBoolean(value);
  if (answer === undefined) throw unusable(text, 'expected true or false');
  return answer;
}

/** The text is a command for the kernel. (security/apparmor/lsm.c) */
function apparmorProfile(text: string, value: string): string | undefined {
  if (!/^[!-~]{1,255}$/.test(value)) throw unusable(text, 'expected the name of a profile');
  return value === 'unconfined' ? undefined : value;
}

const labelParts = ['user', 'role', 'type', 'level'] as const;

function labelOf(text: string, value: string): SecurityLabel {
  if (value === 'disable') return {};
  const [, name, content] = /^([a-z]+):([\w.,:-]{1,255})$/.exec(value) ?? [];
  const part = labelParts.find((known) => known === name);
  if (part === undefined || content === undefined || (part !== 'level' && content.includes(':'))) {
    throw unusable(text, 'expected disable, user:U, role:R, type:T or level:L');
  }
  return { [part]: content };
}
