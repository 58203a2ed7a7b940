/**
 * Tokens of tasks through a real Envoy, with the shipped policies enforced for our own services, and a
 * partner held meanwhile: everything as deploy/envoy/jwt-authn.yaml and the docs tell people to do it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Leaf } from '../support/certs.js';
import type { EnvoyConfig } from '../support/envoy.js';
import { type RequestOptions, valuesOf } from '../support/http-client.js';
import { placeShippedRollout } from '../support/shipped-rollout.js';
import { describeWithEnvoy } from '../support/suites.js';
import { tokenIssuer, unsignedToken } from '../support/tokens.js';
import type { Echo } from '../support/upstream.js';
import { connectionManager, JWT_AUTHN, startWorld, type World } from '../support/world.js';

/** As in jwt-authn.yaml. */
const OURS = { iss: 'https://tokens.example.org' };
const issuers = {
  tokens: tokenIssuer(OURS.iss),
  partner: tokenIssuer('https://login.partner.example'),
  /** Envoy knows neither its name nor its key. */
  stranger: tokenIssuer('https://tokens.example.net'),
};
const IDS = {
  runner: 'spiffe://example.org/ns/ci/sa/runner',
  agent: 'spiffe://example.org/ns/agents/sa/support',
  orders: 'spiffe://example.org/ns/shop/sa/orders',
  partner: 'spiffe://partner.example/ns/edge/sa/gateway',
} as const;

type Claims = Readonly<Record<string, unknown>>;

/** Seconds from now; issued long enough ago for any clock. */
function lasting(seconds: number, lifetime = 900): Claims {
  const exp = Math.floor(Date.now() / 1_000) + seconds;
  return { aud: 'shop/payments', iat: exp - lifetime, exp };
}
const job = (more: Claims = {}): Claims => ({
  ...lasting(600),
  ...{ task_id: 'job-7', task_kind: 'deploy', task_intent: 'production', ...more },
});
const desk = { sub: 'support-desk' };
const FOREIGN = { sub: 'support-agent', act: { sub: 'mallory', act: desk } };
const task = (more: Claims = {}): Claims => ({
  ...lasting(600),
  ...{ task_id: 't-9', task_kind: 'refund', task_intent: 'card-1' },
  ...{ act: { sub: 'support-agent', act: desk }, ...more },
});

type Call = Pick<RequestOptions, 'path'> & Partial<RequestOptions>;
const DEPLOY: Call = { method: 'PUT', path: '/deployments/job-7' };
const REFUND: Call = { method: 'POST', path: '/payments/card-1/refunds' };
const CREATE: Call = { method: 'POST', path: '/payments' };
const READ: Call = { path: '/payments/card-1' };

/** What comes of a call. Without `decided`, Envoy answers by itself and cedargate is not asked. */
interface Expected {
  readonly status: number;
  /** Of the decision line. */
  readonly decided?: object;
}

interface Case {
  readonly what: string;
  readonly caller: keyof typeof IDS;
  readonly call: Call;
  /** Made when it is sent: it has times in it. */
  readonly token: (() => string) | undefined;
  readonly expected: Expected;
}

const { tokens, partner, stranger } = issuers;
const ENFORCED = { mode: 'enforce', slice: 'everything' };
const UNPERMITTED: Expected = { status: 403, decided: { ...ENFORCED, reason: 'no_permit' } };
const BY_ENVOY: Expected = { status: 401 };
const allowed = (policy: string): Expected => ({
  status: 200,
  decided: { ...ENFORCED, reason: 'policy_permit', policies: [policy] },
});
const forbidden = (policy: string): Expected => ({
  status: 403,
  decided: { ...ENFORCED, reason: 'policy_forbid', policies: [policy] },
});
const held = (reason: string, would_deny = true): Expected => ({
  status: 200,
  decided: { mode: 'shadow', slice: 'partners', outcome: 'allow', reason, would_deny },
});

type Row = readonly [what: string, token: Case['token'], expected: Expected, more?: Partial<Call>];

const titled = (all: readonly Case[]) =>
  all.map((each) => [`${each.caller} ${each.what}`, each] as const);

function cases(caller: Case['caller'], call: Call, rows: readonly Row[]): Case[] {
  return rows.map(([what, token, expected, more]) => {
    return { what, caller, call: { ...call, ...more }, token, expected };
  });
}

const WITHOUT_TOKEN: Partial<Call> = {
  headers: {
    ...{ task_id: 'job-7', task_kind: 'deploy', task_intent: 'production' },
    'x-jwt-payload': Buffer.from(JSON.stringify(job())).toString('base64url'),
    'envoy.filters.http.jwt_authn': JSON.stringify({ jwt_payload: job() }),
  },
  body: JSON.stringify({ jwt_payload: job(), task: job() }),
};

