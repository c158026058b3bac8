import { checkRows } from './check-rows.ts';
import { topics } from './rows/topics.ts';

checkRows(topics.settings);
