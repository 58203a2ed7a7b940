/**
 * Which policies can apply to a request, by their scopes alone: sets of policies as bits, one for
 * each thing that a scope can ask for, so that a look costs about a microsecond at any number of
 * policies.
 *
 * Sound because a policy whose scope does not match has no say: Cedar looks at its conditions only
 * after its scope. The differential test holds this against the full set.
 */
import { uidKey } from './entity-source.js';
import type { EntityTest, PolicyScope, RequestSchema } from './types.js';

/** What scopes can see of a request. */
export interface Scoped {
  /** Keys of the caller and of all that it is in, itself first. */
  readonly principal: readonly string[];
  readonly principalType: string;
  readonly action: string;
  readonly resource: readonly string[];
  readonly resourceType: string;
}

type Bits = Uint32Array;

export class ScopeIndex {
  readonly #words: number;
  readonly #principals: EntityTests;
  readonly #resources: EntityTests;
  /** By the action of a request. */
  readonly #actions = new Map<string, Bits>();
  /** A number for each scope, by the position of the policy. */
  readonly #scopes: readonly number[];

  constructor(scopes: readonly PolicyScope[], schema: RequestSchema) {
    this.#words = Math.ceil(scopes.length / 32);
    this.#principals = new EntityTests(
      scopes.map(({ principal }) => principal),
      this.#words,
    );
    this.#resources = new EntityTests(
      scopes.map(({ resource }) => resource),
      this.#words,
    );
    const numbers = new Map<string, number>();
    this.#scopes = scopes.map((scope) => {
      const text = JSON.stringify(scope);
      const number = numbers.get(text) ?? numbers.size;
      numbers.set(text, number);
      return number;
    });
    for (const [name, { groups }] of schema.actions) {
      const bits = new Uint32Array(this.#words);
      for (const [index, { action: test }] of scopes.entries()) {
        const matches =
          test.kind === 'any' ||
          (test.kind === 'equals'
            ? test.action === name
            : test.actions.some((action) => action === name || groups.has(action)));
        if (matches) setBit(bits, index);
      }
      this.#actions.set(name, bits);
    }
  }

  /** Equal for policies with the same scope: a request that can apply to one can apply to all of them. */
  scopeOf(position: number): number {
    return this.#scopes[position] ?? -1;
  }

  /** Positions of the policies, ascending. */
  applicable(scoped: Scoped): number[] {
    const actions = this.#actions.get(scoped.action);
    if (actions === undefined) return [];
    const principals = this.#principals.matching(scoped.principal, scoped.principalType);
    const resources = this.#resources.matching(scoped.resource, scoped.resourceType);
    const found: number[] = [];
    for (let word = 0; word < this.#words; word += 1) {
      let bits = (principals[word] ?? 0) & (resources[word] ?? 0) & (actions[word] ?? 0);
      while (bits !== 0) {
        found.push(word * 32 + 31 - Math.clz32(bits & -bits));
        bits &= bits - 1;
      }
    }
    return found;
  }
}

/** The tests of one part of the scopes, by what satisfies them. */
class EntityTests {
  readonly #any: Bits;
  readonly #tests = new Map<string, Bits>();

  constructor(tests: readonly EntityTest[], words: number) {
    this.#any = new Uint32Array(words);
    for (const [index, test] of tests.entries()) {
      const key = keyOf(test);
      let bits = key === undefined ? this.#any : this.#tests.get(key);
      if (bits === undefined) {
        bits = new Uint32Array(words);
        this.#tests.set(key as string, bits);
      }
      setBit(bits, index);
    }
  }

  matching(memberships: readonly string[], type: string): Bits {
    const found = this.#any.slice();
    this.#add(found, `is ${type}`);
    this.#add(found, `== ${memberships[0]}`);
    for (const key of memberships) {
      this.#add(found, `in ${key}`);
      this.#add(found, `is ${type} in ${key}`);
    }
    return found;
  }

  #add(found: Bits, key: string): void {
    const bits = this.#tests.get(key);
    if (bits === undefined) return;
    for (let word = 0; word < found.length; word += 1) {
      found[word] = (found[word] ?? 0) | (bits[word] ?? 0);
    }
  }
}

/** Undefined for `any`. Type names hold no spaces, so the forms cannot be mistaken for each other. */
function keyOf(test: EntityTest): string | undefined {
  switch (test.kind) {
    case 'any':
      return undefined;
    case 'equals':
      return `== ${uidKey(test.uid)}`;
    case 'in':
      return `in ${uidKey(test.uid)}`;
    case 'is':
      return test.in === undefined ? `is ${test.type}` : `is ${test.type} in ${uidKey(test.in)}`;
  }
}

function setBit(bits: Bits, index: number): void {
  const word = index >>> 5;
  bits[word] = (bits[word] ?? 0) | (1 << (index & 31));
}
