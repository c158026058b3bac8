import { isIP } from 'node:net';
import type { RunAction } from '../../executor/protocol/actions.ts';
import { limitNames } from '../../executor/protocol/limit-names.ts';
import { UsageError } from '../contract/errors.ts';
import { shown } from '../contract/shown.ts';

/** The address in --add-host that is this machine's. */
export const hostGateway = 'host-gateway';

/** The build argument that is a host name. */
export const sandboxHostname = 'BUILDKIT_SANDBOX_HOSTNAME';

/**
 * Reads `name:address` or `name=address`; IPv6 addresses may stand in brackets. `host-gateway`, docker's word, is this machine: its address depends
 * on the network that a RUN has.
 *
 * @throws UsageError
 */
export function parseHost(text: string): { readonly name: string; readonly address: string } {
  const [, name, address] = /^([^:=\s\p{Cc}]+)[:=]\[?([^\]]+)\]?$/u.exec(text) ?? [];
  if (name !== undefined && address === hostGateway) return { name, address };
  if (name !== undefined && address !== undefined && isAddress(address)) return { name, address };
  throw new UsageError('--add-host', `Cannot use --add-host ${shown(text)}: expected NAME:ADDRESS`);
}

/** @throws UsageError */
export function checkNameServer(text: string): void {
  if (!isAddress(text)) throw new UsageError('--dns', `Cannot use --dns ${shown(text)}: expected an IP address`);
}

/** The name of a machine. `flag` is where it was given. @throws UsageError */
export function checkHostname(text: string, flag = '--hostname'): void {
  if (/^[A-Za-z0-9]([A-Za-z0-9.-]{0,62})$/.test(text)) return;
  throw new UsageError(flag, `Cannot use ${flag} ${shown(text)}: expected at most 63 letters, digits, dots and hyphens`);
}

/** Reads `name=soft[:hard]`; -1 is unlimited. @throws UsageError */
export function parseUlimit(text: string): RunAction['ulimits'][number] {
  const match = /^([a-z]+)=(-1|\d+|unlimited)(?::(-1|\d+|unlimited))?$/.exec(text);
  const [, name, soft, hard = soft] = match ?? [];
  if (name === undefined || soft === undefined || hard === undefined) {
    throw new UsageError('--ulimit', `Cannot use --ulimit ${shown(text)}: expected NAME=SOFT[:HARD]`, {
      hint: 'For example nofile=1024:2048',
    });
  }
  if (!limitNames.some((known) => known === name)) {
    throw new UsageError('--ulimit', `Cannot use --ulimit ${shown(text)}: there is no limit "${name}"`, {
      hint: `Limits are ${limitNames.join(', ')}`,
    });
  }
  const limit = { name, soft: limitOf(soft), hard: limitOf(hard) };
  // -1 is no limit.
  const isAbove = limit.hard >= 0 && (limit.soft < 0 || limit.soft > limit.hard);
  if (!isAbove) return limit;
  throw new UsageError('--ulimit', `Cannot use --ulimit ${shown(text)}: the soft limit is above the hard one`, {
    hint: 'The soft one comes first, as in nofile=1024:2048',
  });
}

function limitOf(text: string): number {
  return text === 'unlimited' ? -1 : Number(text);
}

// Node looks at what stands before a zone (`%eth0`) alone, and the lines of resolv.conf and hosts end where the text says.
function isAddress(text: string): boolean {
  return isIP(text) !== 0 && /^[\w.:%-]+$/.test(text);
}
