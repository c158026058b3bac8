import { after, before, describe } from 'node:test';
import { requires } from '../../../support/requires.ts';
import type { UserKind } from '../../../support/users.ts';
import { ScenarioPlayer } from './scenario-player.ts';

const users = ['root', 'subids', 'single'] as const satisfies readonly UserKind[];

/**
 * Describes the same rows as root, as a user with subordinate ids and as one with a single id: `title` ends with who it is. The player of scenarios
 * can be had from the first row on.
 */
export function describeForEachUser(title: string, rows: (player: () => ScenarioPlayer, user: UserKind) => void): void {
  for (const user of users) {
    describe(`${title} ${user}`, requires(user === 'root' ? 'root' : `user:${user}`), () => {
      let player: ScenarioPlayer;
      before(() => {
        player = new ScenarioPlayer(user);
      });
      after(() => player[Symbol.asyncDispose]());
      rows(() => player, user);
    });
  }
}
