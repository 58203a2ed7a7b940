import { describe, expect, it } from 'vitest';
import { entityDifferences, environmentPolicies } from '../../../src/bundle/environments.js';
import { inspectDirectory } from '../../../src/bundle/inspect.js';
import type { CedarValue, EntityData, EntityUid, PolicySource } from '../../../src/cedar/types.js';
import { bundleFiles, sourceFiles } from '../../support/bundle-files.js';
import { resultValue } from '../../support/result.js';

const uid = (id: string, type = 'Workload'): EntityUid => ({ type, id });
const entity = (
  id: string,
  attrs: Record<string, CedarValue> = {},
  parents: EntityUid[] = [],
  tags: Record<string, CedarValue> = {},
): EntityData => ({ uid: uid(id), attrs, parents, tags });

const differences = (...environments: EntityData[][]) =>
  entityDifferences(
    environments.map((entities, n) => ({ environment: n === 0 ? undefined : `e${n}`, entities })),
  ).map(({ entity: of, what, values }) => [of, what, ...values]);

describe('entityDifferences', () => {
  it('leaves out what is the same everywhere', () => {
    const a = entity('a', { tier: 1 }, [uid('g', 'Group'), uid('h', 'Group')]);
    const b = entity('a', { tier: 1 }, [uid('h', 'Group'), uid('g', 'Group')]);
    expect(differences([a], [b])).toEqual([]);
    expect(differences([a])).toEqual([]);
    expect(differences([], [])).toEqual([]);
  });

  it('names attributes, tags, parents and entities that are not, side by side', () => {
    const one = [entity('a', { tier: 1, same: 1 }), entity('b')];
    const two = [entity('a', { tier: 2, same: 1 }, [uid('g', 'Group')], { t: 'x' })];
    expect(differences(one, two)).toEqual([
      ['Workload::"a"', 'in', 'nothing', 'Group::"g"'],
      ['Workload::"a"', 'tag t', null, '"x"'],
      ['Workload::"a"', 'tier', '1', '2'],
      ['Workload::"b"', 'in', 'nothing', null],
    ]);
  });

  it('does not take an attribute called `in` for the parents', () => {
    expect(differences([entity('a', { in: 1 })], [entity('a')])).toEqual([
      ['Workload::"a"', 'in', '1', null],
    ]);
  });
});

describe('why environments differ', () => {
  const files = sourceFiles({
    ...bundleFiles('1'),
    'bundle.yaml':
      'name: a\nversion: "1"\nowner: o\nenvironments: {production: live, moon: no air}\n',
    'entities.production.json': '[]',
    'entities.test.json': '[]',
  });

  it('is what bundle.yaml says, and null where nobody said it', () => {
    expect(resultValue(inspectDirectory(files, [])).reasons).toEqual([
      { environment: 'moon', reason: 'no air' },
      { environment: 'production', reason: 'live' },
      { environment: 'test', reason: null },
    ]);
  });

  it('is what the descriptions say of policies that ask for the environment', () => {
    const policy = (id: string, read: string) =>
      ({ id, owner: 'o', description: id, reads: { context: [read] } }) as unknown as PolicySource;
    expect(environmentPolicies([policy('a', 'path'), policy('b', 'environment')])).toEqual([
      { id: 'b', owner: 'o', description: 'b' },
    ]);
  });
});
