import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

/** What goes wrong with one reply. */
export type Fault =
  /** Announces the whole body and closes the connection after so many bytes of it. */
  | { readonly kind: 'cut'; readonly atByte: number }
  /** A whole reply with fewer bytes. */
  | { readonly kind: 'truncate'; readonly atByte: number }
  /** One bit of the body is another. */
  | { readonly kind: 'tamper' }
  /** More bytes than there are, without a Content-Length. */
  | { readonly kind: 'lengthen' }
  /** Sends so many bytes, then nothing. */
  | { readonly kind: 'stall'; readonly atByte: number }
  /** One byte after another, each after a pause. */
  | { readonly kind: 'trickle'; readonly pauseMs: number }
  /** Does as if it had not seen Range. */
  | { readonly kind: 'ignore-range' }
  /** Closes the connection without a reply. */
  | { readonly kind: 'reset' }
  /** Goes well, once this is settled. */
  | { readonly kind: 'hold'; readonly until: Promise<void> }
  /** Reads nothing and answers nothing. */
  | { readonly kind: 'hang' }
  /** Forgets all tokens, so that this request and all others need new ones. */
  | { readonly kind: 'expire-tokens' }
  /** Takes so many bytes of an upload, then closes the connection. */
  | { readonly kind: 'cut-upload'; readonly atByte: number }
  | {
      readonly kind: 'reply';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    };

/** One request and its reply, with what is to go wrong. */
export class Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly fault: Fault | undefined;

  constructor(request: IncomingMessage, response: ServerResponse, fault: Fault | undefined) {
    this.request = request;
    this.response = response;
    this.fault = fault;
  }

  /** Faults that need nothing of the registry; true when it is done. */
  async failEarly(): Promise<boolean> {
    const { fault } = this;
    if (fault?.kind === 'hang') return true;
    if (fault?.kind === 'hold') await fault.until;
    if (fault?.kind === 'reset') {
      this.request.socket.destroy();
      return true;
    }
    if (fault?.kind !== 'reply') return false;
    this.request.resume();
    this.response.writeHead(fault.status, { ...fault.headers });
    this.response.end(this.request.method === 'HEAD' ? undefined : fault.body);
    return true;
  }

  async body(onPart?: (bytes: Buffer) => void): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let size = 0;
    const limit = this.fault?.kind === 'cut-upload' ? this.fault.atByte : Number.POSITIVE_INFINITY;
    for await (const chunk of this.request) {
      const bytes: Buffer = chunk;
      chunks.push(bytes.subarray(0, limit - size));
      size += bytes.length;
      if (size >= limit) {
        onPart?.(Buffer.concat(chunks));
        this.request.socket.destroy();
      }
    }
    return Buffer.concat(chunks);
  }

  json(status: number, document: unknown): Promise<void> {
    return this.bytes(status, Buffer.from(JSON.stringify(document)), { 'content-type': 'application/json' });
  }

  error(status: number, code: string, headers: Readonly<Record<string, string>>): Promise<void> {
    this.request.resume();
    const text = JSON.stringify({ errors: [{ code, message: `the fake says ${code}` }] });
    return this.bytes(status, Buffer.from(text), { 'content-type': 'application/json', ...headers });
  }

  async bytes(status: number, bytes: Buffer, headers: Readonly<Record<string, string>>): Promise<void> {
    const { fault, response } = this;
    if (fault?.kind === 'lengthen') {
      response.writeHead(status, { ...headers });
      response.end(Buffer.concat([bytes, Buffer.from('more')]));
      return;
    }
    const shown = damaged(bytes, fault);
    response.writeHead(status, { ...headers, 'content-length': String(shown.length) });
    if (this.request.method === 'HEAD') response.end();
    else if (fault?.kind === 'cut' && fault.atByte < shown.length) {
      response.write(shown.subarray(0, fault.atByte), () => this.request.socket.destroy());
    } else if (fault?.kind === 'stall') response.write(shown.subarray(0, fault.atByte));
    else if (fault?.kind === 'trickle') await this.#trickle(shown, fault.pauseMs);
    else response.end(shown);
  }

  async #trickle(bytes: Buffer, pauseMs: number): Promise<void> {
    for (const byte of bytes) {
      if (this.response.destroyed) return;
      this.response.write(Buffer.of(byte));
      await delay(pauseMs);
    }
    this.response.end();
  }
}

function damaged(bytes: Buffer, fault: Fault | undefined): Buffer {
  if (fault?.kind === 'truncate') return bytes.subarray(0, fault.atByte);
  if (fault?.kind !== 'tamper') return bytes;
  const copy = Buffer.from(bytes);
  const middle = Math.floor(copy.length / 2);
  copy[middle] = (copy[middle] ?? 0) ^ 1;
  return copy;
}
