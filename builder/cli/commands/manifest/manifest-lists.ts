import { UsageError } from '../../../contract/errors.ts';
import { inFormat } from '../../../image/new-documents.ts';
import { refuseDockerZstd } from '../../../places/leaving-layers.ts';
import { openRemote } from '../../../places/open-source.ts';
import { openStored } from '../../../places/open-stored.ts';
import { pushWhole } from '../../../places/push-image.ts';
import { openList } from '../../../shelf/manifest-list.ts';
import { printableJson } from '../../../show/printable.ts';
import {
  checkDigestFile,
  digestFileFlag,
  leavingFlags,
  leavingForm,
  mediaFormat,
  mediaFormatFlag,
  writeDigestFile,
} from '../../flags/leaving-flags.ts';
import type { ParsedFlags } from '../../flags/parse-flags.ts';
import { registryFlags } from '../../flags/shared-flags.ts';
import { inSession, quietFlag, registrySettings } from '../../kinds/in-session.ts';
import type { OpenedStore, StoreCommand } from '../../kinds/store-command.ts';

/** `tsbuild manifest inspect`. */
export const manifestInspect: StoreCommand = {
  name: 'manifest inspect',
  operands: 'LIST',
  leastOperands: 1,
  mostOperands: 1,
  summary: 'Shows a list as JSON: one of the store, or docker://NAME in a registry',
  reads: true,
  flags: [...registryFlags('Registries'), quietFlag],
  run: inspect,
};

/** `tsbuild manifest push`. */
export const manifestPush: StoreCommand = {
  name: 'manifest push',
  operands: 'LIST [NAME...]',
  leastOperands: 1,
  mostOperands: Number.POSITIVE_INFINITY,
  summary: 'Sends a list with all its images to a registry, under its own name or under others',
  reads: true,
  flags: [
    { long: '--all', group: 'Which', help: 'Accepted for scripts: all images are always sent' },
    { long: '--purge', aliases: ['--rm'], group: 'List', help: 'Remove the list from the store when it has arrived' },
    mediaFormatFlag,
    ...leavingFlags,
    ...registryFlags('Registries'),
    digestFileFlag,
    quietFlag,
  ],
  run: push,
};

/** `tsbuild manifest rm`. */
export const manifestRm: StoreCommand = {
  name: 'manifest rm',
  operands: 'LIST...',
  leastOperands: 1,
  mostOperands: Number.POSITIVE_INFINITY,
  summary: 'Removes lists; their images stay as long as they have names of their own',
  reads: true,
  run: rm,
};

async function inspect(parsed: ParsedFlags, opened: OpenedStore): Promise<number> {
  const [text = ''] = parsed.operands;
  const index = await inSession(opened, parsed, async (session) => {
    if (!text.startsWith('docker://')) return (await openList(text, session)).document.index;
    const name = text.slice('docker://'.length);
    const { whole } = await openRemote(name, { platforms: 'all', registry: registrySettings(parsed) }, session);
    return whole.index?.index ?? whole.images[0]?.manifest;
  });
  opened.context.stdout.write(`${printableJson(index, 2)}\n`);
  return 0;
}

async function push(parsed: ParsedFlags, opened: OpenedStore): Promise<number> {
  const [text = '', ...names] = parsed.operands;
  const leaving = leavingForm(parsed);
  const format = mediaFormat(parsed);
  await checkDigestFile(parsed);
  await inSession(opened, parsed, async (session) => {
    const list = await openList(text, session);
    if (list.document.index.manifests.length === 0) {
      throw new UsageError('LIST', `Cannot push list "${text}": it is empty`, {
        hint: `Add images: tsbuild manifest add ${text} IMAGE`,
      });
    }
    const whole = inFormat(await openStored(list.document.descriptor, leaving, session), format);
    refuseDockerZstd(whole, leaving);
    for (const name of names.length === 0 ? [list.name] : names) {
      const destination = name.replace(/^docker:\/\//, '');
      const { references, digest } = await pushWhole(whole, destination, session.pushing(registrySettings(parsed)));
      opened.context.stdout.write(references.map((reference) => `${reference}\n`).join(''));
      await writeDigestFile(parsed, digest, session.signal);
    }
    if (parsed.isOn('--purge') === true) await session.store.images.remove(list.name);
  });
  return 0;
}

async function rm(parsed: ParsedFlags, opened: OpenedStore): Promise<number> {
  await inSession(opened, parsed, async (session) => {
    const lists = [];
    for (const text of parsed.operands) lists.push(await openList(text, session));
    for (const { name } of lists) {
      await session.store.images.remove(name);
      opened.context.stdout.write(`Untagged: ${name}\n`);
    }
  });
  return 0;
}
