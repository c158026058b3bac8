import { greet } from './greeting.ts';
import { primesBelow } from './primes.ts';

const page = document.getElementById('page');
if (page !== null) {
  page.textContent = `${greet('container')} The primes below 50 are ${primesBelow(50).join(', ')}.`;
}
