/**
 * True when the text may name an image: `[host[:port]/]path[:tag][@digest]` with a lower-case path. Only the shape is looked at
 * (distribution's reference grammar); registries have the last word.
 */
export function looksLikeImageName(text: string): boolean {
  if (text.length > 600) return false;
  const match = /^(?<name>[^@]*?)(?::(?<tag>\w[\w.-]{0,127}))?(?:@(?<digest>[A-Za-z][\w+.-]*:[0-9A-Fa-f]{32,}))?$/.exec(text);
  const name = match?.groups?.['name'] ?? '';
  const slash = name.indexOf('/');
  const first = slash === -1 ? '' : name.slice(0, slash);
  const isHost = first === 'localhost' || /[.:]|[A-Z]/.test(first);
  const path = isHost ? name.slice(slash + 1) : name;
  return (!isHost || hostPattern.test(first)) && path.split('/').every((part) => pathPart.test(part));
}

const hostPattern = /^(?:\[[0-9A-Fa-f:]+\]|[A-Za-z0-9](?:[A-Za-z0-9-]*)(?:\.[A-Za-z0-9][A-Za-z0-9-]*)*)(?::\d+)?$/;
const pathPart = /^[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*$/;
