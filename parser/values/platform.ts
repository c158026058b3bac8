import { suggest } from '../mistakes/suggest.ts';

/** What an image runs on, in Go's names. The same shape as the image-spec's platform object. */
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
  if (parts.length > 3 || system === undefined || !parts.slice(1).every((part) => component.test(part))) {
    return undefined;
  }
  if (second === undefined) {
    return parseSingle(system, defaultArchitecture);
  }
  return makePlatform(system, second, third ?? '');
}

/** `linux/arm64/v8` and so on; the inverse of parsePlatform for normalised platforms. */
export function formatPlatform(platform: Platform): string {
  const version = platform['os.version'] === undefined ? '' : `(${platform['os.version']})`;
  const variant = platform.variant === undefined ? '' : `/${platform.variant}`;
  return `${platform.os}${version}/${platform.architecture}${variant}`;
}

const component = /^[A-Za-z0-9_.-]+$/;
const systemWithVersion = /^([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.-]*)\))?$/;

const systems = new Set(
  'aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris wasip1 windows zos'.split(
    ' ',
  ),
);
const architectures = new Set(
  (
    '386 amd64 amd64p32 arm armbe arm64 arm64be loong64 mips mipsle mips64 mips64le mips64p32 mips64p32le ppc ppc64 ppc64le ' +
    'riscv riscv64 s390 s390x sparc sparc64 wasm'
  ).split(' '),
);

/** What WebAssembly is built for, beside Go's names. (docker's documentation of Wasm workloads) */
const otherSystems = ['wasi'];
const otherArchitectures = ['wasm32'];

/** True when nothing is known by the platform's system or architecture, so that it may be a slip. */
export function isUnknownPlatform({ os, architecture }: Platform): boolean {
  const isKnownSystem = systems.has(os) || otherSystems.includes(os);
  return !isKnownSystem || !(architectures.has(architecture) || otherArchitectures.includes(architecture));
}

/** The platform that an unknown one was probably meant to be: its words in the other order, or the nearest that are known. */
export function nearestPlatform({ os, architecture, ...rest }: Platform): Platform | undefined {
  if (systems.has(architecture) && architectures.has(os)) return { ...rest, os: architecture, architecture: os };
  const system = systems.has(os) ? os : suggest(os, systems);
  const processor = architectures.has(architecture) ? architecture : suggest(architecture, usualFirst);
  return system === undefined || processor === undefined ? undefined : { ...rest, os: system, architecture: processor };
}

/** Of two that are equally near, people mean the one that they have. */
const usualFirst = ['amd64', 'arm64', 'arm', '386', 'riscv64', 's390x', 'ppc64le', 'loong64', ...architectures];

interface System {
  readonly os: string;
  readonly version: string;
}

function parseSystem(text: string): System | undefined {
  const match = systemWithVersion.exec(text);
  if (match === null) {
    return component.test(text) ? { os: normaliseSystem(text), version: '' } : undefined;
  }
  return { os: normaliseSystem(match[1] ?? ''), version: match[2] ?? '' };
}

function normaliseSystem(text: string): string {
  const lower = text.toLowerCase();
  return lower === 'macos' ? 'darwin' : lower;
}

function parseSingle(system: System, defaultArchitecture: string): Platform | undefined {
  if (systems.has(system.os)) {
    return makePlatform(system, defaultArchitecture, '');
  }
  const { architecture, variant } = normaliseArchitecture(system.os, '');
  return architectures.has(architecture) ? makePlatform({ os: 'linux', version: '' }, architecture, variant) : undefined;
}

function makePlatform(system: System, architectureText: string, variantText: string): Platform {
  const { architecture, variant } = normaliseArchitecture(architectureText, variantText);
  return {
    os: system.os,
    architecture,
    ...(variant === '' ? {} : { variant }),
    ...(system.version === '' ? {} : { 'os.version': system.version }),
  };
}

/** containerd/platforms, normalizeArch. */
function normaliseArchitecture(text: string, variantText: string): { architecture: string; variant: string } {
  const architecture = text.toLowerCase();
  const variant = variantText.toLowerCase();
  switch (architecture) {
    case 'i386':
      return { architecture: '386', variant: '' };
    case 'x86_64':
    case 'x86-64':
    case 'amd64':
      return { architecture: 'amd64', variant: variant === 'v1' ? '' : variant };
    case 'aarch64':
    case 'arm64':
      return { architecture: 'arm64', variant: variant === '8' || variant === 'v8' ? '' : variant };
    case 'armhf':
      return { architecture: 'arm', variant: 'v7' };
    case 'armel':
      return { architecture: 'arm', variant: 'v6' };
    case 'arm':
      return { architecture: 'arm', variant: armVariant(variant) };
    default:
      return { architecture, variant };
  }
}

function armVariant(variant: string): string {
  if (variant === '') {
    return 'v7';
  }
  return /^[5-8]$/.test(variant) ? `v${variant}` : variant;
}
