/** Each kind of change, and the flips that it makes. */
import { describe, expect, it } from 'vitest';
import { diffMeaning } from '../../../../src/analysis/meaning/diff-meaning.js';
import type { MeaningDiff } from '../../../../src/analysis/meaning/types.js';
import { compileBundle } from '../../../../src/bundle/compile.js';
import { createEvaluator } from '../../../../src/cedar/evaluator.js';
import { SMALL_FILES, smallFiles } from '../small-bundle.js';

type Files = Readonly<Record<string, string>>;

function bundle(changes: Files) {
  const compiled = compileBundle(smallFiles(changes), { environment: 'production' });
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems, null, 1));
  return compiled.value;
}

const OPTIONS = { environment: 'production', limit: 20_000, destinations: [] };

function meaning(before: Files, after: Files, options = {}): MeaningDiff {
  const bundles = { a: bundle(before), b: bundle(after) };
  const found = diffMeaning(bundles, { ...OPTIONS, ...options }, createEvaluator);
  if (!found.ok) throw new Error(JSON.stringify(found.problems));
  return found.value;
}

const MAIN = SMALL_FILES['main.cedar'] as string;
const SCHEMA = SMALL_FILES['schema.cedarschema'] as string;
const cedar = (from: string, to: string): Files => {
  if (!MAIN.includes(from)) throw new Error(`no ${from}`);
  return { 'main.cedar': MAIN.replace(from, to) };
};
const schema = (from: string, to: string): Files => ({
  'schema.cedarschema': SCHEMA.replace(from, to),
});
const policy = (text: string): Files => ({
  'more.cedar': `@id("more") @owner("team-a") @description("One more.") ${text}`,
});

/** `who actions routes: from -> to (conditions)` */
function rows({ flips }: MeaningDiff): string[] {
  return flips.map(({ caller, actions, routes, from, to, conditions, wholeDestination }) => {
    const names = routes.map(({ before, after }) =>
      before === after ? String(before) : `${before}>${after}`,
    );
    const where = wholeDestination ? 'everywhere' : names.join();
    const when = conditions.length === 0 ? 'always' : conditions.join(' and ');
    const who = caller.members
      .map((name) => name.replace('spiffe://example.org/ns/', ''))
      .join('|');
    return `${who} ${actions.join()} ${where}: ${from} -> ${to} (${when})`;
  });
}

