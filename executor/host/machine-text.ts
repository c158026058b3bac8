import { readFileSync } from 'node:fs';

/** A file in which the machine says something of itself; empty where it says nothing, or not to us. */
export function machineText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
