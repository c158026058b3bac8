/** What a program file needs to be started. */
export type ProgramNeeds =
  | { readonly kind: 'none' }
  /** A script's `#!` program or an ELF program's loader. */
  | { readonly kind: 'interpreter'; readonly path: string; readonly hint: string }
  /** ELF for a processor that is not ours. */
  | { readonly kind: 'foreign'; readonly machine: string }
  | { readonly kind: 'unknown' };

/** Looks at the start of a file as execve() does. Pure. (execve(2), elf(5)) */
export function readInterpreter(head: Buffer, architecture: string = process.arch): ProgramNeeds {
  if (head.toString('latin1', 0, 2) === '#!') return readShebang(head);
  if (head.length < 64 || head.readUInt32BE(0) !== 0x7f454c46) {
    return { kind: 'unknown' };
  }
  const machine = head.readUInt16LE(18);
  if (!(ownMachines[architecture] ?? []).includes(machine)) {
    return { kind: 'foreign', machine: machineNames[machine] ?? `ELF machine ${machine}` };
  }
  const loader = head[4] === 2 ? readLoader(head) : undefined;
  return loader === undefined ? { kind: 'none' } : { kind: 'interpreter', path: loader, hint: loaderHint(loader) };
}

const ownMachines: Readonly<Record<string, readonly number[]>> = { x64: [62, 3], arm64: [183, 40] };
const machineNames: Readonly<Record<number, string>> = {
  3: '386',
  8: 'mips',
  21: 'ppc64le',
  22: 's390x',
  40: 'arm',
  62: 'amd64',
  183: 'arm64',
  243: 'riscv64',
  258: 'loong64',
};

function readShebang(head: Buffer): ProgramNeeds {
  const line = head.toString('utf8', 2).split('\n', 1)[0] ?? '';
  const path = line.trim().split(/[ \t]/, 1)[0]?.replace(/\r$/, '') ?? '';
  const hint = line.endsWith('\r')
    ? 'The script has Windows line ends: save it with LF, or set core.autocrlf=input in git'
    : `Install ${path} in an earlier step, or change the first line of the script`;
  return path === '' ? { kind: 'unknown' } : { kind: 'interpreter', path: line.endsWith('\r') ? `${path}\r` : path, hint };
}

/** The path in PT_INTERP of a 64-bit program. */
function readLoader(head: Buffer): string | undefined {
  const tableOffset = Number(head.readBigUInt64LE(32));
  const entryBytes = head.readUInt16LE(54);
  for (let index = 0; index < head.readUInt16LE(56); index++) {
    const entry = tableOffset + index * entryBytes;
    if (entry + 40 > head.length) return undefined;
    if (head.readUInt32LE(entry) === 3 /* PT_INTERP */) {
      const offset = Number(head.readBigUInt64LE(entry + 8));
      return head.toString('utf8', offset, offset + Number(head.readBigUInt64LE(entry + 32))).replace(/\0.*$/s, '');
    }
  }
  return undefined;
}

function loaderHint(loader: string): string {
  if (loader.includes('ld-musl')) return 'The program was made for musl (Alpine): use such an image, or link it statically';
  return 'The program was made for glibc (Debian, Fedora): use such an image, or link it statically';
}
