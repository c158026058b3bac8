/** Go's strconv.ParseBool, by which docker, BuildKit and buildah read what is on or off; undefined for any other text. */
export function goBoolean(text: string): boolean | undefined {
  if (/^(?:1|t|T|true|TRUE|True)$/.test(text)) return true;
  return /^(?:0|f|F|false|FALSE|False)$/.test(text) ? false : undefined;
}
