/** One option of a command: what parsing, `--help` and docs/cli.md know of it. */
export interface Flag {
  /** With dashes: `--tag`. Values are kept under this name. */
  readonly long: `--${string}`;
  /** With its dash: `-t`. */
  readonly short?: `-${string}`;
  /** Other spellings that mean the same. */
  readonly aliases?: readonly `--${string}`[];
  /** Word for the value in help; undefined: a switch, which also takes `=true` and `=false`. */
  readonly value?: string;
  /** The value may be left out (`--pull`, `--pull=never`); it is then this text. Such a value is only taken after `=`. */
  readonly implied?: string;
  /** May be given several times. */
  readonly repeats?: boolean;
  /** One line for help, without a full stop. */
  readonly help: string;
  /** Heading in help. */
  readonly group: string;
}

/** A flag that other tools have and this one refuses, with the reason and the way out. */
export interface RefusedFlag {
  readonly long: `--${string}`;
  readonly short?: `-${string}`;
  readonly value?: string;
  readonly reason: string;
  readonly hint?: string;
  /** Values that ask for nothing, and are taken; with how documents list them. A switch without a value has the value `true`. */
  readonly idle?: { readonly pattern: RegExp; readonly words: string };
}

/** A flag that other tools have and that asks for what is so anyway. */
export interface IdleFlag {
  readonly long: `--${string}`;
  readonly value?: string;
}

/** The flags of one command. */
export interface FlagTable {
  readonly flags: readonly Flag[];
  readonly refused?: readonly RefusedFlag[];
  readonly idle?: readonly IdleFlag[];
}

/** `-t, --tag NAME` as help and documents show it. */
export function signatureOf(flag: Flag): string {
  const names = [flag.short, flag.long, ...(flag.aliases ?? [])].filter((name) => name !== undefined).join(', ');
  if (flag.value === undefined) return names;
  return flag.implied === undefined ? `${names} ${flag.value}` : `${names}[=${flag.value}]`;
}
