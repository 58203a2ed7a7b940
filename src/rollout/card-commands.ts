/** The commands that a change card ends with: how to check a document, and the way back. */
import type { Change } from './changes.js';
import { approvedState } from './effective.js';
import { bundleRefText } from './source.js';
import type { VerifiedDocument, VerifiedEmergency, VerifiedRollout } from './types.js';

export interface CardCommand {
  /** What it does. */
  readonly what: string;
  readonly argv: readonly string[];
}

/** What stands for the key file of whoever runs it. */
const KEY = 'KEY';

/** Exact but for the key. The ticket is that of the change: going back belongs to it. */
export function waysBack(
  document: VerifiedDocument,
  changes: readonly Change[] | null,
): CardCommand[] {
  return document.kind === 'emergency' ? [takeOver(document)] : undo(document, changes ?? []);
}

function undo(document: VerifiedRollout, changes: readonly Change[]): CardCommand[] {
  const { resolved, source } = document;
  const enforced = changes.flatMap((change) =>
    change.what === 'enforce' && change.to !== null ? [change.name] : [],
  );
  const commands: CardCommand[] = [];
  if (resolved.rollback !== null && changes.some(({ what }) => what === 'bundle')) {
    const what = `go back to ${bundleRefText(resolved.rollback)}`;
    commands.push({ what, argv: changeCommand('rollback', document, []) });
  }
  const isAll = enforced.length === source.enforce.length;
  if (enforced.length > 0 && isAll) {
    const what = 'put everything back into shadow';
    commands.push({ what, argv: changeCommand('relax', document, []) });
  } else {
    for (const name of enforced) {
      const what = `put slice \`${name}\` back into shadow`;
      commands.push({ what, argv: changeCommand('relax', document, ['--slice', name]) });
    }
  }
  if (commands.length > 0) return commands;
  // Nothing of it has to be undone in a hurry; what can be, is relaxing.
  if (source.enforce.length > 0) {
    const what = 'put everything back into shadow';
    return [{ what, argv: changeCommand('relax', document, []) }];
  }
  if (resolved.rollback === null) return [];
  const what = `go back to ${bundleRefText(resolved.rollback)}`;
  return [{ what, argv: changeCommand('rollback', document, []) }];
}

function changeCommand(
  command: 'rollback' | 'relax',
  { name, environment, sequence, source }: VerifiedRollout,
  more: readonly string[],
): string[] {
  return [
    ...['cedargate', command, name, '--environment', environment, ...more],
    ...['--ticket', source.change.ticket, '--reason', `back from ${sequence}`, '--key', KEY],
  ];
}

/** An emergency is left by a document that takes it over. */
function takeOver(document: VerifiedEmergency): CardCommand {
  const { base, ticket, sequence } = document;
  const { source, name, environment } = base;
  const bundle = bundleRefText(approvedState(document).active ?? source.bundle);
  return {
    what: `take the emergency over, once rollouts/${environment}/${name}.yaml says what of it stays`,
    argv: [
      ...['cedargate', 'promote', name, '--environment', environment, '--bundle', bundle],
      ...['--reconcile', '--ticket', ticket, '--reason', `take over emergency ${sequence}`],
      ...['--key', KEY],
    ],
  };
}
