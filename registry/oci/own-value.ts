/** What a record holds under a name that comes from elsewhere: names such as `constructor` are those of every object. */
export function ownValue<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
