import { isCdiName } from '../../parser/instructions/device.ts';
import { UsageError } from '../contract/errors.ts';

/** A device node of the host, lent to a RUN. */
export interface DeviceNode {
  /** On the host. */
  readonly source: string;
  readonly target: string;
  /** Of `r`, `w` and `m`. */
  readonly permissions: string;
  /** What the node should have and cannot get, by the names in the file: it is passed on as it is. */
  readonly unmet?: readonly string[];
}

/** What a `--device` of the command line asks for. */
export type DeviceFlag = { readonly kind: 'cdi'; readonly name: string } | { readonly kind: 'node'; readonly node: DeviceNode };

/** Reads `HOST-PATH[:PATH][:rwm]` or a CDI name. @throws UsageError */
export function parseDeviceFlag(text: string): DeviceFlag {
  if (isCdiName(text)) return { kind: 'cdi', name: text };
  const [source = '', ...rest] = text.split(':');
  const permissions = isPermissions(rest.at(-1)) ? rest.pop() : undefined;
  const [target = source, ...more] = rest;
  if (!source.startsWith('/') || !target.startsWith('/') || more.length > 0) {
    throw new UsageError(
      '--device',
      `Cannot add device "${text}": expected the path of a device node, or a name like vendor.com/class=name`,
    );
  }
  return { kind: 'node', node: { source, target, permissions: permissions ?? 'rwm' } };
}

function isPermissions(text: string | undefined): boolean {
  return text !== undefined && /^[rwm]{1,3}$/.test(text);
}
