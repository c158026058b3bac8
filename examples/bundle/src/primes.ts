/** The sieve of Eratosthenes. */
export function primesBelow(limit: number): readonly number[] {
  const isPrime = Array.from({ length: limit }, (_, number) => number > 1);
  for (let factor = 2; factor * factor < limit; factor++) {
    for (let multiple = factor * factor; multiple < limit; multiple += factor) isPrime[multiple] = false;
  }
  return isPrime.flatMap((prime, number) => (prime ? [number] : []));
}
