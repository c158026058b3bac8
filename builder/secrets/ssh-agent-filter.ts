/**
 * The part of the SSH agent protocol that a build may use: listing keys and signing with them. Everything else (adding, removing,
 * locking, extensions) is answered with a failure, so that a RUN cannot change the caller's agent.
 * (draft-ietf-sshm-ssh-agent, "Message numbers")
 */
const requestIdentities = 11;
const signRequest = 13;
const maximumMessageBytes = 256 * 1024;

/** `SSH_AGENT_FAILURE` as it goes over the wire. */
export const agentFailure: Uint8Array = Uint8Array.of(0, 0, 0, 1, 5);

/** One request of a client: passed on as it is, or refused. */
export type AgentRequest = { readonly kind: 'forward'; readonly bytes: Buffer } | { readonly kind: 'refuse' };

/**
 * Cuts a client's byte stream into agent messages. Feed it chunks as they come; it yields each complete request.
 *
 * @throws RangeError for a message longer than any real agent takes
 */
export class AgentRequestReader {
  #pending: Buffer = Buffer.alloc(0);

  *push(chunk: Uint8Array): Generator<AgentRequest> {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    while (this.#pending.length >= 5) {
      const length = this.#pending.readUInt32BE(0);
      if (length === 0 || length > maximumMessageBytes) {
        throw new RangeError(`Cannot read SSH agent message: its length is ${length} bytes`);
      }
      if (this.#pending.length < 4 + length) return;
      const bytes = this.#pending.subarray(0, 4 + length);
      this.#pending = this.#pending.subarray(4 + length);
      yield isAllowed(bytes[4]) ? { kind: 'forward', bytes } : { kind: 'refuse' };
    }
  }
}

function isAllowed(type: number | undefined): boolean {
  return type === requestIdentities || type === signRequest;
}
