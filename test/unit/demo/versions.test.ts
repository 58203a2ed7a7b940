import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  EDITED_FILE,
  type Policies,
  readPolicies,
  versionOf,
  withMistake,
  withRefunds,
} from '../../../demo/versions.js';
import { compileBundle } from '../../../src/bundle/compile.js';

const POLICIES = fileURLToPath(new URL('../../../policies', import.meta.url));
const shipped = readPolicies(POLICIES);

function compile(policies: Policies) {
  const files = Object.entries(policies).map(([name, text]) => ({
    name,
    bytes: Buffer.from(text),
  }));
  return compileBundle(files, { environment: 'production' });
}

function changedFiles(before: Policies, after: Policies): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => before[name] !== after[name]).sort();
}

describe('the policies of the demo', () => {
  it('begin as the top-level files of policies/, without its folders', () => {
    expect(Object.keys(shipped)).toEqual(expect.arrayContaining(['bundle.yaml', EDITED_FILE]));
    expect(Object.keys(shipped)).not.toContain('observe');
    expect(compile(shipped).ok).toBe(true);
  });

  it('have a second version that differs in one policy file and compiles', () => {
    const second = withRefunds(shipped);
    expect(changedFiles(shipped, second)).toEqual([EDITED_FILE, 'bundle.yaml'].sort());
    expect(versionOf(second)).not.toBe(versionOf(shipped));
    const compiled = compile(second);
    if (!compiled.ok) expect.unreachable(JSON.stringify(compiled.problems));
    expect(compiled.value.manifest.version).toBe(versionOf(second));
    expect(compiled.value.program.policies.map((p) => p.id)).toContain('batch-refunds');
  });

  it('have a third version that is refused at the line of the mistake', () => {
    const third = withMistake(withRefunds(shipped));
    const line = (third[EDITED_FILE] ?? '').split('\n').findIndex((l) => l.includes('PSOT')) + 1;
    expect(line).toBeGreaterThan(0);
    const compiled = compile(third);
    if (compiled.ok) expect.unreachable('it was not refused');
    expect(compiled.problems[0]).toMatchObject({ file: EDITED_FILE, line });
  });

  it('cannot be edited where the edit would change nothing', () => {
    expect(() => withMistake(shipped)).toThrow('changes nothing');
    expect(() => withRefunds({ ...shipped, 'bundle.yaml': 'version: "one"' })).toThrow(
      'changes nothing',
    );
    expect(() => versionOf({})).toThrow('no quoted version');
  });
});
