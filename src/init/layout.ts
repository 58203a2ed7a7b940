/**
 * Which templates make which files. Templates have names of their own: npm leaves files called
 * `.gitignore` out of packages, and tools would take a README or workflow among sources for real.
 */
import type { CiSystem } from './values.js';

export interface LayoutEntry {
  /** Below template/, without `.tmpl`. */
  readonly template: string;
  /** In the new repository; `NAME` is the name of the bundle. */
  readonly path: string;
  readonly executable?: true;
}

/** Where each system reads what it should do. */
export const CI_FILES: Readonly<Record<Exclude<CiSystem, 'none'>, string>> = {
  github: '.github/workflows/policies.yml',
  gitlab: '.gitlab-ci.yml',
};

const POLICY_FILES = [
  'bundle.yaml',
  'schema.cedarschema',
  'routes.yaml',
  'entities.json',
  'entities.production.json',
  'service.cedar',
  'guardrails.cedar',
  'tests/requests.yaml',
  'tests/cedar.json',
];

const ALWAYS: readonly LayoutEntry[] = [
  { template: 'README.md', path: 'README.md' },
  { template: 'CODEOWNERS', path: 'CODEOWNERS' },
  { template: 'gitignore', path: '.gitignore' },
  { template: 'trust.yaml', path: 'trust.yaml' },
  { template: 'rollout.yaml', path: 'rollouts/dev/NAME.yaml' },
  ...POLICY_FILES.map((file) => ({ template: `policy/${file}`, path: `policies/NAME/${file}` })),
];

const WITH_CI: readonly LayoutEntry[] = ['test', 'diff', 'release'].map((script) => {
  return { template: `ci/${script}.sh`, path: `ci/${script}.sh`, executable: true };
});

const OF_CI: Readonly<Record<CiSystem, readonly LayoutEntry[]>> = {
  github: [...WITH_CI, { template: 'github/policies.yml', path: CI_FILES.github }],
  gitlab: [...WITH_CI, { template: 'gitlab-ci.yml', path: CI_FILES.gitlab }],
  none: [],
};

export function layout(ci: CiSystem): readonly LayoutEntry[] {
  return [...ALWAYS, ...OF_CI[ci]];
}