const TASKS: readonly Case[] = [
  ...cases('runner', DEPLOY, [
    ['deploys during its job', () => tokens.token(job()), allowed('runner-deploys')],
    ['has no token', undefined, UNPERMITTED],
    ['says it all in headers and body instead', undefined, UNPERMITTED, WITHOUT_TOKEN],
    ['has a job of another kind', () => tokens.token(job({ task_kind: 'build' })), UNPERMITTED],
    [
      'has a job whose kind is no text',
      () => tokens.token(job({ task_kind: { type: 'Task', id: 'deploy' } })),
      UNPERMITTED,
    ],
    ['has another job', () => tokens.token(job({ task_id: 'job-8' })), UNPERMITTED],
    // Within `clock_skew_seconds` Envoy still takes the token: the policy does not.
    ['had a job until just now', () => tokens.token(job(lasting(-5))), UNPERMITTED],
    ['had a job a while ago', () => tokens.token(job(lasting(-120))), BY_ENVOY],
    [
      'has a token made for a day',
      () => tokens.token(job(lasting(600, 86_400))),
      forbidden('no-long-lived-writes'),
    ],
    ['has one without an end', () => tokens.token(job({ exp: undefined })), BY_ENVOY],
    ['has one for another service', () => tokens.token(job({ aud: 'shop/x' })), { status: 403 }],
    ['has one of an unknown issuer', () => stranger.token(job()), BY_ENVOY],
    ['has one that a stranger made in our name', () => stranger.token(job(OURS)), BY_ENVOY],
    ['has one that the partner made in our name', () => partner.token(job(OURS)), BY_ENVOY],
    ['has one that nobody signed', () => unsignedToken(job(OURS)), BY_ENVOY],
    // Verified by Envoy, but what the partner says of tasks is nobody's concern.
    ['has one that the partner made in its own', () => partner.token(job()), UNPERMITTED],
  ]),
  ...cases('agent', REFUND, [
    ['refunds what it was asked to', () => tokens.token(task()), allowed('agent-refunds')],
    ['was asked for another', () => tokens.token(task({ task_intent: 'card-2' })), UNPERMITTED],
    ['was led by somebody else', () => tokens.token(task({ act: FOREIGN })), UNPERMITTED],
    ['has no task', undefined, forbidden('agents-write-within-tasks')],
  ]),
  ...cases('orders', CREATE, [
    ['needs no token', undefined, allowed('orders-creates-payments')],
    ['comes with a bad one', () => stranger.token(job()), BY_ENVOY],
    [
      'comes with one made for a day',
      () => tokens.token(lasting(600, 86_400)),
      forbidden('no-long-lived-writes'),
    ],
  ]),
];

const acme = () => ({ ...lasting(600), tenant: 'acme' });
const PARTNER: readonly Case[] = [
  ...cases('partner', READ, [
    ['is not permitted', undefined, held('no_permit')],
    ['brings a token of its own issuer', () => partner.token(acme()), held('no_permit')],
    ['brings one of ours', () => tokens.token(acme()), held('policy_permit', false)],
    // A hold is about policies: what Envoy refuses by itself stays refused.
    ['brings a bad one', () => stranger.token(acme()), BY_ENVOY],
  ]),
  ...cases('partner', CREATE, [['does what is forbidden', undefined, held('policy_forbid')]]),
];

describeWithEnvoy('tokens that Envoy verified', () => {
  let world: World;
  const leaves = new Map<Case['caller'], Leaf>();
  beforeAll(async () => {
    world = await startWorld({
      profile: 'enforcing',
      approved: (dir) =>
        placeShippedRollout(dir, {
          enforce: '[{name: everything, match: {}}]',
          hold: '[{name: partners, match: {trustDomains: [partner.example]}}]',
        }),
      env: { CEDARGATE_LOG_CLAIMS: 'task_id,act' },
      edit: verifyTokens,
    });
    for (const [name, id] of Object.entries(IDS)) {
      leaves.set(name as Case['caller'], world.ca.spiffe(`the-${name}`, id));
    }
  });
  afterAll(() => world?.stop());

  const ask = ({ caller, call, token }: Pick<Case, 'caller' | 'call' | 'token'>) => {
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token()}` };
    const headers = { ...call.headers, ...authorization };
    return world.send(leaves.get(caller) as Leaf, { ...call, headers });
  };
  const check = async (_title: string, each: Case) => {
    const { status, decided } = each.expected;
    const answer = await ask(each);
    expect(answer.status).toBe(status);
    const stamps = valuesOf(answer, 'x-cedargate-decision-id');
    expect(stamps).toHaveLength(decided === undefined ? 0 : 1);
    if (decided !== undefined) expect(await world.decision(answer)).toMatchObject(decided);
  };

  it.each(titled(TASKS))('decide what our own may do: %s', check);

  it.each(titled(PARTNER))('decide nothing while the partner is held: %s', check);

  it('are shown in the log as far as it is told to, and not to the application', async () => {
    const answer = await ask({ caller: 'agent', call: REFUND, token: () => tokens.token(task()) });
    expect(answer.json<Echo>().headers).not.toHaveProperty('authorization');
    const { input } = await world.decision(answer);
    expect(input).toMatchObject({
      context: {
        task: {
          id: 't-9',
          kind: '[masked]',
          chain: ['support-agent', 'support-desk'],
          credentialSeconds: 900,
        },
      },
    });
  });

  it('are not looked for in the query, where they would be logged', async () => {
    const path = `${DEPLOY.path}?access_token=${tokens.token(job())}`;
    const answer = await ask({ caller: 'runner', call: { ...DEPLOY, path }, token: undefined });
    expect(answer.status).toBe(403);
    expect(await world.decision(answer)).toMatchObject({ reason: 'no_permit' });
  });
});

function verifyTokens(config: EnvoyConfig, { dir }: { readonly dir: string }): void {
  const certs = join(dir, 'certs');
  for (const name of ['tokens', 'partner'] as const) {
    writeFileSync(join(certs, `${name}.jwks.json`), issuers[name].jwks);
  }
  const shipped = readFileSync(JWT_AUTHN, 'utf8').replaceAll('certs/', `${certs}/`);
  connectionManager(config).http_filters.unshift(...parse(shipped));
}
