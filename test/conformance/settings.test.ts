import { checkRows } from './check-rows.ts';
import { onbuildAndHistory, settings } from './rows/settings.ts';
import { variables } from './rows/variables.ts';

checkRows({ variables, settings, 'onbuild and history': onbuildAndHistory });
