import { checkRows } from './check-rows.ts';
import { addArchives } from './rows/add-archives.ts';
import { heredocs } from './rows/heredocs.ts';
import { ignoreFiles } from './rows/ignore-files.ts';

checkRows({ 'add archives': addArchives, 'ignore files': ignoreFiles, heredocs });
