/** Git repositories for tests, free of the settings of whoever runs them. */
import { execFileSync } from 'node:child_process';

export function git(directory: string, args: readonly string[], atSeconds = 1_700_000_000): string {
  const date = `${atSeconds} +0100`;
  const who = { GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@example.com' };
  return execFileSync('git', ['-C', directory, ...args], {
    encoding: 'utf8',
    stdio: 'pipe',
    env: {
      ...process.env,
      ...who,
      GIT_COMMITTER_NAME: 'a',
      GIT_COMMITTER_EMAIL: 'a@example.com',
      GIT_AUTHOR_DATE: '1000000000 +0000',
      GIT_COMMITTER_DATE: date,
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_NOSYSTEM: '1',
    },
  });
}

/** Everything in the directory, as one commit at this time. */
export function commitAll(directory: string, atSeconds?: number): void {
  git(directory, ['add', '-A'], atSeconds);
  git(directory, ['commit', '-qm', 'change', '--no-gpg-sign'], atSeconds);
}
