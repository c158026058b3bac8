/** Writes the licences of the packages that come with tsbuild: npm run licenses. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../support/repository.ts';
import { licensesFile, licensesPage } from './licenses-page.ts';

writeFileSync(join(repositoryRoot, licensesFile), licensesPage());
