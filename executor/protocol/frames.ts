/**
 * How messages travel over the socket between main and worker. A frame is a length (u32, of what follows it), a type (u8) and a body;
 * numbers are little endian. Type 0 is a message as JSON; type 1 is output: request id (u32), stream (u8, 1 or 2), bytes.
 */
export type Frame =
  | { readonly kind: 'message'; readonly text: string }
  | { readonly kind: 'output'; readonly id: number; readonly stream: 'stdout' | 'stderr'; readonly bytes: Uint8Array };

const headerBytes = 5;
const outputHeaderBytes = 5;
const messageType = 0;
const outputType = 1;

/** More than any message needs: a longer frame means that the two sides do not understand each other. */
const maximumFrameBytes = 256 * 1024 * 1024;

/** The bytes of a message. */
export function encodeMessage(message: object): Uint8Array {
  const body = Buffer.from(JSON.stringify(message), 'utf8');
  return Buffer.concat([header(messageType, body.length), body]);
}

/** The bytes of a piece of output. */
export function encodeOutput(id: number, stream: 'stdout' | 'stderr', bytes: Uint8Array): Uint8Array {
  const prefix = Buffer.alloc(outputHeaderBytes);
  prefix.writeUInt32LE(id, 0);
  prefix.writeUInt8(stream === 'stdout' ? 1 : 2, 4);
  return Buffer.concat([header(outputType, prefix.length + bytes.length), prefix, bytes]);
}

/** Cuts a stream of bytes into frames, wherever the pieces end. */
export class FrameDecoder {
  #pieces: Uint8Array[] = [];
  #size = 0;
  #wanted = headerBytes;

  /** The frames that these bytes complete. @throws RangeError for what is no frame; the stream is useless then */
  push(bytes: Uint8Array): Frame[] {
    this.#pieces.push(bytes);
    this.#size += bytes.length;
    const frames: Frame[] = [];
    // Joined only when a whole frame is there, so that a long one is not copied again for each piece.
    while (this.#size >= this.#wanted) {
      const buffer = joined(this.#pieces);
      const length = buffer.readUInt32LE(0);
      this.#wanted = frameBytes(length);
      const isWhole = buffer.length >= this.#wanted;
      const rest = isWhole ? buffer.subarray(this.#wanted) : buffer;
      if (isWhole) {
        frames.push(decode(buffer.readUInt8(4), buffer.subarray(headerBytes, this.#wanted)));
        this.#wanted = headerBytes;
      }
      this.#pieces = [rest];
      this.#size = rest.length;
    }
    return frames;
  }
}

function joined(pieces: readonly Uint8Array[]): Buffer {
  const [only] = pieces;
  return pieces.length === 1 && only !== undefined
    ? Buffer.from(only.buffer, only.byteOffset, only.byteLength)
    : Buffer.concat(pieces);
}

function header(type: number, bodyBytes: number): Buffer {
  const bytes = Buffer.alloc(headerBytes);
  bytes.writeUInt32LE(frameLength(bodyBytes), 0);
  bytes.writeUInt8(type, 4);
  return bytes;
}

function frameLength(bodyBytes: number): number {
  if (bodyBytes + 1 > maximumFrameBytes) {
    throw new RangeError(`Cannot send a frame: ${bodyBytes} bytes are more than the limit of ${maximumFrameBytes}`);
  }
  return bodyBytes + 1;
}

function frameBytes(length: number): number {
  if (length < 1 || length > maximumFrameBytes) {
    throw new RangeError(`Cannot read a frame: its length is ${length}`);
  }
  return 4 + length;
}

function decode(type: number, body: Buffer): Frame {
  if (type === messageType) {
    return { kind: 'message', text: body.toString('utf8') };
  }
  if (type !== outputType || body.length < outputHeaderBytes) {
    throw new RangeError(`Cannot read a frame: its type is ${type} and its length ${body.length}`);
  }
  const stream = body.readUInt8(4) === 1 ? 'stdout' : 'stderr';
  return { kind: 'output', id: body.readUInt32LE(0), stream, bytes: body.subarray(outputHeaderBytes) };
}
