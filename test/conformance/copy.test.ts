import { checkRows } from './check-rows.ts';
import { copyPlacement } from './rows/copy-placement.ts';

checkRows({ 'copy placement': copyPlacement });
