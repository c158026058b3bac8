import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../support/repository.ts';

/** Where the page is, from the root of the checkout. */
export const licensesFile = 'THIRD_PARTY_LICENSES.md';

/** A package that an installed tsbuild has with it. */
export interface RuntimePackage {
  readonly name: string;
  readonly version: string;
  /** What its package.json says, as an SPDX expression. */
  readonly license: string;
  /** Below the checkout. */
  readonly folder: string;
  /** True for the binary of one platform, which is not here on another. */
  readonly isOfOnePlatform: boolean;
}

/** Packages for development of which a copy of a file is part of tsbuild's own files. */
const copied = ['libdeflate'];

interface LockedPackage {
  readonly version: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
}

const beforeName = 'node_modules/';
const licenseNames = /^(licen[cs]e|copying|notice)(\.(md|txt))?$/i;

/** The packages that npm installs with tsbuild on Linux, by name; package-lock.json lists them, whatever machine it is read on. */
export function runtimePackages(): readonly RuntimePackage[] {
  const lock: { readonly packages: Readonly<Record<string, LockedPackage>> } = JSON.parse(textOf('package-lock.json'));
  return Object.entries(lock.packages)
    .map(([folder, locked]) => ({ ...locked, folder, name: folder.slice(folder.lastIndexOf(beforeName) + beforeName.length) }))
    .filter(({ folder, name, dev }) => folder !== '' && (dev !== true || copied.includes(name)))
    .filter(({ os }) => os === undefined || os.includes('linux'))
    .map(({ folder, name, version, license, os }) => ({
      name,
      version,
      license: license ?? 'unknown',
      folder,
      isOfOnePlatform: os !== undefined,
    }))
    .toSorted((a, b) => (a.folder < b.folder ? -1 : 1));
}

/** The page with the licences of all packages that come with tsbuild, made from the packages themselves. */
export function licensesPage(): string {
  const packages = runtimePackages();
  const table = packages.map(({ name, version, license }) => `| ${name} | ${version} | ${license} |`);
  const sections = packages.filter(({ isOfOnePlatform }) => !isOfOnePlatform).map(sectionOf);
  return `${[
    '# Licences of the packages that come with tsbuild',
    'Made by `npm run licenses` from package-lock.json and the packages. tsbuild itself is under the Apache License 2.0 (LICENSE). npm fetches these\npackages when tsbuild is installed; none of their code is in its own files, but for the program of libdeflate, which comes with tsbuild itself.',
    ['| package | version | licence |', '| --- | --- | --- |', ...table].join('\n'),
    'Packages named `@koromix/koffi-...` are binaries of koffi, for one platform each, of which npm installs the one that fits. They have the texts of\nkoffi.',
    ...sections,
  ].join('\n\n')}\n`;
}

function sectionOf(found: RuntimePackage): string {
  const texts = licenseFilesBelow(found.folder).map((path) => {
    const title = path.slice(found.folder.length + 1);
    return `\`${title}\`:\n\n${quoted(textOf(path))}`;
  });
  return [`## ${found.name} ${found.version}`, ...(texts.length > 0 ? texts : [withoutText(found)])].join('\n\n');
}

/** Some packages say their licence in package.json alone, or in words of their README. */
function withoutText({ folder, license }: RuntimePackage): string {
  const manifest: { readonly author?: string | { readonly name: string } } = JSON.parse(textOf(join(folder, 'package.json')));
  const author = typeof manifest.author === 'object' ? manifest.author.name : manifest.author;
  const says = `The package has no file with its licence. Its package.json says: ${license}, by ${author ?? 'nobody named'}.`;
  const words = /^#+ Licen[cs]e\n+([^#]*)/im.exec(textOf(join(folder, 'README.md')))?.[1]?.trim();
  return words === undefined ? says : `${says} Its README says:\n\n${quoted(words)}`;
}

function licenseFilesBelow(folder: string): readonly string[] {
  return readdirSync(join(repositoryRoot, folder), { withFileTypes: true })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : licenseFilesBelow(path);
      return licenseNames.test(entry.name) ? [path] : [];
    });
}

function quoted(text: string): string {
  return ['```text', text.replaceAll('\r', '').trimEnd(), '```'].join('\n');
}

function textOf(path: string): string {
  return readFileSync(join(repositoryRoot, path), 'utf8');
}
