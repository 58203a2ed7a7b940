/** Everything that `cedargate init` makes is read by the real readers, whatever was chosen. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runBundleTests } from '../../../src/analysis/bundle-test.js';
import { compileBundle } from '../../../src/bundle/compile.js';
import { parseManifest } from '../../../src/bundle/manifest.js';
import { readYaml } from '../../../src/bundle/yaml.js';
import { createEvaluator } from '../../../src/cedar/evaluator.js';
import { layout } from '../../../src/init/layout.js';
import { EXAMPLE_PEOPLE } from '../../../src/init/people.js';
import { type Choices, CI_SYSTEMS } from '../../../src/init/values.js';
import { parseRolloutSource } from '../../../src/rollout/source.js';
import { parseTrust, type Role } from '../../../src/rollout/trust.js';
import { pae } from '../../../src/signing/dsse.js';
import { parsePrivateKey, sign } from '../../../src/signing/keys.js';
import { countSigners } from '../../../src/signing/signers.js';
import { bundleOf, makeFiles, NOW_MS, textOf } from '../../support/init-repository.js';

const CHOICES: readonly [name: string, choices: Choices][] = [
  ['the defaults', {}],
  ['a service of another name', { service: 'web/cart', name: 'cart-policies' }],
  ['names that YAML takes for numbers and words', { service: 'null/1e3', name: '010' }],
  ['an owner with quotes', { owner: `The "A" team's \\ best` }],
  ['an owner that YAML takes for a map', { owner: 'team: {a: [b], # c' }],
  ['an owner beyond ASCII', { owner: 'équipe 支付 🙂\u2028\u2029' }],
  ['an owner that looks like a place', { owner: '<%name%> <%owner%> $& @@' }],
  ['a handle', { owner: '@acme/payments' }],
  ['a number', { owner: '1.10' }],
  ['a long trust domain', { trustDomain: 'a'.repeat(255) }],
  ['an odd trust domain', { trustDomain: '-._' }],
];

function ownerOf(choices: Choices): string {
  const manifest = bundleOf(makeFiles(choices)).files.find(({ name }) => name === 'bundle.yaml');
  const text = Buffer.from(manifest?.bytes ?? []).toString('utf8');
  const parsed = parseManifest({ file: 'bundle.yaml', text });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.value.owner;
}

describe.each(CHOICES)('a repository made with %s', (_name, choices) => {
  const made = makeFiles(choices);

  it.each([undefined, 'production', 'staging'])(
    'has a bundle without problems or warnings in environment %s',
    (environment) => {
      const result = compileBundle(bundleOf(made).files, { environment });
      expect(result).toMatchObject({ ok: true, value: { warnings: [] } });
    },
  );

  it('has tests that pass and reach every policy', () => {
    const result = runBundleTests({ ...bundleOf(made), environment: undefined }, createEvaluator);
    if (!result.ok) throw new Error(JSON.stringify(result.problems));
    expect(result.value.failed).toEqual([]);
    expect(result.value.coverage).toMatchObject({ policies: 3, reached: 3, unreached: [] });
  });

  it('names the owner as it was given, in bundle.yaml and in every policy', () => {
    const { owner } = choices;
    const expected = owner ?? `team-${choices.name ?? 'payments'}`;
    expect(ownerOf(choices)).toBe(expected);
    const result = compileBundle(bundleOf(made).files, { environment: undefined });
    if (!result.ok) throw new Error('the bundle does not compile');
    const owners = result.value.program.policies.map((policy) => policy.owner);
    expect(owners).toEqual([expected, expected, expected]);
  });

  it('has the source of a rollout in dev, with the bundle in shadow', () => {
    const name = choices.name ?? 'payments';
    const path = `rollouts/dev/${name}.yaml`;
    const source = parseRolloutSource(textOf(made, path), path);
    expect(source).toMatchObject({
      ok: true,
      value: {
        name,
        environment: 'dev',
        destinations: [{ service: choices.service ?? 'shop/payments', onFault: 'fail' }],
        change: { owner: choices.owner ?? `team-${name}`, reviewByMs: Date.UTC(2027, 1, 23) },
        bundle: { name, version: '2026.11.1' },
        enforce: [],
      },
    });
  });

  it('has YAML and JSON that parse, and nothing left to fill in', () => {
    for (const { path, text } of made) {
      expect(text, path).toMatch(/[^\n]\n$/);
      if (/\.ya?ml$/.test(path)) expect(readYaml(path, text), path).toMatchObject({ ok: true });
      if (path.endsWith('.json')) expect(() => JSON.parse(text), path).not.toThrow();
      const rest = choices.owner?.includes('<%') ? '' : text;
      expect(rest, path).not.toMatch(/<%|%>/);
    }
  });

  it('has owners in CODEOWNERS that are handles', () => {
    const rules = textOf(made, 'CODEOWNERS')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    for (const line of rules) {
      expect(line).toMatch(/^(\*|\/[a-z0-9/-]+\/) +@[A-Za-z0-9-]+\/[A-Za-z0-9._-]+$/);
    }
    expect(rules).toHaveLength(3);
  });
});

describe('an owner', () => {
  it('is what was given, whatever it is, in YAML and in Cedar', () => {
    const text = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
      .filter((owner) => owner.trim() !== '' && !/\p{C}/u.test(owner) && owner.length <= 128);
    fc.assert(
      fc.property(text, (owner) => {
        expect(ownerOf({ owner })).toBe(owner);
        const { files } = bundleOf(makeFiles({ owner }));
        const result = compileBundle(files, { environment: undefined });
        expect(result.ok ? result.value.program.policies[0]?.owner : undefined).toBe(owner);
      }),
      { numRuns: 25 },
    );
  });

  it.each([
    ['team-payments', '@example-org/team-payments', '@example-org/security'],
    ['Équipe "A", paiements', '@example-org/e-quipe-a-paiements', '@example-org/security'],
    ['支付', '@example-org/owners', '@example-org/security'],
    ['@acme/payments', '@acme/payments', '@acme/security'],
    ['@acme/tribe/payments', '@acme/tribe/payments', '@acme/security'],
  ])('%s becomes code owner %s', (owner, team, security) => {
    const text = textOf(makeFiles({ owner }), 'CODEOWNERS');
    expect(text).toContain(`/policies/payments/ ${team}\n`);
    expect(text).toContain(`* ${' '.repeat(19)}${security}\n`);
  });
});

describe('the files', () => {
  it('are these, with a workflow for GitHub', () => {
    expect(makeFiles().map(({ path, mode }) => `${mode.toString(8)} ${path}`)).toEqual([
      '644 .github/workflows/policies.yml',
      '644 .gitignore',
      '644 CODEOWNERS',
      '644 README.md',
      '755 ci/diff.sh',
      '755 ci/release.sh',
      '755 ci/test.sh',
      '600 keys/ana.key',
      '600 keys/ben.key',
      '600 keys/cleo.key',
      '600 keys/dan.key',
      '600 keys/eve.key',
      '644 policies/payments/bundle.yaml',
      '644 policies/payments/entities.json',
      '644 policies/payments/entities.production.json',
      '644 policies/payments/guardrails.cedar',
      '644 policies/payments/routes.yaml',
      '644 policies/payments/schema.cedarschema',
      '644 policies/payments/service.cedar',
      '644 policies/payments/tests/cedar.json',
      '644 policies/payments/tests/requests.yaml',
      '644 rollouts/dev/payments.yaml',
      '644 trust.yaml',
    ]);
  });

  it.each([
    ['gitlab', ['.gitlab-ci.yml', 'ci/diff.sh', 'ci/release.sh', 'ci/test.sh']],
    ['none', []],
  ] as const)('of CI are others with --ci %s', (ci, expected) => {
    const paths = makeFiles({ ci }).map(({ path }) => path);
    expect(paths.filter((path) => /^(ci\/|\.git(hub|lab))/.test(path))).toEqual(expected);
    const readme = textOf(makeFiles({ ci }), 'README.md');
    expect(readme.includes('## What CI does')).toBe(ci !== 'none');
    expect(readme.includes('merge request')).toBe(ci === 'gitlab');
  });

  it('come from all templates and no others', () => {
    const root = fileURLToPath(new URL('../../../src/init/template/', import.meta.url));
    const there = readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => `${entry.parentPath}/${entry.name}`.slice(root.length).replace(/^\//, ''));
    const used = CI_SYSTEMS.flatMap((ci) => layout(ci).map(({ template }) => `${template}.tmpl`));
    expect(there.sort()).toEqual([...new Set([...used, 'README-ci.md.tmpl'])].sort());
  });

  it('begin with a version of the month', () => {
    expect(textOf(makeFiles(), 'policies/payments/bundle.yaml')).toContain('version: "2026.11.1"');
  });
});

describe('trust.yaml', () => {
  const made = makeFiles();
  const parsed = parseTrust(Buffer.from(textOf(made, 'trust.yaml')), 'trust.yaml');
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const trust = parsed.value;

  it('names the people whose private keys are written, each with one key', () => {
    expect([...trust.people.keys()]).toEqual([...EXAMPLE_PEOPLE]);
    for (const [id, { keys }] of trust.people)
      expect(keys.map((key) => key.id)).toEqual([`${id}-1`]);
  });

  it('has the public part of every private key, and no key twice', () => {
    for (const [id, { keys }] of trust.people) {
      const file = `keys/${id}.key`;
      const privateKey = parsePrivateKey(textOf(made, file), file);
      expect(privateKey.ok && privateKey.value.publicKey.id).toBe(keys[0]?.publicKey.id);
    }
    expect(new Set([...trust.keys.values()].map(({ publicKey }) => publicKey.id)).size).toBe(5);
  });

  it('takes what a signer signed for a bundle that was committed right after', () => {
    const [bytes, type] = [Buffer.from('bundle'), 'application/example'];
    const countOf = (person: string, atMs: number) => {
      const key = parsePrivateKey(textOf(made, `keys/${person}.key`), person);
      if (!key.ok) throw new Error('no key');
      const sig = sign(key.value, pae(type, bytes)).toString('base64');
      const set = { payloadType: type, signatures: [{ keyid: '', sig }] };
      return countSigners(set, bytes, trust.bundleSigners, atMs);
    };
    // Git keeps whole seconds: this commit seems earlier than the keys.
    const commitMs = Math.floor(NOW_MS / 1_000) * 1_000;
    expect(countOf('ana', commitMs)).toMatchObject({ ok: true, value: [{ person: 'ana' }] });
    expect(countOf('ben', commitMs)).toMatchObject({ ok: true, value: [{ person: 'ben' }] });
    expect(countOf('cleo', commitMs).ok).toBe(false);
    expect(countOf('dan', commitMs).ok).toBe(false);
  });

  it('holds no private key, and neither does any file that git would take', () => {
    const tracked = made.filter(({ path }) => !path.endsWith('.key'));
    expect(tracked.filter(({ text }) => text.includes('PRIVATE KEY'))).toEqual([]);
    expect(textOf(made, '.gitignore').split('\n')).toContain('*.key');
  });

  it('has rules of change that people can start from', () => {
    expect(trust).toMatchObject({
      thresholds: { low: 1, high: 2 },
      destinations: [
        { match: 'shop/payments', impact: 'high' },
        { match: '**', impact: 'low' },
      ],
      environments: [
        { name: 'dev' },
        { name: 'test', after: 'dev', soak: 1_800_000 },
        { name: 'production', after: 'test', soak: 86_400_000 },
      ],
      limits: { maxException: 1_209_600_000, maxBlock: 14_400_000, reconcileWithin: 86_400_000 },
    });
    const tickets = new RegExp(`^(?:${trust.limits.ticketPattern})$`, 'u');
    // The one that the README builds with.
    expect(textOf(made, 'README.md')).toContain('--change-ticket CHG-1\n');
    expect(tickets.test('CHG-1')).toBe(true);
  });

  it('lets one of two people sign a bundle, and nobody write, sign and approve', () => {
    expect([...trust.bundleSigners.people.keys()]).toEqual(['ana', 'ben']);
    expect(trust.bundleSigners.threshold).toBe(1);
    const peopleOf = (role: Role) => [...(trust.roles.get(role)?.people.keys() ?? [])];
    const all = (['bundleSigner', 'author', 'approver'] as const).flatMap(peopleOf);
    expect(all.sort()).toEqual([...EXAMPLE_PEOPLE]);
  });
});
