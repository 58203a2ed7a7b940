/** What a new policy repository is made from: what a person chose, checked, and the rest by default. */
import { isDestination, ownerSchema } from '../bundle/manifest.js';
import { escapeName, NAME_PATTERN, NAME_RULE } from '../bundle/names.js';
import { parseSpiffeId } from '../check/identity.js';
import { type Problem, problem } from '../errors.js';
import { okUnless, type Result } from '../result.js';

export const CI_SYSTEMS = ['github', 'gitlab', 'none'] as const;
export type CiSystem = (typeof CI_SYSTEMS)[number];

/** What a person may choose; whatever is absent gets a default. */
export interface Choices {
  /** Of the bundle. Default: the name in `service`. */
  readonly name?: string;
  /** The team that owns the bundle, free text or a handle such as `@shop/payments`. Default: `team-<name>`. */
  readonly owner?: string;
  /** The destination, `<namespace>/<name>`. Default: `shop/<name>`. */
  readonly service?: string;
  /** Default: `example.org`. */
  readonly trustDomain?: string;
  /** Default: `github`. */
  readonly ci?: CiSystem;
}

export interface Values {
  readonly name: string;
  readonly owner: string;
  readonly service: { readonly namespace: string; readonly name: string };
  readonly trustDomain: string;
  readonly ci: CiSystem;
}

const DEFAULT_NAME = 'payments';
const DEFAULT_NAMESPACE = 'shop';
const DEFAULT_TRUST_DOMAIN = 'example.org';

export function readValues(choices: Choices): Result<Values> {
  const { trustDomain = DEFAULT_TRUST_DOMAIN, ci = 'github' } = choices;
  const name = choices.name ?? choices.service?.split('/')[1] ?? DEFAULT_NAME;
  const service = choices.service ?? `${DEFAULT_NAMESPACE}/${name}`;
  const owner = choices.owner ?? `team-${name}`;

  const problems: Problem[] = [];
  const refuse = (flag: string, value: string, rule: string) =>
    problems.push(problem('input_invalid', `\`${flag}\` ${rule}, not \`${escapeName(value)}\``));
  // A default is made from another choice: what is wrong with it is wrong there.
  if (choices.service !== undefined && !isDestination(service)) {
    refuse('--service', service, 'must have the form `<namespace>/<name>`, each a name');
  }
  if (choices.name !== undefined && !NAME_PATTERN.test(name)) refuse('--name', name, NAME_RULE);
  const fault = choices.owner === undefined ? undefined : ownerFault(owner);
  if (fault !== undefined) refuse('--owner', owner, fault);
  if (!isTrustDomain(trustDomain)) {
    const rule = 'must be a SPIFFE trust domain: lower-case letters, digits, `.`, `-` and `_`';
    refuse('--trust-domain', trustDomain, rule);
  }
  return okUnless(problems, () => {
    const [namespace = '', serviceName = ''] = service.split('/');
    return { name, owner, service: { namespace, name: serviceName }, trustDomain, ci };
  });
}

function isTrustDomain(text: string): boolean {
  const id = parseSpiffeId(`spiffe://${text}/ns/a/sa/a`);
  return typeof id === 'object' && id.trustDomain === text;
}

function ownerFault(text: string): string | undefined {
  return ownerSchema.safeParse(text).error?.issues[0]?.message;
}
