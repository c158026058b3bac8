import { Readable } from 'node:stream';
import type { HttpRequest, HttpResponse } from '../../registry/http/exchange.ts';

export interface FakeReply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A reply as a transport gives it, to a request that nobody has sent. */
export function fakeReply(request: HttpRequest, { status = 200, headers = {}, body = '' }: FakeReply = {}): HttpResponse {
  const bytes = Readable.from([Buffer.from(body)]);
  return { status, headers, url: request.url, body: bytes, stallTimeoutMs: 1000, explain: (error) => error };
}
