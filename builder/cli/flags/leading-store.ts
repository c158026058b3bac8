/** How many of the first words are about the store, as in `--root DIR images`: podman and buildah have such flags in front of a command. */
export function leadingStoreWords(argv: readonly string[]): number {
  const [, flag, hasValue] = /^(--store|--root|--store-owner)(=.*)?$/s.exec(argv[0] ?? '') ?? [];
  if (flag === undefined) return 0;
  const own = hasValue === undefined ? 2 : 1;
  return own + leadingStoreWords(argv.slice(own));
}
