import { checkRows } from './check-rows.ts';
import { copyOwnerMode } from './rows/copy-owner-mode.ts';
import { copyParents } from './rows/copy-parents.ts';
import { copyPlacement } from './rows/copy-placement.ts';
import { copySymlinks } from './rows/copy-symlinks.ts';
import { copyWildcards } from './rows/copy-wildcards.ts';

checkRows({
  'copy placement': copyPlacement,
  'copy links': copySymlinks,
  'copy wildcards': copyWildcards,
  'copy parents': copyParents,
  'copy owner and mode': copyOwnerMode,
});
