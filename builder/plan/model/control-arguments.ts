import type { Diagnostic } from '../../../parser/mistakes/errors.ts';

/** Build arguments that BuildKit reads itself and that do something here, declared or not. docs/containerfile.md lists them. */
const effective: ReadonlySet<string> = new Set([
  'SOURCE_DATE_EPOCH',
  'BUILDKIT_CACHE_MOUNT_NS',
  'BUILDKIT_CONTEXT_KEEP_GIT_DIR',
  'BUILDKIT_DOCKERFILE_CHECK',
  'BUILDKIT_MULTI_PLATFORM',
  'BUILDKIT_SANDBOX_HOSTNAME',
]);

/** Those that ask for something that does not exist here, with why. */
const idle: ReadonlyMap<string, string> = new Map([
  ['BUILDKIT_SYNTAX', 'there are no other frontends'],
  ['BUILDKIT_INLINE_CACHE', 'images carry no cache records'],
  ['BUILDKIT_BUILD_NAME', 'builds are not recorded by name'],
  ['BUILDKIT_SBOM_SCAN_CONTEXT', 'no bill of materials is made'],
  ['BUILDKIT_SBOM_SCAN_STAGE', 'no bill of materials is made'],
]);

/** True for names that are known to be addressed to the builder and not to an ARG; with another that is reserved, a wish may be misspelled. */
export function isControlArgument(name: string): boolean {
  return effective.has(name) || reasonWithoutEffect(name) !== undefined;
}

/** A warning for each argument that is given, is addressed to the builder, and has no effect. */
export function idleArguments(buildArgs: ReadonlyMap<string, string>): readonly Diagnostic[] {
  return [...buildArgs].flatMap(([name, value]) => {
    const reason = reasonWithoutEffect(name);
    if (reason === undefined || asksForNothing(name, value)) return [];
    const message = `The build argument "${name}" has no effect: ${reason}`;
    return [{ severity: 'warning', code: 'IdleBuildArg', message, span: undefined }];
  });
}

function reasonWithoutEffect(name: string): string | undefined {
  return name.startsWith('BUILDKIT_ATTEST_') ? 'attestations are not supported yet' : idle.get(name);
}

function asksForNothing(name: string, value: string): boolean {
  if (name !== 'BUILDKIT_SYNTAX') return /^(?:|0|f|false)$/i.test(value);
  // Docker's own frontend, in whatever registry it is, reads what is read here.
  const [image = ''] = value.split('@', 1);
  return value === '' || /^dockerfile\b/.test(image.split('/').at(-1) ?? '');
}
