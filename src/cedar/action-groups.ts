/**
 * The rules on the groups `read` and `write`: a `forbid` on a group that lacks one of its actions
 * would silently miss it.
 */
import type { SchemaProblems, Subject } from './schema-rules.js';

export interface ActionNode {
  readonly parents: readonly string[];
  /** Whether it has appliesTo. */
  readonly applies: boolean;
}

/** Methods that read; all other actions write. */
const READS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
const GROUPS = ['read', 'write'] as const;

/** Names of the actions that a request can have: all but the groups. */
export function requestActions(actions: ReadonlyMap<string, ActionNode>): Set<string> {
  const parents = new Set([...actions.values()].flatMap((action) => action.parents));
  const isGroup = (name: string, { applies }: ActionNode) =>
    name === 'read' || name === 'write' || (!applies && parents.has(name));
  return new Set([...actions].filter(([name, node]) => !isGroup(name, node)).map(([name]) => name));
}

export function checkGroups(
  actions: ReadonlyMap<string, ActionNode>,
  problems: SchemaProblems,
): void {
  for (const group of GROUPS) {
    const declared = actions.get(group);
    if (declared === undefined) continue;
    if (declared.applies) {
      problems.add(action(group), `\`${group}\` is a group of actions and cannot have appliesTo`);
    }
    for (const name of requestActions(actions)) {
      const wanted = READS.has(name) === (group === 'read');
      const found = groupsOf(name, actions).has(group);
      if (wanted && !found) {
        const message = `the action \`${name}\` must be in the group \`${group}\`, which the schema declares`;
        problems.add(action(name), message, `write: action ${name} in [${group}]`);
      }
      if (found && !wanted) {
        const message = `the action \`${name}\` must not be in the group \`${group}\``;
        problems.add(action(name), message, 'read holds GET, HEAD and OPTIONS, write all others');
      }
    }
  }
}

function action(name: string): Subject {
  return { declaration: 'action', name, path: [] };
}

/** Groups that an action is in, directly or through others. */
export function groupsOf(name: string, actions: ReadonlyMap<string, ActionNode>): Set<string> {
  const found = new Set<string>();
  const rest = [...(actions.get(name)?.parents ?? [])];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    rest.push(...(actions.get(next)?.parents ?? []));
  }
  return found;
}
