/**
 * The parts of undici that each request needs. Its door loads caches, mocks and a web platform as well, which takes 50 ms of processor time and is left to
 * those who go through a proxy. The version is exact, so what stands behind the door stays where it is.
 */
declare module 'undici/lib/dispatcher/agent.js' {
  import { Agent } from 'undici';
  export default Agent;
}

declare module 'undici/lib/api/api-request.js' {
  import type { Dispatcher } from 'undici';
  export default function request(this: Dispatcher, options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData>;
}
