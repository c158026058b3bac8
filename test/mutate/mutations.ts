import type { Mutation } from './mutation.ts';

/** The rules that keep a build apart from the machine, the user's secrets and other users. Each row must be noticed by the tests that it names. */
export const mutations: readonly Mutation[] = [
  ...sandboxMutations(),
  ...pathMutations(),
  ...networkMutations(),
  ...storeMutations(),
];

function sandboxMutations(): readonly Mutation[] {
  const plan = 'executor/inside/run/sandbox-plan.ts';
  const environment = ['executor/inside/run/environment', 'executor/inside/run/sandbox-plan'];
  return [
    {
      rule: 'descriptors are closed before an image names anything',
      file: plan,
      from: '    ...closeDescriptors(),\n',
      to: '',
      tests: ['hostile/descriptors'],
    },
    {
      rule: 'descriptors are closed before a hook names anything',
      file: 'executor/inside/run/hooks/run-hooks.ts',
      from: '    ...closeDescriptors(),\n',
      to: '',
      tests: ['hostile/descriptors'],
    },
    {
      rule: 'a hook of the image may do what a command may',
      file: 'executor/inside/run/hooks/run-hooks.ts',
      from: '    ...(isConfined ? hookConfinement(action, kernel) : []),\n',
      to: '',
      tests: ['hostile/image-hooks'],
    },
    {
      rule: 'a hook of the image has a pid namespace of its own',
      file: 'executor/inside/run/hooks/run-hooks.ts',
      from: "isOfImage(hook) ? ['pid'] : []",
      to: 'isOfImage(hook) ? [] : []',
      tests: ['hostile/image-hooks'],
    },
    {
      rule: 'a working directory is entered without magic links',
      file: 'executor/inside/run/process/working-directory.ts',
      from: 'encodeOpenHow({ flags, resolve: RESOLVE.NO_MAGICLINKS })',
      to: 'encodeOpenHow({ flags, resolve: 0 })',
      tests: ['hostile/working-directory', 'hostile/descriptors', 'executor/inside/run/sandbox-plan'],
    },
    {
      rule: 'the worker runs from a read-only program',
      file: 'executor/host/launch.ts',
      from: '    ...readOnlyFile(program),\n',
      to: '',
      tests: ['hostile/own-program', 'executor/host/launch'],
    },
    {
      rule: 'an emulator is opened on a read-only mount',
      file: 'executor/inside/run/emulation/registration.ts',
      from: "const opened = readOnlyFile(emulator, 'emulator');",
      to: 'const opened: readonly TapeEntry[] = [];',
      tests: ['hostile/own-program', 'emulation/registration'],
    },
    {
      rule: 'what the machine has registered as an emulator is not for its owner to change',
      file: 'executor/inside/run/emulation/means.ts',
      from: "return own.kind === 'own' ? own : undefined;",
      to: "return own.kind === 'given' ? own : undefined;",
      tests: ['hostile/own-program'],
    },
    {
      rule: 'processes around the build can only be looked at',
      file: plan,
      from: "boundReadOnly('/proc', places.proc)",
      to: "[bind('/proc', places.proc)]",
      tests: ['hostile/bound-proc'],
    },
    {
      rule: 'device nodes are lent read-only',
      file: 'executor/inside/run/mounts/devices.ts',
      from: 'const lent = MOUNT_ATTR.RDONLY | MOUNT_ATTR.NOSUID;',
      to: 'const lent = MOUNT_ATTR.NOSUID;',
      tests: ['hostile/own-program'],
    },
    {
      rule: 'standard input is read-only',
      file: 'executor/inside/run/process/output-pipes.ts',
      from: 'MOUNT_ATTR.RDONLY | MOUNT_ATTR.NOSUID',
      to: 'MOUNT_ATTR.NOSUID',
      tests: ['hostile/own-program'],
    },
    {
      rule: 'the seccomp filter is installed',
      file: 'executor/inside/run/process/confinement.ts',
      from: 'return [loaded(compileFilter(subject), 0)]',
      to: 'return []',
      tests: environment,
    },
    {
      rule: 'capabilities leave the bounding set',
      file: 'executor/inside/run/process/confinement.ts',
      from: 'asRoot: [...(isFilterLast ? [] : filter), ...boundingSet(names, kernel.lastCapability)]',
      to: 'asRoot: [...(isFilterLast ? [] : filter)]',
      tests: environment,
    },
    {
      rule: 'system calls that no rule names fail',
      file: 'executor/inside/run/seccomp/profile.ts',
      from: 'export const unnamedCall: Outcome = 1; // EPERM',
      to: "export const unnamedCall: Outcome = 'allow';",
      tests: ['executor/inside/run/seccomp/'],
    },
    {
      rule: 'the primary group is a supplementary one (CVE-2023-25173)',
      file: plan,
      from: 'new Set([user.gid, ...user.groups])',
      to: 'new Set(user.groups)',
      tests: environment,
    },
    {
      rule: 'paths of /proc are masked',
      file: plan,
      from: '    ...(isSandboxed ? hiddenPaths(facts) : []),\n',
      to: '',
      tests: environment,
    },
    {
      rule: 'abstract sockets of the machine are out of reach',
      file: plan,
      from: 'return kernel.hasScopes ? scopesAt(0) : [];',
      to: 'return [];',
      tests: ['hostile/caller-state', ...environment, 'executor/inside/run/sandbox-plan'],
    },
    {
      rule: 'no domain of the machine beside the searches that are asked for',
      file: 'executor/inside/run/mounts/hosts.ts',
      from: "(keyword === 'search' || keyword === 'domain')",
      to: "keyword === 'search'",
      tests: ['executor/inside/run/sandbox-plan'],
    },
    {
      rule: 'mounts are taken away by their descriptors',
      file: 'executor/inside/run/mounts/attach.ts',
      from: "    if (!isSyscallError(error, 'EINVAL', 'ENOENT')) throw error;\n",
      to: '    throw error;\n',
      tests: ['hostile/after-command'],
    },
  ];
}

