/** True for what `--chmod` takes: octal digits up to 7777, or clauses as chmod(1) of BSD takes them (`u=rwX,go=rX`, `+x`, `g=u`, `g=uo`). */
export function isFileMode(text: string): boolean {
  if (/^[0-7]+$/.test(text)) return text.replace(/^0+/, '').length <= 4;
  return text.split(',').every((clause) => /^[ugoa]*(?:[-+=][rwxXstugo]*)+$/.test(clause));
}