describe('a diff of meaning', () => {
  it('of a bundle and itself asks nothing', () => {
    const { flips, asked } = meaning({}, {});
    expect(flips).toEqual([]);
    expect(asked.questions).toBe(0);
    expect(asked.classes).toBeGreaterThan(10);
  });

  it('asks nothing when only words change: comments, layout, owner, description, order of files', () => {
    const words = MAIN.replaceAll('team-a', 'team-z')
      .replace('@description("Workloads of shop read.")', '@description("Other.") // a comment\n')
      .replace('permit (principal, action in', 'permit(\n principal,  action in');
    expect(meaning({}, { 'main.cedar': '// nothing\n', 'z.cedar': words }).asked.questions).toBe(0);
  });

  it.each<[string, Files, Files, string[]]>([
    [
      'a permit taken away',
      {},
      cedar('action == Action::"GET", resource in', 'action == Action::"POST", resource in'),
      [
        'shop/sa/max|shop/sa/orders|any other workload in namespace example.org/shop GET null: allow -> deny (!(context.path like "/secret*"))',
        'shop/sa/max POST null: error -> allow (always)',
        'any other workload in namespace example.org/shop POST null: deny -> allow (always)',
        'POST item: deny -> allow ((no context.claims.level, or context.claims.level <= 2))',
      ],
    ],
    [
      'a forbid added for the anonymous',
      policy('permit (principal is Anonymous, action == Action::"GET", resource);'),
      {
        ...policy('permit (principal is Anonymous, action == Action::"GET", resource);'),
        'stop.cedar':
          '@id("stop") @owner("a") @description("Stop.") forbid (principal is Anonymous, action, resource == Route::"a/b/item");',
      },
      ['anonymous GET item: allow -> deny (always)'],
    ],
    [
      'a header that must have another value',
      {},
      cedar('== "yes"', '== "no"'),
      [
        'allow -> deny (context.claims.level > 2 and context.headers["x-one"] == "yes")',
        'deny -> allow (context.claims.level > 2 and context.headers["x-one"] == "no")',
      ],
    ],
    [
      'a claim compared with a lower number',
      {},
      cedar('level > 2', 'level > 1'),
      [
        'deny -> allow (context.claims.level <= 2 && context.claims.level > 1 and context.headers["x-one"] == "yes")',
      ],
    ],
    [
      'a condition that can fail',
      {},
      cedar(
        'forbid (principal, action == Action::"GET", resource)\nwhen { context.path',
        'forbid (principal is Workload, action == Action::"GET", resource)\nwhen { principal has tier && principal.tier * principal.tier == 3 };\n@id("b") @owner("b") @description("B.")\nforbid (principal, action == Action::"GET", resource)\nwhen { context.path',
      ),
      ['shop/sa/max GET null: allow -> error (!(context.path like "/secret*"))'],
    ],
    [
      'an attribute of an entity',
      {},
      { 'entities.production.json': '[]' },
      ['shop/sa/orders POST null: allow -> deny (always)'],
    ],
    [
      'an action that is no longer declared',
      {},
      {
        ...schema('action GET, POST appliesTo', 'action GET appliesTo'),
        ...cedar(
          MAIN,
          MAIN.split('@id("posts")')[0] +
            MAIN.slice(MAIN.indexOf('@id("no-secrets")'), MAIN.indexOf('@id("tiered")')),
        ),
      },
      ['shop/sa/orders POST null: allow -> error (always)'],
    ],
    [
      'a route with another path',
      {},
      {
        'routes.yaml':
          '- {name: item, path: "/things/{id}"}\n- {name: call, grpc: {service: a.B, method: Do}}\n',
      },
      [
        'POST item>null: allow -> deny (context.claims.level > 2 and context.headers["x-one"] == "yes")',
        'POST null>item: deny -> allow (context.claims.level > 2 and context.headers["x-one"] == "yes")',
        'shop/sa/orders POST null>item: allow -> deny',
      ],
    ],
    [
      'a gRPC route taken away',
      {},
      { 'routes.yaml': '- {name: item, path: "/items/{id}"}\n' },
      ['|anonymous rpc -> GET,rpc -> POST call>null: allow -> deny (always)'],
    ],
    [
      'a destination that is not covered any more',
      { 'bundle.yaml': 'name: small\nversion: "1"\nowner: team-a\n' },
      {},
      ['rpc call: allow -> error (always)'],
    ],
  ])('finds %s', (_name, before, after, expected) => {
    const found = rows(meaning(before, after));
    for (const row of expected)
      expect(
        found.some((text) => text.includes(row)),
        `${row}\nin\n${found.join('\n')}`,
      ).toBe(true);
  });

  it('names a request of the class that shows the change, and who decides it', () => {
    const { flips } = meaning({}, cedar('== "yes"', '== "no"'));
    const lost = flips.find(({ from }) => from === 'allow');
    expect(lost?.witness).toMatchObject({
      service: 'a/b',
      method: 'POST',
      path: '/items/x',
      headers: [['x-one', 'yes']],
      claims: { level: 3 },
    });
    expect(lost?.before).toMatchObject({ reason: 'policy_permit', policies: ['posts'] });
    expect(lost?.after).toMatchObject({ reason: 'no_permit', policies: [] });
  });

  it('keeps a caller that a policy names apart from others like it', () => {
    const one = 'spiffe://example.org/ns/shop/sa/one';
    const text = `permit (principal == Workload::"${one}", action == Action::"POST", resource == Route::"a/b/item");`;
    const { flips } = meaning({}, policy(text));
    expect(flips.length).toBeGreaterThan(0);
    for (const { caller } of flips) expect(caller.members).toEqual([one]);
  });

  it('names what it does not understand', () => {
    const text =
      'permit (principal, action == Action::"GET", resource) when { context has time && context.time.offset(duration("1h")) < datetime("2026-01-01") };';
    const { notExhaustive } = meaning({}, policy(text));
    expect(notExhaustive).toMatchObject([{ policy: 'more', file: 'more.cedar', line: 1 }]);
    expect(notExhaustive[0]?.expression).toContain('offset');
  });

  it('says what it did not ask, with numbers, and never asks more than it may', () => {
    const change = cedar('level > 2', 'level > 1');
    const { asked, flips } = meaning({}, change, { limit: 40 });
    expect(asked.questions).toBeLessThanOrEqual(40);
    expect(asked.combinations).toBeGreaterThan(40);
    expect(asked.unfinished.count).toBeGreaterThan(0);
    expect(asked.unfinished.examples.length).toBeGreaterThan(0);
    for (const { exhaustive } of flips) expect(exhaustive).toBe(false);
  });

  it('looks at destinations that it is told', () => {
    const open = { 'bundle.yaml': 'name: small\nversion: "1"\nowner: team-a\n' };
    const text = 'permit (principal is Anonymous, action == Action::"POST", resource);';
    const after = { ...open, ...policy(text) };
    const names = ({ flips }: MeaningDiff) =>
      flips.flatMap(({ destination }) => destination.members);
    expect(names(meaning(open, after))).not.toContain('x/y');
    expect(names(meaning(open, after, { destinations: ['x/y'] }))).toContain('x/y');
  });

  it('keeps a change of one policy among a thousand small', () => {
    const many = Array.from({ length: 300 }, (_, index) => {
      return `@id("p${index}") @owner("a") @description("One.") permit (principal == Workload::"spiffe://example.org/ns/n${index}/sa/a", action == Action::"GET", resource == Route::"a/b/item") when { context.path like "/items/${index}*" };`;
    });
    const changed = many.map((text, index) =>
      index === 7 ? text.replace('/items/7', '/items/8') : text,
    );
    const { asked, flips } = meaning(
      { 'many.cedar': many.join('\n') },
      { 'many.cedar': changed.join('\n') },
    );
    expect(asked.questions).toBeLessThan(20);
    expect(new Set(flips.map(({ caller }) => caller.representative))).toEqual(
      new Set(['spiffe://example.org/ns/n7/sa/a']),
    );
    expect(flips).toHaveLength(2);
  });
});