function pathMutations(): readonly Mutation[] {
  return [
    {
      rule: 'paths of an image stay in its root',
      file: 'executor/inside/root/resolve-in-root.ts',
      from: 'resolve: RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS',
      to: 'resolve: RESOLVE.NO_MAGICLINKS',
      tests: ['executor/inside/root/resolve-in-root', 'executor/inside/run/mounts/'],
    },
    {
      rule: 'magic links of an image are not followed',
      file: 'executor/inside/root/resolve-in-root.ts',
      from: 'resolve: RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS',
      to: 'resolve: RESOLVE.IN_ROOT',
      tests: ['executor/inside/root/resolve-in-root', 'executor/inside/run/mounts/', 'hostile/working-directory'],
    },
    {
      rule: 'after a command its layer is walked without links',
      file: 'executor/inside/run/mounts/mount-points.ts',
      from: 'RESOLVE.BENEATH | RESOLVE.NO_SYMLINKS | RESOLVE.NO_XDEV',
      to: '0',
      tests: ['hostile/after-command'],
    },
    {
      rule: 'trees are removed without links',
      file: 'executor/inside/files/remove-tree.ts',
      from: 'flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW,\n    resolve: RESOLVE.BENEATH | RESOLVE.NO_XDEV | RESOLVE.NO_SYMLINKS,',
      to: 'flags: O_RDONLY | O_DIRECTORY,\n    resolve: 0,',
      tests: ['executor/inside/'],
    },
    {
      rule: 'a copy meets no link that was not in its list',
      file: 'executor/inside/copy/source-tree.ts',
      from: 'const noLinks = RESOLVE.BENEATH | RESOLVE.NO_SYMLINKS | RESOLVE.NO_MAGICLINKS;',
      to: 'const noLinks = 0;',
      tests: ['executor/inside/copy/'],
    },
    {
      rule: 'capabilities stay in a packed copy, as other attributes do not',
      file: 'executor/inside/copy/pack-copy.ts',
      from: 'return capability === undefined ? entry',
      to: 'return capability !== undefined ? entry',
      tests: ['executor/inside/copy/'],
    },
    {
      rule: 'a Containerfile of a fetched context that is a link out of it is not read',
      file: 'builder/inputs/load-build-file.ts',
      from: 'const place = await placeInside(folder, file);',
      to: "const place = { kind: 'inside', path: `${folder}/${file}` } as const;",
      tests: ['e2e/remote-context'],
    },
  ];
}

