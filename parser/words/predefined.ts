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

/** True for arguments that the builder itself reads. */
export function isControlArg(name: string): boolean {
  return name === 'SOURCE_DATE_EPOCH' || name.startsWith('BUILDKIT_');
}
