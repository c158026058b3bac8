import { ownValue } from './own-value.ts';
import { architectures, namesInImages, otherNames, systems, variantOfName } from './processor-names.ts';

/** What an image runs on. Names are Go's: `linux`, `amd64`, variant `v7`. (image-spec, image-index.md) */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly 'os.version'?: string;
}

/**
 * Reads `os`, `architecture`, `os/architecture[/variant]` or `os(version)/...`, in any of the usual spellings (`x86_64`, `aarch64`,
 * `armhf`, `macos`), normalised as containerd does it. A lone architecture is for Linux; a lone system has no architecture of its
 * own, so it takes `defaultArchitecture`. undefined when the text is no platform.
 */
export function parsePlatform(text: string, defaultArchitecture = 'amd64'): Platform | undefined {
  const parts = text.split('/');
  const [first = '', second, third] = parts;
  const system = parseSystem(first);
  if (parts.length > 3 || system === undefined || !parts.slice(1).every((part) => component.test(part))) return undefined;
  if (second === undefined) return parseSingle(system, defaultArchitecture);
  return makePlatform(system, parseProcessor(second, third ?? ''));
}

/** `linux/arm64/v8` and so on; the inverse of parsePlatform for normalised platforms. */
export function formatPlatform(platform: Platform): string {
  const version = platform['os.version'] === undefined ? '' : `(${platform['os.version']})`;
  const variant = platform.variant === undefined ? '' : `/${platform.variant}`;
  return `${platform.os}${version}/${platform.architecture}${variant}`;
}

/** `linux/arm/v7`: without the version of the system, for lists of what there is. */
export function formatShortPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, variant].filter((part) => part !== undefined && part !== '').join('/');
}

/**
 * The one spelling of a platform that an image names: Go's names, no variant where it is the only usual one (`arm64/v8`, `amd64/v1`), `v7`
 * where arm has none. More is understood than parsePlatform() does, since nobody can be asked what he meant. (containerd, platforms
 * normalisation)
 */
export function normalisePlatform(platform: Platform): Platform {
  const name = platform.architecture.toLowerCase();
  const architecture = ownValue(namesInImages, name) ?? name;
  const variant = (platform.variant || ownValue(variantOfName, name))?.toLowerCase();
  return makePlatform(
    { os: normaliseSystem(platform.os), version: platform['os.version'] ?? '' },
    { architecture, variant: normaliseVariant(architecture, variant) ?? '' },
  );
}

interface System {
  readonly os: string;
  readonly version: string;
}

interface Processor {
  readonly architecture: string;
  readonly variant: string;
}

const component = /^[A-Za-z0-9_.-]+$/;
const systemWithVersion = /^([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.-]*)\))?$/;

function parseSystem(text: string): System | undefined {
  const match = systemWithVersion.exec(text);
  if (match === null) return component.test(text) ? { os: normaliseSystem(text), version: '' } : undefined;
  return { os: normaliseSystem(match[1] ?? ''), version: match[2] ?? '' };
}

function normaliseSystem(text: string): string {
  const lower = text.toLowerCase();
  return lower === 'macos' ? 'darwin' : lower;
}

function parseSingle(system: System, defaultArchitecture: string): Platform | undefined {
  if (systems.has(system.os)) return makePlatform(system, parseProcessor(defaultArchitecture, ''));
  const processor = parseProcessor(system.os, '');
  return architectures.has(processor.architecture) ? makePlatform({ os: 'linux', version: '' }, processor) : undefined;
}

function makePlatform({ os, version }: System, { architecture, variant }: Processor): Platform {
  return { os, architecture, ...(variant !== '' && { variant }), ...(version !== '' && { 'os.version': version }) };
}

/** containerd/platforms, normalizeArch. */
function parseProcessor(text: string, variantText: string): Processor {
  const name = text.toLowerCase();
  const architecture = ownValue(otherNames, name) ?? name;
  if (name === 'i386') return { architecture, variant: '' };
  return { architecture, variant: ownValue(variantOfName, name) ?? parseVariant(architecture, variantText.toLowerCase()) };
}

function parseVariant(architecture: string, variant: string): string {
  switch (architecture) {
    case 'amd64':
      return variant === 'v1' ? '' : variant;
    case 'arm64':
      return variant === '8' || variant === 'v8' ? '' : variant;
    case 'arm':
      if (variant === '') return 'v7';
      return /^[5-8]$/.test(variant) ? `v${variant}` : variant;
    default:
      return variant;
  }
}

function normaliseVariant(architecture: string, variant: string | undefined): string | undefined {
  const full = variant !== undefined && /^\d/.test(variant) ? `v${variant}` : variant;
  if (architecture === 'arm') return full ?? 'v7';
  if (architecture === 'arm64' && (full === 'v8' || full === 'v8.0')) return undefined;
  return architecture === 'amd64' && full === 'v1' ? undefined : full;
}
