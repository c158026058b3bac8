/**
 * The text with stars in the place of users and passwords of addresses, `http://user:password@host` and `user:password@host/name`. As wide as
 * before, so that what points into the text still does. A user alone is hidden too, since tokens are written there, except for ssh, where it is
 * part of the address.
 */
export function hidePasswords(text: string): string {
  return replaceUsers(text, (user) => `${'*'.repeat(user.length - 1)}@`);
}

/** The same, with nothing in their place. */
export function withoutPasswords(text: string): string {
  return replaceUsers(text, () => '');
}

/** A URL for messages, whether it can be parsed or not: without user and password, and without what may carry a signature. */
export function bareUrl(text: string): string {
  return text.replace(/\/\/[^/@]*@/, '//').replace(/[?#].*$/s, '');
}

/** `replacement` is given the user and password with the `@` behind them. */
function replaceUsers(text: string, replacement: (user: string) => string): string {
  if (!text.includes('@')) return text;
  return text
    .replace(afterScheme, (user: string, offset: number, whole: string) =>
      isAddressOfSsh(user, whole.slice(Math.max(0, offset - 6), offset)) ? user : replacement(user),
    )
    .replace(withoutScheme, (_, option: string, user: string) => `${option}${replacement(user)}`);
}

// Both begin at a fixed text and end at the next boundary, so that no text takes more than linear time.
const afterScheme = /(?<=:\/\/)[^\s/?#"<>]*@/g;
// An image name with a user, as some write it: user:password@host/name.
const withoutScheme = /(?<=^|[\s"'])((?:[\w-]+=)?)([^\s/@:"']+:[^\s/"']*@)(?=[\w.[\]:-]+\/)/gm;

function isAddressOfSsh(user: string, before: string): boolean {
  return before === 'ssh://' && !user.includes(':');
}
