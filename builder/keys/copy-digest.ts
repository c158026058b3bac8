import type { CopyEntry } from '../../executor/protocol/copy-entry.ts';
import type { CopyItems, CopyRun } from '../../executor/protocol/copy-list.ts';
import { digestLength } from '../../registry/oci/layer/layer-run.ts';
import { Pace } from '../../registry/oci/pace.ts';
import { byName } from '../../registry/oci/text/sort-order.ts';
import { unreachable } from '../../registry/oci/unreachable.ts';
import { DescriptionHash } from './description-hash.ts';

interface CopyDigestOptions {
  /** --chown: the sources' owners do not come through, so they do not count. */
  readonly replacesOwner: boolean;
  /** --chmod with an octal number, likewise. A symbolic mode changes what is there, so it counts. */
  readonly replacesMode: boolean;
  /** An archive that is unpacked: of the file itself only the content counts. */
  readonly isArchive: boolean;
  readonly pace?: Pace;
}

export interface CopyDigest {
  /** sha256, hex. */
  readonly digest: string;
  /** For explanations: a line for each file, `path TAB type TAB mode TAB owner TAB content`. */
  readonly inputs: () => Iterable<string>;
}

/**
 * What a list of files amounts to: path, type, mode, owner, link target, device, attributes and content of each. Times never count. Of the
 * source folder itself nothing counts, since its attributes are not copied.
 */
export async function copyDigest(entries: CopyItems, options: CopyDigestOptions): Promise<CopyDigest> {
  const { pace = new Pace() } = options;
  const described = new DescriptionHash();
  const text = descriptionText(options);
  for (const item of itemsOf(entries, options)) {
    if (item.type === 'files') described.addRun(item, attributesOf(item, options).join('\0'));
    else if (isCounted(item)) described.add(text(item));
    if (pace.isDue()) await pace.turn();
  }
  return { digest: described.digest(), inputs: () => inputLines(entries, options) };
}

function itemsOf(entries: CopyItems, { isArchive }: CopyDigestOptions): Iterable<CopyEntry | CopyRun> {
  return (isArchive ? undefined : entries.runs?.()) ?? entries;
}

/** Made one by one: all lines of hundreds of thousands of files would take as much memory as all else that is known of them. */
function* inputLines(entries: CopyItems, options: CopyDigestOptions): Generator<string, void, undefined> {
  for (const item of itemsOf(entries, options)) {
    if (item.type === 'files') yield* runLines(item, options);
    else if (isCounted(item)) yield inputLine(item, describe(item, options));
  }
}

/** What inputLine() gives for each file. */
function* runLines(run: CopyRun, options: CopyDigestOptions): Generator<string, void, undefined> {
  const folder = run.from === '' ? '' : `${escapeField(run.from)}/`;
  const middle = ['', 'file', ...attributesOf(run, options), ''].join('\t');
  const digest = Buffer.allocUnsafe(digestLength);
  for (const [index, name] of run.names.entries()) {
    run.putDigest(index, digest, 0);
    yield folder + escapeField(name) + middle + digest.toString('latin1', 0, shownDigits);
  }
}

/** The lines of several lists, one after the other. */
export function* allLines(lists: Iterable<Iterable<string>>): Generator<string, void, undefined> {
  for (const lines of lists) yield* lines;
}

function isCounted({ to, type }: CopyEntry): boolean {
  return to !== '' || type !== 'directory';
}

/** True for the --chmod values that leave nothing of a source's mode. */
export function isOctalMode(mode: string | undefined): boolean {
  return mode !== undefined && /^[0-7]+$/.test(mode);
}

type Description = readonly [to: string, type: string, mode: string, owner: string, content: string, xattrs: string];

/** What describe() says, with a NUL behind each field and one more. Files are most of all, and seldom differ in mode and owner. */
function descriptionText(options: CopyDigestOptions): (entry: CopyEntry) => string {
  let before: CopyEntry | undefined;
  let attributes = '';
  return (entry) => {
    const isPlain = entry.type === 'file' && entry.xattrs === undefined && !options.isArchive;
    if (!isPlain) return `${describe(entry, options).join('\0')}\0\0`;
    if (before === undefined || entry.mode !== before.mode || entry.uid !== before.uid || entry.gid !== before.gid) {
      attributes = attributesOf(entry, options).join('\0');
      before = entry;
    }
    return `${entry.to}\0file\0${attributes}\0${entry.digest}\0\0\0`;
  };
}

/** Of a file, as far as they count. */
function attributesOf(
  { mode, uid, gid }: CopyEntry | CopyRun,
  { replacesMode, replacesOwner }: CopyDigestOptions,
): readonly [mode: string, owner: string] {
  return [replacesMode ? '' : modeText(mode), replacesOwner ? '' : `${uid}:${gid}`];
}

function modeText(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

/** Neither paths nor link targets hold a NUL, so NULs keep the fields apart. */
function describe(entry: CopyEntry, options: CopyDigestOptions): Description {
  if (options.isArchive && entry.type === 'file') return ['', 'archive', '', '', entry.digest, ''];
  // A link's own mode is always 0777, and --chmod does not touch it.
  const mode = options.replacesMode || entry.type === 'symlink' ? '' : modeText(entry.mode);
  const owner = options.replacesOwner ? '' : `${entry.uid}:${entry.gid}`;
  return [entry.to, entry.type, mode, owner, contentOf(entry), xattrsOf(entry)];
}

function contentOf(entry: CopyEntry): string {
  switch (entry.type) {
    case 'file':
      return entry.digest;
    case 'symlink':
    case 'hardlink':
      return entry.target;
    case 'char':
    case 'block':
      return `${entry.major}:${entry.minor}`;
    case 'directory':
    case 'fifo':
      return '';
    default:
      return unreachable(entry);
  }
}

function xattrsOf(entry: CopyEntry): string {
  if (entry.xattrs === undefined) return '';
  return JSON.stringify(Object.entries(entry.xattrs).toSorted(byName));
}

/** Enough of the digest to see a change by. */
const shownDigits = 16;

function inputLine(entry: CopyEntry, description: Description): string {
  const [, type, mode, owner, content, xattrs] = description;
  const shown = type === 'file' || type === 'archive' ? content.slice(0, shownDigits) : content;
  const path = entry.from === '' ? entry.to : entry.from;
  return [path, type, mode, owner, shown + xattrs].map(escapeField).join('\t');
}

function escapeField(text: string): string {
  return /[\t\n\\]/.test(text) ? text.replaceAll('\\', '\\\\').replaceAll('\t', '\\t').replaceAll('\n', '\\n') : text;
}
