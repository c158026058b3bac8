import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const smallFiles = 40_000;
const filesPerFolder = 200;
const libraries = 100;
const libraryBytes = 4_000_000;

/** 40,000 files of about 450 bytes in 200 folders. */
export function writeSmallFiles(folder: string): void {
  for (let index = 0; index < smallFiles / filesPerFolder; index++) {
    const inner = join(folder, `folder-${index}`);
    mkdirSync(inner, { recursive: true });
    for (let file = 0; file < filesPerFolder; file++) {
      writeFileSync(join(inner, `file-${file}.txt`), `file ${file} of folder ${index}\n`.repeat(20));
    }
  }
}

/**
 * 400 MB in 100 files, cut out of Node's own program: real code and data, which gzip makes a bit above a third of, as it does with shared
 * libraries. They begin at distances that are no power of two, so that no piece of one is a piece of another.
 */
export function writeLibraries(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const program = readFileSync(process.execPath);
  const distance = Math.floor((program.length - libraryBytes) / libraries) | 1;
  for (let index = 0; index < libraries; index++) {
    writeFileSync(join(folder, `library-${index}.so`), program.subarray(index * distance, index * distance + libraryBytes));
  }
}

/** A small file of the context grows by 600 bytes. */
export function growSmallFile(folder: string, round: number): void {
  appendFileSync(join(folder, 'folder-7/file-42.txt'), `changed ${round}`.padEnd(600, '.'));
}
