import { execFileSync } from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';
import v8 from 'node:v8';
import { expect, it, onTestFinished } from 'vitest';
import { setNodeFlags } from '../../src/node-flags.js';

it('settings of V8 are made, all of them ones that this V8 has', () => {
  const { setFlagsFromString } = v8;
  const restore = (set: typeof setFlagsFromString) => {
    v8.setFlagsFromString = set;
    syncBuiltinESMExports();
  };
  onTestFinished(() => restore(setFlagsFromString));
  const made: string[] = [];
  restore((flag) => void made.push(flag));
  setNodeFlags();
  expect(made).toHaveLength(4);
  const known = execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' });
  for (const flag of made) {
    const [, name] = /^--(?:no-)?([a-z0-9-]+)/.exec(flag) as unknown as [string, string];
    expect(known).toContain(`--${name} `);
  }
});
