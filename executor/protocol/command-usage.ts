/** What the command of a RUN took, with all that it started. */
export interface CommandUsage {
  readonly processorMs: number;
  /** The most memory; undefined where nobody knows. */
  readonly memory?: PeakMemory;
}

interface PeakMemory {
  readonly peakBytes: number;
  /** Of all processes together, which control groups tell; else of the largest. */
  readonly of: 'all-processes' | 'largest-process';
}
