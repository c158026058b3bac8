/** What a context holds, or a result must hold, by path. In paths, `\xHH` stands for a byte that is not UTF-8. */
export type Tree = Readonly<Record<string, Node>>;

interface Attributes {
  readonly mode: number;
  /** `uid:gid`. In a context nobody asks. */
  readonly owner: string;
  /** Values as text. */
  readonly xattrs: Readonly<Record<string, string>>;
  /** Seconds; undefined: whatever it is. */
  readonly mtime: number | undefined;
}

export type Node =
  | (Attributes & { readonly type: 'file'; readonly content: Uint8Array })
  | (Attributes & { readonly type: 'folder' | 'fifo' | 'socket' })
  /** Results only. */
  | (Attributes & { readonly type: 'device'; readonly major: number; readonly minor: number })
  | (Attributes & { readonly type: 'link'; readonly target: string })
  /** The same file as the first of its names. */
  | { readonly type: 'hard'; readonly target: string };

type Options = Partial<Attributes>;

/** A regular file. */
export function file(content: string | Uint8Array = '', options: Options = {}): Node {
  return { type: 'file', content: typeof content === 'string' ? Buffer.from(content) : content, ...attributes(0o644, options) };
}

/** A folder. Those above an entry of a context need not be given. */
export function folder(options: Options = {}): Node {
  return { type: 'folder', ...attributes(0o755, options) };
}

/** A symbolic link. */
export function link(target: string, options: Options = {}): Node {
  return { type: 'link', target, ...attributes(0o777, options) };
}

/** A hard link to the name that sorts first. */
export function hard(target: string): Node {
  return { type: 'hard', target };
}

/** A named pipe. */
export function fifo(options: Options = {}): Node {
  return { type: 'fifo', ...attributes(0o644, options) };
}

/** A socket; contexts only. */
export function socket(options: Options = {}): Node {
  return { type: 'socket', ...attributes(0o644, options) };
}

function attributes(mode: number, options: Options): Attributes {
  return { mode, owner: '0:0', xattrs: {}, mtime: undefined, ...options };
}
