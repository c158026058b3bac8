import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';

/** Answers every request with what was asked for. */
export function answer(request) {
  return `${request.method} ${request.url}\n`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const server = createServer((request, response) => response.end(answer(request)));
  server.listen(Number(process.env.PORT ?? 3000));
  process.on('SIGTERM', () => server.close());
}
