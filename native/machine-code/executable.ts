import { systemCall, viewMemory } from '../libc.ts';

const mmap = systemCall('mmap', 'pointer', 'ulong', 'int', 'int', 'int', 'long');
const mprotect = systemCall('mprotect', 'ulong', 'ulong', 'int');

const pageBytes = 4096;
const [PROT_READ, PROT_WRITE, PROT_EXEC, MAP_PRIVATE_ANONYMOUS] = [1, 2, 4, 0x22];

/** Puts machine code of at most 4096 bytes into a page of its own that is never writable and executable at once; gives its address. */
export function executable(code: Uint8Array): bigint {
  const page = mmap(undefined, pageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0);
  viewMemory(BigInt(page), code.length).set(code);
  mprotect(page, pageBytes, PROT_READ | PROT_EXEC);
  return BigInt(page);
}
