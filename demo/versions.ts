/** The three states of the policy volume in the story, made from policies/ of this repository. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** File name -> text, as the keys of a ConfigMap. */
export type Policies = Readonly<Record<string, string>>;

const VERSION = /^version: "([^"]+)"/m;
/** Where version 2 adds its permit, and version 3 its mistake. */
export const EDITED_FILE = 'batch.cedar';

const BATCH_REFUNDS = `
@id("batch-refunds")
@owner("team-payments")
@description("Batch refunds the card payments of orders that were never shipped.")
permit (
  principal == Workload::"spiffe://example.org/ns/shop/sa/batch",
  action == Action::"POST",
  resource == Route::"shop/payments/refund"
);
`;

/** Version 1: the top-level files of a directory, as `kubectl create configmap --from-file` takes them. */
export function readPolicies(directory: string): Policies {
  const files = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map(({ name }) => [name, readFileSync(join(directory, name), 'utf8')]),
  );
}

export function versionOf(policies: Policies): string {
  const version = VERSION.exec(policies['bundle.yaml'] ?? '')?.[1];
  if (version === undefined) throw new Error('bundle.yaml has no quoted version');
  return version;
}

/** Version 2: batch may refund. */
export function withRefunds(policies: Policies): Policies {
  return next(policies, (text) => `${text}${BATCH_REFUNDS}`);
}

/** Version 3: somebody mistyped a method while editing. */
export function withMistake(policies: Policies): Policies {
  return next(policies, (text) => text.replace('Action::"POST"', 'Action::"PSOT"'));
}

/** The same policies under another version. */
export function withVersion(policies: Policies, version: string): Policies {
  if (versionOf(policies) === version) throw new Error('the edit changes nothing');
  const manifest = (policies['bundle.yaml'] ?? '').replace(VERSION, `version: "${version}"`);
  return { ...policies, 'bundle.yaml': manifest };
}

/** The same policies with one file edited and the last number of the version counted up. */
function next(policies: Policies, edit: (text: string) => string): Policies {
  const version = versionOf(policies);
  const counted = version.replace(/\d+$/, (number) => String(Number(number) + 1));
  const before = policies[EDITED_FILE] ?? '';
  const after = edit(before);
  if (after === before) throw new Error('the edit changes nothing');
  return { ...withVersion(policies, counted), [EDITED_FILE]: after };
}
