import { checkCacheRows } from './check-rows.ts';
import { remembered } from './rows/remembered.ts';

checkCacheRows(remembered);
