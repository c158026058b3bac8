import type { GzipCompressor, MemberCut, ZstdCompressor } from '../../executor/protocol/messages.ts';
import { UsageError } from './errors.ts';

/** Which of our rules made a digest, so that the same inputs give it again in every later version. docs/reproducible.md has the rules. */
export type LayoutNumber = 1;

/**
 * The rules that layouts may differ in. What no member says is the same in all of them: the form of the tar, that of the documents, and the
 * history. Whoever changes a byte of these gives it a member here, and the new form a layout.
 */
interface Layout {
  readonly number: LayoutNumber;
  /** Where the tar of a compressed layer is cut into members. */
  readonly cut: MemberCut;
  /** The level is that of a build that asks for none. */
  readonly gzip: { readonly compressor: GzipCompressor; readonly level: number };
  readonly zstd: { readonly compressor: ZstdCompressor; readonly level: number };
}

const layouts: { readonly [Number in LayoutNumber]: Layout & { readonly number: Number } } = {
  1: {
    number: 1,
    cut: 'entries-1m',
    gzip: { compressor: 'libdeflate 0.1.0', level: 3 },
    zstd: { compressor: 'zstd 1.5.7', level: 3 },
  },
};

const layoutNumbers: readonly LayoutNumber[] = Object.values(layouts).map(({ number }) => number);

/** The newest. */
export const defaultLayout: LayoutNumber = 1;

/** The annotation by which a manifest tells its layout. */
export const layoutAnnotation = 'io.tsbuild.layout';

/** The rules of a layout. */
export function rulesOf(layout: LayoutNumber): Layout {
  return layouts[layout];
}

/** The layout of that number. @throws UsageError, naming the flag, when this version has none */
export function layoutNumbered(number: number, flag = '--layout'): LayoutNumber {
  const layout = layoutNumbers.find((known) => known === number);
  if (layout === undefined) {
    throw new UsageError(flag, `Cannot use layout ${number}: there is no such layout`, { hint: knownLayouts() });
  }
  return layout;
}

/** The layout that the annotations of a manifest tell; undefined when they tell none. @throws UsageError for one that this version does not know */
export function annotatedLayout(annotations: Readonly<Record<string, string>> = {}): LayoutNumber | undefined {
  const told = annotations[layoutAnnotation];
  if (told === undefined) return undefined;
  const layout = layoutNumbers.find((known) => String(known) === told);
  if (layout !== undefined) return layout;
  throw new UsageError(
    '--layout',
    `Cannot compress layers of the image: it has layout "${told}", which this version does not know`,
    {
      hint: `Use the version that made it or a newer one, or name a layout: --layout N. ${knownLayouts()}`,
    },
  );
}

function knownLayouts(): string {
  return `Layouts of this version: ${layoutNumbers.join(', ')}`;
}
