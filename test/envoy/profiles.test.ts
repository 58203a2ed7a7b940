/** The two shipped Envoy files: accepted by a real Envoy, and different only where they say so. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createCa } from '../support/certs.js';
import { type EnvoyConfig, readEnvoyConfig, validateConfig } from '../support/envoy.js';
import { describeWithEnvoy } from '../support/suites.js';
import { tokenIssuer } from '../support/tokens.js';
import {
  cedargateCluster,
  connectionManager,
  extAuthz,
  JWT_AUTHN,
  PROFILES,
} from '../support/world.js';

const profiles = Object.entries(PROFILES);
const read = (file: string): EnvoyConfig => parse(readFileSync(file, 'utf8'));

describeWithEnvoy('the shipped Envoy files', () => {
  const dir = mkdtempSync(join(tmpdir(), 'cedargate-profiles-'));
  beforeAll(() => {
    createCa(join(dir, 'certs')).spiffe('payments', 'spiffe://example.org/ns/shop/sa/payments');
    for (const name of ['tokens', 'partner']) {
      writeFileSync(join(dir, `certs/${name}.jwks.json`), tokenIssuer(name).jwks);
    }
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it.each(profiles)('%s passes `envoy --mode validate` as it stands', (_name, file) => {
    // Certificate paths are relative to where Envoy is started.
    expect(validateConfig(read(file), dir)).toBeUndefined();
  });

  // With the other one it runs in task-context.test.ts.
  it('observe passes with the filter of jwt-authn.yaml before ext_authz', () => {
    const config = read(PROFILES.observe);
    connectionManager(config).http_filters.unshift(...read(JWT_AUTHN));
    expect(validateConfig(config, dir)).toBeUndefined();
  });

  it.each(profiles)('%s with a misspelled field does not pass', async (_name, file) => {
    const { config } = await readEnvoyConfig(file);
    extAuthz(config).failure_mode_alow = true;
    expect(validateConfig(config, dir)).toContain('failure_mode_alow');
  });

  it('differ only in what enforcing.yaml marks', () => {
    expect(differences(read(PROFILES.observe), read(PROFILES.enforcing))).toEqual(
      [
        'layered_runtime',
        'listeners.payments.filter_chains.0.filters.0.http_filters.0.grpc_service.timeout',
        'listeners.payments.filter_chains.0.filters.0.http_filters.0.grpc_service.retry_policy',
        'listeners.payments.filter_chains.0.filters.0.http_filters.0.failure_mode_allow',
        'listeners.payments.filter_chains.0.filters.0.http_filters.0.status_on_error',
        'listeners.payments.filter_chains.0.filters.0.http_filters.0.filter_enabled',
        'clusters.cedargate.common_lb_config',
        'clusters.cedargate.circuit_breakers.thresholds.0.max_retries',
      ].sort(),
    );
  });

  it.each(profiles)('%s refuses a spelling of a path in two ways', (_name, file) => {
    expect(connectionManager(read(file))).toMatchObject({
      normalize_path: true,
      merge_slashes: true,
      path_with_escaped_slashes_action: 'REJECT_REQUEST',
      forward_client_cert_details: 'SANITIZE_SET',
    });
  });

  it('lets retries happen: a circuit breaker above the default of three', () => {
    const [threshold] = cedargateCluster(read(PROFILES.enforcing)).circuit_breakers.thresholds;
    expect(threshold.max_retries).toBeGreaterThan(3);
  });
});

/** Paths at which two configurations differ, sorted; array items go by their `name` when they have one. */
function differences(a: EnvoyConfig, b: EnvoyConfig, path: readonly string[] = []): string[] {
  if (!isObject(a) || !isObject(b)) return Object.is(a, b) ? [] : [pathText(path)];
  const left = entriesOf(a);
  const right = entriesOf(b);
  return [...new Set([...left.keys(), ...right.keys()])]
    .flatMap((key) => differences(left.get(key), right.get(key), [...path, key]))
    .sort();
}

function entriesOf(value: EnvoyConfig): Map<string, EnvoyConfig> {
  if (!Array.isArray(value)) return new Map(Object.entries(value));
  return new Map(
    value.map((item, i) => [
      typeof item?.name === 'string' && !item.name.includes('.') ? item.name : String(i),
      item,
    ]),
  );
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function pathText(path: readonly string[]): string {
  return path.filter((part) => part !== 'static_resources' && part !== 'typed_config').join('.');
}
