import { inFormat } from '../../image/new-documents.ts';
import { refuseDockerZstd } from '../../places/leaving-layers.ts';
import { ofImage } from '../../places/lost-content.ts';
import { openStored } from '../../places/open-stored.ts';
import { pushWhole } from '../../places/push-image.ts';
import { findImage } from '../../places/stored-images.ts';
import { refuseTransport } from '../../settings/image-name.ts';
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
import { inSession, quietFlag, registrySettings } from '../kinds/in-session.ts';
import { type OpenedStore, runStoreCommand, type StoreCommand } from '../kinds/store-command.ts';
import type { CommandContext } from '../terminal/command-context.ts';

/** What the command takes. Exported for tests. */
export const pushCommand: StoreCommand = {
  name: 'push',
  operands: 'IMAGE [NAME...]',
  leastOperands: 1,
  mostOperands: Number.POSITIVE_INFINITY,
  summary: 'Sends an image of the store to a registry, under its own name or under others',
  reads: true,
  prepare: refuseOtherPlaces,
  flags: [mediaFormatFlag, ...leavingFlags, ...registryFlags('Registries'), digestFileFlag, quietFlag],
  run: pushStored,
};

/** `tsbuild push`. */
export async function runPush(context: CommandContext): Promise<number> {
  return runStoreCommand(pushCommand, context);
}

async function refuseOtherPlaces({ operands: [, ...names] }: ParsedFlags): Promise<void> {
  for (const name of names) refuseTransport('NAME', name);
}

async function pushStored(parsed: ParsedFlags, opened: OpenedStore): Promise<number> {
  const [text = '', ...names] = parsed.operands;
  const leaving = leavingForm(parsed);
  const format = mediaFormat(parsed);
  await checkDigestFile(parsed);
  const { stdout } = opened.context;
  await inSession(opened, parsed, async (session) => {
    const { name: own, descriptor } = await findImage(session.store, text);
    const whole = inFormat(await ofImage(own, session.store, () => openStored(descriptor, leaving, session)), format);
    refuseDockerZstd(whole, leaving);
    for (const name of names.length === 0 ? [own] : names) {
      const destination = name.replace(/^docker:\/\//, '');
      const { references, digest } = await ofImage(own, session.store, () =>
        pushWhole(whole, destination, session.pushing(registrySettings(parsed))),
      );
      stdout.write(references.map((reference) => `${reference}\n`).join(''));
      await writeDigestFile(parsed, digest, session.signal);
    }
  });
  return 0;
}
