import { type ChildProcess, spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import type { ProgramCommand } from '../install-program.ts';
import type { TestUser } from '../users.ts';
import type { Command, CommandEnd } from './command.ts';

/** Those that nobody has, for each user. */
const idle = new Map<number, ChildProcess[]>();

/**
 * A process that runs one command after another, for this user and for one caller at a time, as the folder and the environment are of the
 * process. Starting Node and loading the program is most of what a short command takes. What it says shows also that nothing of the program
 * is left over from one command to the next.
 */
export function takeResident(program: ProgramCommand, user: TestUser): ChildProcess {
  return idle.get(user.uid)?.pop() ?? start(program, user);
}

/** Runs a command in a process that was taken, and leaves it to the next. */
export async function askResident(child: ChildProcess, { uid }: TestUser, command: Command): Promise<CommandEnd> {
  hold(child);
  child.send(command);
  const end = await answerOf(child);
  letGo(child);
  idle.set(uid, [...(idle.get(uid) ?? []), child]);
  return end;
}

function start([node, script]: ProgramCommand, { uid, gid }: TestUser): ChildProcess {
  const serve = join(dirname(script), '../test/support/resident/serve.js');
  return spawn(node, ['--enable-source-maps', serve], {
    cwd: '/',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'advanced',
    ...(process.getuid?.() === 0 && { uid, gid }),
  });
}

function answerOf(child: ChildProcess): Promise<CommandEnd> {
  return new Promise((resolve, reject) => {
    const onEnd = (code: number | null, signal: NodeJS.Signals | null): void => {
      reject(new Error(`A resident program ended with ${signal ?? code}`));
    };
    child.once('exit', onEnd);
    child.once('message', (end: CommandEnd) => {
      child.off('exit', onEnd);
      resolve(end);
    });
  });
}

// An idle process keeps no test file from its end.
function letGo(child: ChildProcess): void {
  child.unref();
  child.channel?.unref();
}

function hold(child: ChildProcess): void {
  child.ref();
  child.channel?.ref();
}
