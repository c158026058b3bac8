import { type BuildResult, idOf } from '../contract/result.ts';
import { printableJson } from '../show/printable.ts';
import { writeText } from './whole-output.ts';

/** Where the command line wants the result told. */
export interface ResultFiles {
  readonly imageIdFile: string | undefined;
  readonly metadataFile: string | undefined;
}

/** Writes the id file and the metadata file. @throws OutputError, and the signal's reason */
export async function writeResultFiles(
  result: BuildResult,
  { imageIdFile, metadataFile }: ResultFiles,
  signal?: AbortSignal,
): Promise<void> {
  if (imageIdFile !== undefined) await writeText(imageIdFile, idOf(result) ?? '', signal);
  if (metadataFile !== undefined) await writeText(metadataFile, metadataText(result), signal);
}

/** The metadata file's text; the keys are those of docker buildx, and one of our own. */
function metadataText({ descriptor, imageId, names, layout }: BuildResult): string {
  const metadata = {
    ...(imageId !== undefined && { 'containerimage.config.digest': imageId }),
    ...(descriptor !== undefined && { 'containerimage.descriptor': descriptor, 'containerimage.digest': descriptor.digest }),
    ...(names.length > 0 && { 'image.name': names.join(',') }),
    'tsbuild.layout': layout,
  };
  return `${printableJson(metadata, 2)}\n`;
}
