/** Compares texts by their UTF-16 units: the order of keys, archives and documents, the same on every machine. */
export function byText(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

/** Compares the entries of an object or a map by their names. */
export function byName([one]: readonly [string, ...unknown[]], [other]: readonly [string, ...unknown[]]): number {
  return byText(one, other);
}

/** An object with its members sorted by name, as documents and keys have them. */
export function sortedByName<T>(members: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(members).toSorted(byName));
}
