/** Whose key it is, and what that person may do with it now. */
import { problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import type { Role, Trust } from '../rollout/trust.js';
import type { PrivateKey } from '../signing/keys.js';

/** The person whose key this is, if they have the role. Problem code: `change_refused`. */
export function personWith(
  key: PrivateKey,
  role: Role,
  trust: Trust,
  nowMs: number,
): Result<string> {
  const refuse = (message: string) => failed(problem('change_refused', message));
  for (const [person, { keys }] of trust.people) {
    const own = keys.find(({ publicKey }) => publicKey.id === key.publicKey.id);
    if (own === undefined) continue;
    if (trust.roles.get(role)?.people.has(person) !== true) {
      return refuse(`\`${person}\` does not have the role \`${role}\` in trust.yaml`);
    }
    const ends = [own.untilMs, own.retiredMs].filter((end) => end !== undefined);
    const counts = nowMs >= own.fromMs && ends.every((end) => nowMs < end);
    return counts ? ok(person) : refuse(`key \`${own.id}\` of \`${person}\` does not count now`);
  }
  return refuse('the key is that of nobody in trust.yaml');
}
