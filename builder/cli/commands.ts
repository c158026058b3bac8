import type { Command } from './kinds/command.ts';

/** All commands. `build` is meant when the first argument is none of the names. */
export const commands: readonly Command[] = [
  {
    name: 'build',
    summary: 'Build an image from a Containerfile',
    load: async () => (await import('./commands/build.ts')).runBuild,
  },
  {
    name: 'check',
    summary: 'Look for mistakes in a Containerfile without building',
    load: async () => (await import('./commands/check.ts')).runCheck,
  },
  {
    name: 'targets',
    summary: 'List the stages of a Containerfile',
    load: async () => (await import('./commands/targets.ts')).runTargets,
  },
  {
    name: 'outline',
    summary: 'List the arguments, secrets and sockets that a target takes',
    load: async () => (await import('./commands/outline.ts')).runOutline,
  },
  {
    name: 'doctor',
    summary: 'Say how builds run on this machine, and what is missing',
    load: async () => (await import('./commands/doctor.ts')).runDoctor,
  },
  { name: 'images', summary: 'List the images in the store', load: async () => (await import('./commands/images.ts')).runImages },
  {
    name: 'inspect',
    summary: 'Show the manifest and configuration of an image',
    load: async () => (await import('./commands/inspect.ts')).runInspect,
  },
  {
    name: 'history',
    summary: 'Show how an image was made',
    load: async () => (await import('./commands/history.ts')).runHistory,
  },
  { name: 'tag', summary: 'Give an image another name', load: async () => (await import('./commands/tag.ts')).runTag },
  { name: 'rmi', summary: 'Remove names of images', load: async () => (await import('./commands/rmi.ts')).runRmi },
  { name: 'pull', summary: 'Fetch an image into the store', load: async () => (await import('./commands/pull.ts')).runPull },
  { name: 'push', summary: 'Send an image to a registry', load: async () => (await import('./commands/push.ts')).runPush },
  { name: 'save', summary: 'Write an image to an archive', load: async () => (await import('./commands/save.ts')).runSave },
  { name: 'load', summary: 'Read an image from an archive', load: async () => (await import('./commands/load.ts')).runLoad },
  {
    name: 'copy',
    summary: 'Copy an image between registries, archives, folders and the store',
    load: async () => (await import('./commands/copy.ts')).runCopy,
  },
  { name: 'login', summary: 'Keep credentials of a registry', load: async () => (await import('./commands/login.ts')).runLogin },
  {
    name: 'logout',
    summary: 'Forget credentials of a registry',
    load: async () => (await import('./commands/logout.ts')).runLogout,
  },
  {
    name: 'prune',
    summary: 'Remove what builds no longer need',
    load: async () => (await import('./commands/store/prune.ts')).runPrune,
  },
  { name: 'du', summary: 'Show what takes space in the store', load: async () => (await import('./commands/store/du.ts')).runDu },
  {
    name: 'store',
    summary: 'Verify, repair, measure and prune the store',
    load: async () => (await import('./commands/store/store.ts')).runStore,
  },
  {
    name: 'manifest',
    summary: 'Join images of several platforms into a list',
    load: async () => (await import('./commands/manifest/manifest.ts')).runManifest,
  },
];
