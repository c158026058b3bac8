import { parseImageLocation } from '../../places/location.ts';
import { copyImage } from '../../shelf/copy-image.ts';
import type { Flag } from '../flags/flag.ts';
import {
  checkDigestFile,
  digestFileFlag,
  leavingFlags,
  leavingForm,
  mediaFormat,
  mediaFormatFlag,
  writeDigestFile,
} from '../flags/leaving-flags.ts';
import type { ParsedFlags } from '../flags/parse-flags.ts';
import { registryFlags } from '../flags/shared-flags.ts';
import { inSession, platformFlags, platformsWanted, quietFlag, registrySettings } from '../kinds/in-session.ts';
import { type OpenedStore, runStoreCommand, type StoreCommand } from '../kinds/store-command.ts';
import type { CommandContext } from '../terminal/command-context.ts';

const sideFlags: readonly Flag[] = (['src', 'dest'] as const).map((side) => ({
  long: `--${side}-tls-verify`,
  value: 'BOOL',
  implied: 'true',
  group: 'Registries',
  help: `The same for the ${side === 'src' ? 'source' : 'destination'} alone`,
}));

/** What the command takes. Exported for tests. */
export const copyCommand: StoreCommand = {
  name: 'copy',
  operands: 'SOURCE DESTINATION',
  leastOperands: 2,
  mostOperands: 2,
  summary:
    'Copies an image from one place to another. A place is docker://NAME (a registry), store:NAME, oci:FOLDER[:NAME], oci-archive:FILE[:NAME] or docker-archive:FILE[:NAME]',
  flags: [
    ...platformFlags('Which'),
    mediaFormatFlag,
    ...leavingFlags,
    ...registryFlags('Registries'),
    ...sideFlags,
    digestFileFlag,
    quietFlag,
  ],
  run: copy,
};

/** `tsbuild copy`. */
export async function runCopy(context: CommandContext): Promise<number> {
  return runStoreCommand(copyCommand, context);
}

async function copy(parsed: ParsedFlags, opened: OpenedStore): Promise<number> {
  const [from = '', to = ''] = parsed.operands;
  const places = { source: parseImageLocation(from), target: parseImageLocation(to) };
  const copying = {
    platforms: platformsWanted(parsed, opened),
    leaving: leavingForm(parsed),
    format: mediaFormat(parsed),
    from: registrySettings(parsed, 'src'),
    to: registrySettings(parsed, 'dest'),
  };
  await checkDigestFile(parsed);
  const digest = await inSession(opened, parsed, (session) => copyImage(places, copying, session));
  await writeDigestFile(parsed, digest, opened.context.signal);
  return 0;
}
