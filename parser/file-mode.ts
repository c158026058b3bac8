/** True for what `--chmod` takes: octal digits up to 7777, or clauses as chmod(1) takes them (`u=rwX,go=rX`, `+x`, `g=u`). */
export function isFileMode(text: string): boolean {
  if (/^[0-7]+$/.test(text)) {
    return text.replace(/^0+/, '').length <= 4;
  }
  return text.split(',').every((clause) => /^[ugoa]*(?:[-+=](?:[rwxXst]*|[ugo]))+$/.test(clause));
}