function networkMutations(): readonly Mutation[] {
  const replies = ['hostile/registry-replies', 'registry/network', 'registry/auth/token', 'registry/auth/auth'];
  return [
    {
      rule: 'no redirect leads from https to plain http',
      file: 'registry/http/redirect.ts',
      from: 'isDowngrade(request.url, target) || isDowngrade(response.url, target)',
      to: 'false',
      tests: replies,
    },
    {
      rule: 'private headers do not cross origins',
      file: 'registry/http/redirect.ts',
      from: '.filter(([name]) => !isPrivate(name))',
      to: '',
      tests: replies,
    },
    {
      rule: 'headers that look private do not cross origins',
      file: 'registry/http/redirect.ts',
      from: ' || /token|auth|key/i.test(name)',
      to: '',
      tests: replies,
    },
    {
      rule: 'a secret body is not sent to where a service redirects',
      file: 'registry/http/redirect.ts',
      from: 'request.hasSecretBody === true',
      to: 'false',
      tests: replies,
    },
    {
      rule: 'no realm takes a password over plain http',
      file: 'registry/auth/token.ts',
      from: "if (isPlain && request.credentials !== undefined && request.registry.protocol === 'https:' && !request.isInsecure) {",
      to: 'if (isPlain && request.scopes.length < 0) {',
      tests: replies,
    },
    {
      rule: 'credentials go to the origin of the registry alone',
      file: 'registry/auth/authorize.ts',
      from: 'if (request.url.origin !== this.#options.registry.origin) return this.#options.exchange(request);',
      to: '',
      tests: [...replies, 'registry/push'],
    },
    {
      rule: 'an upload is not led from https to http',
      file: 'registry/distribution/upload.ts',
      from: 'if (isDowngraded) return',
      to: 'if (!isDowngraded && isDowngraded) return',
      tests: ['registry/push', ...replies],
    },
    {
      rule: 'an upload is not led from https to plain http elsewhere',
      file: 'registry/distribution/upload.ts',
      from: 'if (!isDowngrade(base, url) && !isDowngrade(response.url, url)) return url;',
      to: 'if (url.port !== response.url.port || url.port === response.url.port) return url;',
      tests: replies,
    },
    {
      rule: 'a layer elsewhere is not fetched over plain http when its registry is on https',
      file: 'registry/distribution/blob-source.ts',
      from: '!(registry !== undefined && isDowngrade(registry, each))',
      to: 'registry?.host !== each.href',
      tests: replies,
    },
    {
      rule: 'a manifest is what its registry calls it',
      file: 'registry/distribution/fetch-manifest.ts',
      from: 'isKnownType(declared) && declared !== type',
      to: 'isKnownType(declared) && declared.length < 0',
      tests: ['registry/pull', 'registry/refusals', ...replies],
    },
    {
      rule: 'an address inside of one of version 6 is the one that is reached',
      file: 'registry/address/local-address.ts',
      from: 'return embedding.some(',
      to: 'return embedding.length === 0 && embedding.some(',
      tests: ['hostile/local-names'],
    },
    {
      rule: 'a name that has been elsewhere is not taken for one of this machine',
      file: 'registry/address/local-address.ts',
      from: 'answer(error === null && !this.#elsewhere.has(host))',
      to: 'answer(error === null)',
      tests: ['hostile/local-names'],
    },
    {
      rule: 'hosts are compared as the network means them',
      file: 'registry/address/host-name.ts',
      from: 'name.toLowerCase() : plainAddress(url.hostname)',
      to: 'name.toLowerCase() : name',
      tests: ['hostile/spelled-hosts'],
    },
    {
      rule: "submodules do not get the user's own keys",
      file: 'builder/inputs/git/git-access.ts',
      from: 'sshConfig(services.own && sshHostOf(location), forwarded !== undefined)',
      to: "sshConfig('*', forwarded !== undefined)",
      tests: ['hostile/git-credentials'],
    },
  ];
}

function storeMutations(): readonly Mutation[] {
  const file = 'cache/folder/store-safety.ts';
  const tests = ['hostile/store-folders', 'cache/store.test'];
  return [
    {
      rule: "another user's store is not used",
      file,
      from: "owner === 'any' || uid === (process.geteuid?.() ?? uid)",
      to: "owner === 'any' || uid >= 0",
      tests,
    },
    {
      rule: 'folders of a store are no links',
      file,
      from: '  if (found.isSymbolicLink()) throw linked(layout, name);\n  checkFolder',
      to: '  checkFolder',
      tests,
    },
    {
      rule: 'files of a store are no links',
      file,
      from: '  if (found.isSymbolicLink()) throw linked(layout, path.basename(file));\n',
      to: '',
      tests,
    },
    {
      rule: 'folders of a store are not writable for others',
      file,
      from: '  if ((await readdir(folder)).length > 0) throw openToOthers(folder);\n',
      to: '',
      tests,
    },
    {
      rule: 'locks of a store are no links',
      file: 'cache/folder/store-lock.ts',
      from: 'const neverFollowed = constants.O_NOFOLLOW | constants.O_NONBLOCK;',
      to: 'const neverFollowed = constants.O_NONBLOCK;',
      tests,
    },
  ];
}
