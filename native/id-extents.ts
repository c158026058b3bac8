/** One line of a uid_map or gid_map: `count` ids from `inside` are those from `outside` of the parent namespace. */
export interface IdExtent {
  readonly inside: number;
  readonly outside: number;
  readonly count: number;
}

/** The extents of a map file's text. (user_namespaces(7)) */
export function parseIdMap(text: string): IdExtent[] {
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .flatMap(([inside, outside, count]) =>
      inside === undefined || outside === undefined || count === undefined ? [] : [{ inside, outside, count }],
    );
}

/** True when an id of this namespace is mapped, so that a file can belong to it. */
export function isMapped(id: number, extents: readonly IdExtent[]): boolean {
  return extents.some(({ inside, count }) => id >= inside && id - inside < count);
}
