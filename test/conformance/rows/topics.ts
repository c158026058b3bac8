import type { Row } from '../row.ts';
import { addArchives } from './add-archives.ts';
import { copyOwnerMode } from './copy-owner-mode.ts';
import { copyParents } from './copy-parents.ts';
import { copyPlacement } from './copy-placement.ts';
import { copySymlinks } from './copy-symlinks.ts';
import { copyWildcards } from './copy-wildcards.ts';
import { heredocs } from './heredocs.ts';
import { ignoreFiles } from './ignore-files.ts';
import { onbuildAndHistory } from './onbuild-and-history.ts';
import { runDevices } from './run-devices.ts';
import { runEnvironment } from './run-environment.ts';
import { runMounts } from './run-mounts.ts';
import { runOptions } from './run-options.ts';
import { settings } from './settings.ts';
import { stages } from './stages.ts';
import { variables } from './variables.ts';

/** All rows by topic, in groups that take about as long. */
export const topics: Readonly<Record<'copy' | 'add' | 'settings' | 'run', Readonly<Record<string, readonly Row[]>>>> = {
  copy: {
    'copy placement': copyPlacement,
    'copy links': copySymlinks,
    'copy wildcards': copyWildcards,
    'copy parents': copyParents,
    'copy owner and mode': copyOwnerMode,
  },
  add: { 'add archives': addArchives, 'ignore files': ignoreFiles, heredocs },
  settings: { variables, settings, 'onbuild and history': onbuildAndHistory },
  run: { run: runEnvironment, 'run mounts': runMounts, 'run options': runOptions, 'run devices': runDevices, stages },
};
