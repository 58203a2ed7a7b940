import { readFileSync, readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { diffMeaning } from '../../../../src/analysis/meaning/diff-meaning.js';
import { compileBundle } from '../../../../src/bundle/compile.js';
import { createEvaluator } from '../../../../src/cedar/evaluator.js';

const load = (change: (name: string, text: string) => string) => {
  const files = readdirSync('policies', { withFileTypes: true }).filter((f) => f.isFile()).map(({ name }) => ({ name, bytes: Buffer.from(change(name, readFileSync(`policies/${name}`, 'utf8'))) }));
  const r = compileBundle(files, { environment: 'production' });
  if (!r.ok) throw new Error(JSON.stringify(r.problems));
  return r.value;
};
it('probe', () => {
  const a = load((_, t) => t);
  const variants: Record<string, (n: string, t: string) => string> = {
    same: (_, t) => t,
    lose: (n, t) => n === 'batch.cedar' ? t.replace('<= 900', '<= 300') : t,
    gain: (n, t) => n === 'shop.cedar' ? t.replace('principal in Namespace::"example.org/shop",\n  action in', 'principal,\n  action in') : t,
    entity: (n, t) => n === 'entities.production.json' ? t.replace('live-partners', 'payments-operators') : t,
    route: (n, t) => n === 'routes.yaml' ? t.replace('{payment}/refunds', '{payment}/refund') : t,
    like: (n, t) => n === 'orders.cedar' ? t.replace('INC-*', 'CHG-*') : t,
  };
  for (const [name, change] of Object.entries(variants)) {
    const t0 = performance.now();
    const r = diffMeaning({ a, b: load(change) }, { environment: 'production', limit: 20000, destinations: [] }, createEvaluator);
    if (!r.ok) throw new Error(JSON.stringify(r.problems));
    console.log(name, Math.round(performance.now() - t0), JSON.stringify(r.value.asked), JSON.stringify(r.value.notExhaustive), r.value.sampledFields);
    for (const f of r.value.flips) console.log('  ', f.caller.members.slice(0,3).join('|'), f.actions.join(), f.routes.map(x => `${x.before}/${x.after}`).join(), f.wholeDestination, f.from, '->', f.to, JSON.stringify(f.conditions), f.exhaustive, f.witness.method, f.witness.path, JSON.stringify(f.witness.headers), JSON.stringify(f.witness.claims), f.before.policies.join(), f.after.policies.join());
  }
  expect(1).toBe(1);
}, 60000);
