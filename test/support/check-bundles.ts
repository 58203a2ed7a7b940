/** The bundle of test/fixtures/check-bundle, as it is or with parts of it replaced, in the engine. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileBundle } from '../../src/bundle/compile.js';
import { createEvaluator } from '../../src/cedar/evaluator.js';
import type { ActiveBundle, CheckSettings } from '../../src/check/types.js';

const FIXTURE = join(import.meta.dirname, '../fixtures/check-bundle');

/** `edits`: file -> from its text to another one. To be released by whoever asks. */
export function checkBundle(
  edits: Readonly<Record<string, (text: string) => string>> = {},
): ActiveBundle {
  const names = readdirSync(FIXTURE);
  for (const name of Object.keys(edits)) {
    if (!names.includes(name)) throw new Error(`there is no ${name} to edit`);
  }
  const files = names.map((name) => {
    const text = readFileSync(join(FIXTURE, name), 'utf8');
    const edited = edits[name]?.(text);
    if (edited === text) throw new Error(`the edit of ${name} changes nothing`);
    return { name, bytes: Buffer.from(edited ?? text) };
  });
  const compiled = compileBundle(files, { environment: undefined });
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems));
  const loaded = createEvaluator(compiled.value.program);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return { bundle: compiled.value, evaluator: loaded.value, loadedAtMs: 0 };
}

/** Of a sidecar in front of `shop/payments`. */
export const PAYMENTS_SETTINGS: CheckSettings = {
  ...{ destinationFrom: 'service', service: 'shop/payments', environment: undefined },
  strictIdentity: false,
  claims: { payload: 'p', taskId: 'i', taskKind: 'k', taskIntent: 'n' },
  headers: { prefix: 'x-cedargate', version: true, decisionId: true, mode: false },
  ...{ failResponse: 'error_response', helpUrl: undefined },
};
