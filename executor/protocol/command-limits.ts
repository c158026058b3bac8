/** What a command may take with all that it starts, in the terms of control groups. What is left out is not limited. */
export interface CommandLimits {
  readonly pids?: number;
  readonly memoryBytes?: number;
  /** Memory and swap together; -1 is no limit. Default: twice the memory. */
  readonly memorySwapBytes?: number;
  /** How long its processes may have processors in each period; with it a period. */
  readonly cpuQuotaMicroseconds?: number;
  readonly cpuPeriodMicroseconds?: number;
  /** Its share where processors are short; 1024 is what others have. */
  readonly cpuShares?: number;
  /** Lists of numbers: `0-3,8`. */
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  /** The control group to make the command's in, from the top of the hierarchy. Default: the builder's own. */
  readonly parent?: string;
}
