/**
 * The text with stars in the place of users and passwords of addresses, `http://user:password@host` and `user:password@host/name`. As wide as
 * before, so that what points into the text still does. A user alone is hidden too, since tokens are written there, except for ssh, where it is
 * part of the address.
 */
export function hidePasswords(text: string): string {
  if (!text.includes('@')) return text;
  return text
    .replace(afterScheme, hideUser)
    .replace(withoutScheme, (_, option: string, user: string) => `${option}${hideAll(user)}`);
}

// Both begin at a fixed text and end at the next boundary, so that no text takes more than linear time.
const afterScheme = /(?<=:\/\/)[^\s/?#"<>]*@/g;
const withoutScheme = /(?<=^|[\s"'])((?:[\w-]+=)?)([^\s/@:"']+:[^\s/"']*@)(?=[\w.[\]:-]+\/)/gm;

function hideUser(user: string, offset: number, text: string): string {
  const isAddressOfSsh = text.slice(Math.max(0, offset - 6), offset) === 'ssh://' && !user.includes(':');
  return isAddressOfSsh ? user : hideAll(user);
}

function hideAll(user: string): string {
  return `${'*'.repeat(user.length - 1)}@`;
}
