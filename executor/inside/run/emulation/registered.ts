import { readdirSync, readFileSync, statSync } from 'node:fs';
import { type ElfKind, elfPattern } from './elf.ts';

const folder = '/proc/sys/fs/binfmt_misc';
/** Who everybody is that a user namespace does not know. (user_namespaces(7)) */
const overflowUid = 65_534;

/** The emulator that the machine has registered for a kind of program with the flag F, where that can be read. (admin-guide/binfmt-misc.rst) */
export function registeredEmulator(kind: ElfKind): string | undefined {
  const header = elfPattern(kind).magic;
  return textsOf(folder)
    .map((text) => emulatorOf(text, header))
    .find((emulator) => emulator !== undefined);
}

/** Whether a command that is root could change a file as its owner. */
export function hasOwnerHere(file: string): boolean {
  const owner = statSync(file, { throwIfNoEntry: false })?.uid;
  return owner !== undefined && owner !== overflowUid;
}

/** The emulator of a registration's text, if it is for programs with this header. */
function emulatorOf(text: string, header: Uint8Array): string | undefined {
  const { interpreter, flags = '', offset, magic = '', mask } = fieldsOf(text);
  const bytes = Buffer.from(magic, 'hex');
  const bits = mask === undefined ? Buffer.alloc(bytes.length, 0xff) : Buffer.from(mask, 'hex');
  const isMeant = bytes.every((byte, index) => ((byte ^ (header[index] ?? 0)) & (bits[index] ?? 0)) === 0);
  const isUsed = text.startsWith('enabled\n') && flags.includes('F') && offset === '0' && bytes.length > 4;
  return isUsed && isMeant ? interpreter : undefined;
}

/** `flags: OCF`, else `interpreter /usr/bin/qemu`. */
function fieldsOf(text: string): Readonly<Partial<Record<string, string>>> {
  return Object.fromEntries(
    text.split('\n').map((line) => {
      const blank = line.indexOf(' ');
      return blank === -1 ? [line, ''] : [line.slice(0, blank).replace(/:$/, ''), line.slice(blank + 1)];
    }),
  );
}

/** All registrations; none where the folder is not mounted, or is of nobody's business. */
function textsOf(place: string): readonly string[] {
  try {
    const names = readdirSync(place).filter((name) => name !== 'register' && name !== 'status');
    return names.map((name) => readFileSync(`${place}/${name}`, 'utf8'));
  } catch {
    return [];
  }
}
