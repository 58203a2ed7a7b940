/** A new policy repository as a list of files. Pure: values, keys and templates in, files out. */
import { type Fillings, fill } from './fill.js';
import { CI_FILES, layout } from './layout.js';
import { EXAMPLE_PEOPLE, type ExamplePerson, keysSection } from './people.js';
import type { Values } from './values.js';

export interface KeyPairText {
  /** SPKI in PEM. */
  readonly publicPem: string;
  /** PKCS#8 in PEM. */
  readonly privatePem: string;
}

export interface RepositoryInput {
  readonly values: Values;
  readonly keys: Readonly<Record<ExamplePerson, KeyPairText>>;
  readonly nowMs: number;
  /** Of cedargate, for CI to install. */
  readonly cedargateVersion: string;
  readonly readTemplate: (name: string) => string;
}

export interface RepositoryFile {
  /** Relative, with `/`. */
  readonly path: string;
  readonly text: string;
  /** Permissions. */
  readonly mode: number;
}

const FILE_MODE = 0o644;
const SCRIPT_MODE = 0o755;
/** Nobody but the owner reads a private key. */
const KEY_MODE = 0o600;

/** When somebody looks at the first rollout again: a quarter later. */
const REVIEW_AFTER_MS = 90 * 86_400_000;

/** The version that the new bundle begins with: `2026.11.1` in November 2026. */
export function firstVersion(nowMs: number): string {
  const [year, month] = new Date(nowMs).toISOString().split('-');
  return `${year}.${month}.1`;
}

/** Sorted by path. */
export function makeRepository(input: RepositoryInput): readonly RepositoryFile[] {
  const { values, keys, readTemplate } = input;
  const fillings = fillingsOf(input);
  const files = layout(values.ci).map(({ template, path, executable }) => ({
    path: path.replace('/NAME', `/${values.name}`),
    text: fill(readTemplate(template), fillings),
    mode: executable === true ? SCRIPT_MODE : FILE_MODE,
  }));
  const secrets = EXAMPLE_PEOPLE.map((person) => {
    return { path: `keys/${person}.key`, text: keys[person].privatePem, mode: KEY_MODE };
  });
  return [...files, ...secrets].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function fillingsOf({
  values,
  keys,
  nowMs,
  cedargateVersion,
  readTemplate,
}: RepositoryInput): Fillings {
  const { name, service, ci } = values;
  const version = firstVersion(nowMs);
  const plain = {
    name,
    namespace: service.namespace,
    service: `${service.namespace}/${service.name}`,
    trustDomain: values.trustDomain,
    version,
    file: `${name}-${version}.tar.gz`,
    cedargate: cedargateVersion,
    request: ci === 'gitlab' ? 'merge request' : 'pull request',
    reviewBy: dayText(nowMs + REVIEW_AFTER_MS),
    keys: keysSection(keys, startOfDay(nowMs)),
    ...codeOwners(values.owner),
  };
  const fillings = { plain, text: { owner: values.owner } };
  if (ci === 'none') return { ...fillings, plain: { ...plain, ciSection: '' } };
  const section = fill(readTemplate('README-ci.md'), {
    ...fillings,
    plain: { ...plain, ciFile: CI_FILES[ci] },
  });
  return { ...fillings, plain: { ...plain, ciSection: `\n\n${section.trimEnd()}` } };
}

/**
 * From when on the example keys count. Not from now: a bundle carries the time of a commit, in whole
 * seconds, which may seem earlier than the moment at which this ran.
 */
function startOfDay(nowMs: number): number {
  return Date.parse(dayText(nowMs));
}

function dayText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

const HANDLE = /^@[A-Za-z0-9][A-Za-z0-9-]*(\/[A-Za-z0-9._-]+)*$/;
const EXAMPLE_ORGANISATION = '@example-org';

/**
 * CODEOWNERS knows handles only: a handle is taken as it is, any other text becomes a team of an
 * example organisation.
 */
function codeOwners(owner: string): { readonly ownerTeam: string; readonly securityTeam: string } {
  if (HANDLE.test(owner)) {
    return { ownerTeam: owner, securityTeam: `${owner.split('/')[0]}/security` };
  }
  const words = owner
    .normalize('NFKD')
    .toLowerCase()
    .match(/[a-z0-9]+/g) ?? ['owners'];
  return {
    ownerTeam: `${EXAMPLE_ORGANISATION}/${words.join('-')}`,
    securityTeam: `${EXAMPLE_ORGANISATION}/security`,
  };
}
