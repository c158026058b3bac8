import { isDeviceName } from '../../parser/instructions/device.ts';
import { splitCsv } from '../../parser/values/csv.ts';
import { UsageError } from '../contract/errors.ts';
import type { BuildOptions } from '../contract/options.ts';

/** What `--allow` says of devices. */
export interface DeviceGrants {
  /** `--allow device`. */
  readonly all: boolean;
  /** `--allow device=NAME`. */
  readonly names: readonly string[];
  /** `--allow device=NAME,alias=OTHER`: NAME by OTHER, which is what the Containerfile says. */
  readonly aliases: ReadonlyMap<string, string>;
}

/** Reads the entitlements. @throws UsageError for a device that is not named as devices are */
export function deviceGrants({ allow = [] }: BuildOptions): DeviceGrants {
  const names: string[] = [];
  const aliases = new Map<string, string>();
  for (const entitlement of allow) {
    if (!entitlement.startsWith('device=')) continue;
    const { name, alias } = readGrant(entitlement.slice('device='.length));
    if (alias === undefined) names.push(name);
    else aliases.set(alias, name);
  }
  return { all: allow.includes('device'), names, aliases };
}

function readGrant(text: string): { readonly name: string; readonly alias: string | undefined } {
  const [name = '', ...fields] = (splitCsv(text) ?? []).map((cell) => cell.text);
  const stray = fields.find((field) => !field.startsWith('alias='));
  const alias = fields.at(-1)?.slice('alias='.length);
  if (stray === undefined && isDeviceName(name) && (alias === undefined || isDeviceName(alias))) return { name, alias };
  throw new UsageError('--allow', `Cannot allow "device=${text}": expected device=NAME[,alias=NAME]`, {
    hint: 'For example device=vendor.com/class=name',
  });
}
