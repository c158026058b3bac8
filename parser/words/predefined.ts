/** Arguments that exist before the first FROM without being declared, and that a stage may declare to see them. */
export const platformArgs: readonly string[] = [
  'TARGETPLATFORM',
  'TARGETOS',
  'TARGETARCH',
  'TARGETVARIANT',
  'TARGETOSVERSION',
  'BUILDPLATFORM',
  'BUILDOS',
  'BUILDARCH',
  'BUILDVARIANT',
  'BUILDOSVERSION',
  'TARGETSTAGE',
];

/** Arguments that every RUN sees without a declaration, in lower case too, and that are in no key, no history and no image. */
export const proxyArgs: readonly string[] = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'];

/** True for names that are BuildKit's to read, whatever they mean: a file may declare them for the builder of another day. */
export function isReservedArg(name: string): boolean {
  return name === 'SOURCE_DATE_EPOCH' || name.startsWith('BUILDKIT_');
}
