/** A sentence for somebody. */
export function greet(name: string): string {
  return `Hello from a ${name} that nobody needed root for.`;
}
