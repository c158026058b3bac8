import { setTimeout as delay } from 'node:timers/promises';
import { programCommand, type Sandbox } from './sandbox.ts';

/** A terminal in which a command runs, so that a test sees what people see and types what they type. Ended with the sandbox. */
export class TmuxPane implements AsyncDisposable {
  readonly #box: Sandbox;
  readonly #tmux: readonly string[];

  private constructor(box: Sandbox) {
    this.#box = box;
    this.#tmux = ['tmux', '-S', box.at('tmux'), '-f', '/dev/null'];
  }

  /** Runs `tsbuild` in a terminal of 100 by 30; its exit code is in `done` afterwards. */
  static async tsbuild(box: Sandbox, ...args: readonly string[]): Promise<TmuxPane> {
    const pane = new TmuxPane(box);
    // Ctrl-C goes to the shell too, which has to outlive it.
    const command = `trap : INT; ${[...programCommand(), ...args].join(' ')}; echo "exit $?" > done; sleep 60`;
    const size = ['-x', '100', '-y', '30'];
    await box
      .run([...pane.#tmux, 'new-session', '-d', ...size, 'sh', '-c', command], { environment: { TERM: 'xterm' } })
      .succeeds();
    return pane;
  }

  /** What is on the screen. */
  async text(): Promise<string> {
    return (await this.#box.run([...this.#tmux, 'capture-pane', '-p']).succeeds()).stdout.trimEnd();
  }

  /** Waits until the screen shows something. */
  async shows(pattern: RegExp): Promise<string> {
    const deadline = performance.now() + 60_000;
    for (;;) {
      const text = await this.text();
      if (pattern.test(text)) return text;
      await delay(50);
      if (performance.now() > deadline) throw new Error(`The terminal does not show ${pattern}:\n${text}`);
    }
  }

  /** Types keys, such as `C-c`. */
  async types(...keys: readonly string[]): Promise<void> {
    await this.#box.run([...this.#tmux, 'send-keys', ...keys]).succeeds();
  }

  async isCursorShown(): Promise<boolean> {
    return (await this.#box.run([...this.#tmux, 'display-message', '-p', '#{cursor_flag}']).succeeds()).stdout === '1\n';
  }

  /** Waits until the command has ended, and gives `exit CODE`. */
  async ended(): Promise<string> {
    return (await this.#box.run(['sh', '-c', 'until [ -s done ]; do sleep 0.05; done; cat done']).succeeds()).stdout.trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#box.run([...this.#tmux, 'kill-server']).finished();
  }
}
