import { ownValue } from '../../registry/oci/own-value.ts';

/** What podman, skopeo and docker buildx write in front of an image, with a colon between. */
export interface ImageTransport {
  readonly name: string;
  /** What is behind it; `engine`: the images of another tool. */
  readonly kind: 'registry' | 'archive' | 'layout' | 'folder' | 'engine';
  /** The rest of the text. */
  readonly place: string;
  /** False where nobody can mean an image of that name, with the rest as its tag. */
  readonly couldBeName: boolean;
}

const transports: Readonly<Record<string, Pick<ImageTransport, 'kind' | 'couldBeName'>>> = {
  'oci-archive': { kind: 'archive', couldBeName: false },
  'docker-archive': { kind: 'archive', couldBeName: false },
  'oci-layout': { kind: 'layout', couldBeName: false },
  'docker-daemon': { kind: 'engine', couldBeName: false },
  'containers-storage': { kind: 'engine', couldBeName: false },
  oci: { kind: 'layout', couldBeName: true },
  dir: { kind: 'folder', couldBeName: true },
  docker: { kind: 'registry', couldBeName: true },
  'docker-image': { kind: 'registry', couldBeName: true },
};

/** The transport that a text begins with; undefined for none. */
export function imageTransport(text: string): ImageTransport | undefined {
  const [, name = '', place = ''] = /^([a-z-]+):(.*)$/s.exec(text) ?? [];
  const known = ownValue(transports, name);
  return known && { ...known, name, place };
}

/** Why a text with such a transport is no image; undefined when it may be one. */
export function transportProblem(text: string): string | undefined {
  return imageTransport(text)?.couldBeName === false ? 'it names no image in a registry' : undefined;
}
