/** Systems that Go knows. (go tool dist list, internal/goos) */
export const systems: ReadonlySet<string> = new Set(
  'aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris wasip1 windows zos'.split(
    ' ',
  ),
);

/** Processors that Go knows. (internal/goarch) */
export const architectures: ReadonlySet<string> = new Set(
  (
    '386 amd64 amd64p32 arm armbe arm64 arm64be loong64 mips mipsle mips64 mips64le mips64p32 mips64p32le ppc ppc64 ppc64le ' +
    'riscv riscv64 s390 s390x sparc sparc64 wasm'
  ).split(' '),
);

/** True for systems of Go, and for `wasi`. (docker's documentation of Wasm workloads) */
export function isKnownSystem(name: string): boolean {
  return systems.has(name) || name === 'wasi';
}

/** True for processors of Go, and for `wasm32`. */
export function isKnownArchitecture(name: string): boolean {
  return architectures.has(name) || name === 'wasm32';
}

/** Go's names by the other ones that people write for `--platform`. (containerd/platforms, normalizeArch) */
export const otherNames: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  'x86-64': 'amd64',
  i386: '386',
  aarch64: 'arm64',
  armhf: 'arm',
  armel: 'arm',
};

/** The same, with what configurations and indexes of images say besides. */
export const namesInImages: Readonly<Record<string, string>> = { ...otherNames, x64: 'amd64', i686: '386', ppc64el: 'ppc64le' };

/** Names that say a variant. */
export const variantOfName: Readonly<Record<string, string>> = { armhf: 'v7', armel: 'v6' };

/** Go's names by Node's. (process.arch) */
export const namesInNode: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le' };

/** QEMU's names by Go's, where it has its own. */
export const namesInQemu: Readonly<Record<string, string>> = {
  amd64: 'x86_64',
  '386': 'i386',
  arm64: 'aarch64',
  mipsle: 'mipsel',
  mips64le: 'mips64el',
  loong64: 'loongarch64',
};
