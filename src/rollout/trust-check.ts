/**
 * What the parts of trust.yaml say about each other: names that lead nowhere, keys that belong to
 * nobody or to two, thresholds that nobody can meet, environments that wait for each other.
 */
import { escapeName, NAME_PATTERN, NAME_RULE } from '../bundle/names.js';
import type { Finding } from './finding.js';
import type { TrustFile } from './trust-schema.js';

export function checkTrust(file: TrustFile): readonly Finding[] {
  return [
    ...checkNames(file),
    ...checkOwners(file),
    ...checkKeyTimes(file),
    ...checkRoles(file),
    ...checkThresholds(file),
    ...checkDestinations(file),
    ...checkEnvironments(file),
  ];
}

function checkNames({ people, keys, gates }: TrustFile): Finding[] {
  return Object.entries({ people, keys, gates: gates ?? {} }).flatMap(([part, map]) =>
    Object.keys(map)
      .filter((name) => !NAME_PATTERN.test(name))
      .map((name) => ({
        message: `the name \`${escapeName(name)}\` ${NAME_RULE}`,
        path: [part, name],
        onKey: true,
      })),
  );
}

/** Every key belongs to exactly one person: people are counted, so one key must not be two. */
function checkOwners({ people, keys }: TrustFile): Finding[] {
  const owners = new Map<string, string>();
  const findings = Object.entries(people).flatMap(([person, { keys: ids }]) =>
    ids.flatMap((id, i): Finding[] => {
      const path = ['people', person, 'keys', i];
      if (!Object.hasOwn(keys, id)) return [{ message: `there is no key \`${id}\``, path }];
      const owner = owners.get(id);
      owners.set(id, owner ?? person);
      return owner === undefined
        ? []
        : [{ message: `key \`${id}\` belongs to \`${owner}\` already`, path }];
    }),
  );
  const orphans = Object.keys(keys)
    .filter((id) => !owners.has(id))
    .map((id) => ({
      message: `key \`${escapeName(id)}\` belongs to nobody`,
      path: ['keys', id],
      onKey: true,
      help: 'name it under `keys` of its person; a compromised key leaves both places',
    }));
  return [...findings, ...orphans];
}

function checkKeyTimes({ keys }: TrustFile): Finding[] {
  return Object.entries(keys).flatMap(([id, { from, until, retired }]) =>
    Object.entries({ until, retired })
      .filter(([, end]) => end !== undefined && end <= from)
      .map(([field]) => ({
        message: `\`keys.${escapeName(id)}.${field}\` must be later than \`from\``,
        path: ['keys', id, field],
      })),
  );
}

function checkRoles({ people, roles }: TrustFile): Finding[] {
  return Object.entries(roles).flatMap(([role, value]) => {
    if (value === undefined) return [];
    const findings = strangers(value.people, people, ['roles', role, 'people']);
    const path = ['roles', role, 'threshold'];
    const able = withKeys(value.people, people);
    if (role === 'emergency' && value.threshold !== 1) {
      findings.push({ message: 'the threshold of `emergency` is always 1', path });
    } else if (value.threshold > able) findings.push(tooHigh(path, value.threshold, able));
    return findings;
  });
}

function checkThresholds({ thresholds, roles, people }: TrustFile): Finding[] {
  if (thresholds === undefined) return [];
  const { low, high } = thresholds;
  const findings: Finding[] = [];
  if (high < low) {
    const message = '`thresholds.high` must not be below `thresholds.low`';
    findings.push({ message, path: ['thresholds', 'high'] });
  }
  if (roles.approver === undefined) return findings;
  const able = withKeys(roles.approver.people, people);
  for (const [field, value] of Object.entries({ low, high })) {
    if (value > able) findings.push(tooHigh(['thresholds', field], value, able));
  }
  return findings;
}

function checkDestinations({ destinations, people, roles, gates }: TrustFile): Finding[] {
  return (destinations ?? []).flatMap(({ approvers = [], threshold, tier }, i) => {
    const at = ['destinations', i];
    const findings = approvers.flatMap((person, j): Finding[] => {
      const path = [...at, 'approvers', j];
      if (!Object.hasOwn(people, person)) return [{ message: noPerson(person), path }];
      if (roles.approver?.people.includes(person)) return [];
      // Nothing that such a person signs would count, and the threshold might never be met.
      const help = 'name them under `roles.approver` as well';
      return [{ message: `\`${person}\` has not the role \`approver\``, path, help }];
    });
    if (threshold !== undefined && approvers.length === 0) {
      const message = '`threshold` counts `approvers`, and there are none';
      findings.push({ message, path: [...at, 'threshold'] });
    } else if (threshold !== undefined && threshold > withKeys(approvers, people)) {
      findings.push(tooHigh([...at, 'threshold'], threshold, withKeys(approvers, people)));
    }
    if (tier !== undefined && gates !== undefined && !Object.hasOwn(gates, tier)) {
      findings.push({ message: `\`gates\` has no tier \`${tier}\``, path: [...at, 'tier'] });
    }
    return findings;
  });
}

function checkEnvironments({ environments = [] }: TrustFile): Finding[] {
  const after = new Map<string, string | undefined>();
  const findings = environments.flatMap(({ name, ...environment }, i): Finding[] => {
    if (after.has(name)) {
      const message = `environment \`${name}\` is there already`;
      return [{ message, path: ['environments', i, 'name'] }];
    }
    after.set(name, environment.after);
    if (environment.soak === undefined || environment.after !== undefined) return [];
    const message = '`soak` is the time in the environment before, and there is no `after`';
    return [{ message, path: ['environments', i, 'soak'] }];
  });
  for (const [i, { name, after: before }] of environments.entries()) {
    if (before === undefined) continue;
    const path = ['environments', i, 'after'];
    if (!after.has(before))
      findings.push({ message: `there is no environment \`${before}\``, path });
    else if (waitsForItself(name, after)) {
      findings.push({ message: `environment \`${name}\` comes after itself`, path });
    }
  }
  return findings;
}

function waitsForItself(name: string, after: ReadonlyMap<string, string | undefined>): boolean {
  let at = after.get(name);
  // A chain of other environments that is longer than their number goes round without `name`.
  for (let steps = 0; at !== undefined && steps <= after.size; steps += 1) {
    if (at === name) return true;
    at = after.get(at);
  }
  return false;
}

function strangers(
  named: readonly string[],
  people: TrustFile['people'],
  path: readonly PropertyKey[],
): Finding[] {
  return named.flatMap((person, i) =>
    Object.hasOwn(people, person) ? [] : [{ message: noPerson(person), path: [...path, i] }],
  );
}

function noPerson(person: string): string {
  return `there is no person \`${person}\``;
}

/** How many of them could sign anything. */
function withKeys(named: readonly string[], people: TrustFile['people']): number {
  return named.filter((id) => Object.hasOwn(people, id) && people[id]?.keys.length !== 0).length;
}

function tooHigh(path: readonly PropertyKey[], threshold: number, able: number): Finding {
  const message = `the threshold ${threshold} can never be met: ${able} with a key may sign`;
  return { message, path };
}
