/** Where settings come from, for every key of the schema. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import type { CheckSettings } from '../../../src/check/types.js';
import type { Config } from '../../../src/config/config.js';
import { type Flags, loadConfig, readSettings } from '../../../src/config/load.js';
import { OPTIONS, type Option } from '../../../src/config/options.js';
import { CONFIG_BYTES_MAX } from '../../../src/constants.js';
import type { Problem } from '../../../src/errors.js';
import { flagOf, textOf, validValues, yamlOf } from './samples.js';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'cedargate-config-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const WHOLE = { service: 'shop/payments', bundle: './policies' };
const DIGEST = `sha256:${'a'.repeat(64)}`;
const SHELF = {
  service: 'shop/payments',
  bundles: './bundles',
  digest: DIGEST,
  trust: 'trust.yaml',
  trustDigest: [DIGEST],
};

const { digest: _, ...TRUSTED } = SHELF;
const ROLLOUT = {
  ...TRUSTED,
  rollout: './rollout',
  state: './state',
  environment: 'production',
};

function without(flags: Flags, name: string): Flags {
  return Object.fromEntries(Object.entries(flags).filter(([key]) => key !== name));
}

function file(text: string | Uint8Array): string {
  const path = join(directory, 'cedargate.yaml');
  writeFileSync(path, text);
  return path;
}

function problems(flags: Flags, env: Record<string, string> = {}): readonly Problem[] {
  const result = readSettings(flags, env);
  return result.ok ? [] : result.problems;
}

const inFile = (text: string | Uint8Array) => problems({ config: file(text) });

function config(flags: Flags, env: Record<string, string> = {}): Config {
  const result = loadConfig({ ...WHOLE, ...flags }, env, { hostName: 'host-1' });
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.value.config;
}

describe('sources', () => {
  /** A value, or nothing, from each layer. */
  const layers = (option: Option) => {
    const value = fc.option(fc.constantFrom(...validValues(option)), { nil: undefined });
    const flag = option.kind === 'boolean' ? fc.constantFrom(undefined, true) : value;
    return fc.record({
      file: value,
      environment: value,
      flag: option.flag === undefined ? fc.constant(undefined) : flag,
    });
  };

  it.each(OPTIONS.map((option) => [option.key, option] as const))(
    '%s comes from the flag, else the variable, else the file, else the default',
    (key, option) => {
      fc.assert(
        fc.property(layers(option), (given) => {
          const flags: Record<string, unknown> = {};
          const env: Record<string, string> = {};
          if (given.file !== undefined) flags.config = file(yamlOf(option, given.file));
          if (given.environment !== undefined) env[option.variable] = textOf(given.environment);
          if (given.flag !== undefined) flags[key] = flagOf(given.flag);

          const result = readSettings(flags, env);
          if (!result.ok) throw new Error(JSON.stringify(result.problems));
          const [source, value] = (['flag', 'environment', 'file'] as const)
            .map((name) => [name, given[name]] as const)
            .find(([, v]) => v !== undefined) ?? ['default', option.defaultValue];
          expect(result.value.sources.get(key)).toBe(source);
          expect(result.value.values.get(key)).toEqual(value);
          for (const other of OPTIONS.filter((o) => o.key !== key)) {
            expect(result.value.sources.get(other.key)).toBe('default');
          }
        }),
        { numRuns: 25 },
      );
    },
  );

  it('reads the file that CEDARGATE_CONFIG names, and --config instead when both are given', () => {
    const path = file('mode: enforce\n');
    const fromVariable = readSettings({}, { CEDARGATE_CONFIG: path });
    expect(fromVariable.ok && fromVariable.value.values.get('mode')).toBe('enforce');
    expect(fromVariable.ok && fromVariable.value.file).toEqual({ path, source: 'environment' });
    const fromFlag = readSettings({ config: path }, { CEDARGATE_CONFIG: '/nonexistent' });
    expect(fromFlag.ok && fromFlag.value.file).toEqual({ path, source: 'flag' });
  });

  it('takes a group of the file key by key, so that one key does not reset its siblings', () => {
    const path = file('headers: {mode: true}\n');
    const { headers } = config({ config: path }, { CEDARGATE_HEADERS_PREFIX: 'x-shop' });
    expect(headers).toEqual({ prefix: 'x-shop', version: true, decisionId: true, mode: true });
  });

  it('refuses a wrong value even when another layer would override it', () => {
    expect(problems({ mode: 'shadow' }, { CEDARGATE_MODE: 'enforced' })).toHaveLength(1);
  });
});

describe('the environment', () => {
  it.each([
    ['true', true],
    ['1', true],
    ['false', false],
    ['0', false],
  ])('reads the boolean %s', (text, value) => {
    expect(config({}, { CEDARGATE_STRICT_IDENTITY: text }).strictIdentity).toBe(value);
  });

  it.each([
    ['CEDARGATE_STRICT_IDENTITY', 'yes'],
    ['CEDARGATE_STRICT_IDENTITY', ''],
    ['CEDARGATE_DRAIN_MS', '2s'],
    ['CEDARGATE_DRAIN_MS', '-1'],
    ['CEDARGATE_DRAIN_MS', '600001'],
    ['CEDARGATE_DRAIN_MS', '1e3'],
    ['CEDARGATE_SERVICE', ''],
    ['CEDARGATE_LISTEN', ''],
    ['CEDARGATE_LOG_HEADERS', 'x-a,,x-b'],
  ])('refuses %s=%s and names the variable', (name, text) => {
    const [first] = problems({}, { [name]: text });
    expect(first?.code).toBe('config_invalid');
    expect(first?.message).toContain(`\`${name}\` must be`);
  });

  it('empties a list with an empty variable', () => {
    const path = file('log: {headers: [x-tenant]}\n');
    expect(config({ config: path }, { CEDARGATE_LOG_HEADERS: '' }).log.headers).toEqual([]);
  });

  it.each([
    ['CEDARGATE_MOED', 'CEDARGATE_MODE'],
    ['CEDARGATE_HEADERS_DECISIONID', 'CEDARGATE_HEADERS_DECISION_ID'],
    ['CEDARGATE_TLS_CERTS', 'CEDARGATE_TLS_CERT'],
  ])('refuses the unknown %s and suggests %s', (name, near) => {
    const [first] = problems({}, { [name]: 'x' });
    expect(first).toMatchObject({
      code: 'config_invalid',
      message: `unknown variable \`${name}\``,
      help: `did you mean \`${near}\`?`,
    });
  });

  it('ignores the variables that Kubernetes makes of Services called cedargate', () => {
    const env = {
      CEDARGATE_SERVICE_HOST: '10.0.0.1',
      CEDARGATE_SERVICE_PORT: '9191',
      CEDARGATE_SERVICE_PORT_GRPC: '9191',
      CEDARGATE_PORT: 'tcp://10.0.0.1:9191',
      CEDARGATE_PORT_9191_TCP: 'tcp://10.0.0.1:9191',
      CEDARGATE_PORT_9191_TCP_PROTO: 'tcp',
      CEDARGATE_PORT_9191_TCP_PORT: '9191',
      CEDARGATE_PORT_9191_TCP_ADDR: '10.0.0.1',
      CEDARGATE_ADMIN_SERVICE_HOST: '10.0.0.2',
      CEDARGATE_ADMIN_PORT: 'tcp://10.0.0.2:9292',
    };
    expect(problems({}, env)).toEqual([]);
    expect(problems({}, { CEDARGATE_ADMIN_PORT: '9292' })).toHaveLength(1);
  });

  it('leaves variables of others alone', () => {
    expect(problems({}, { CEDAR_MODE: 'x', PATH: '/bin', cedargate_mode: 'x' })).toEqual([]);
  });
});

describe('the file', () => {
  it.each([
    ['an empty file', ''],
    ['only comments', '# nothing\n'],
    ['an explicit null', '~\n'],
  ])('%s sets nothing', (_name, text) => {
    expect(inFile(text)).toEqual([]);
  });

  it.each([
    ['a missing file', { config: '/nonexistent/cedargate.yaml' }],
    ['a directory', { config: tmpdir() }],
  ])('%s is unreadable', (_name, flags) => {
    expect(problems(flags)[0]?.code).toBe('config_unreadable');
  });

  it.each([
    ['broken YAML', 'mode: [shadow\n'],
    ['a duplicate key', 'mode: shadow\nmode: enforce\n'],
    ['an anchor', 'mode: &m shadow\n'],
    ['a tag', 'mode: !!str shadow\n'],
    ['two documents', 'mode: shadow\n---\nmode: enforce\n'],
    ['bytes that are not UTF-8', new Uint8Array([0x6d, 0x3a, 0x20, 0xff])],
    ['a file over the cap', `# ${'x'.repeat(CONFIG_BYTES_MAX)}\n`],
  ])('%s is unreadable and names the file', (_name, text) => {
    const [first] = inFile(text);
    expect(first?.code).toBe('config_unreadable');
    expect(first?.file).toBe(join(directory, 'cedargate.yaml'));
  });

  it('takes a file of exactly the cap', () => {
    expect(inFile(`#${'x'.repeat(CONFIG_BYTES_MAX - 2)}\n`)).toEqual([]);
  });

  it.each([
    ['mode: shadow\nmoed: x\n', 2, 1, '`mode`'],
    ['allow-unsigned: true\n', 1, 1, '`allowUnsigned`'],
    ['decisionId: true\n', 1, 1, '`headers.decisionId`'],
    ['headers:\n  decision_id: true\n', 2, 3, '`headers.decisionId`'],
    ['bundel: ./x\n', 1, 1, '`bundle`'],
  ])(
    'refuses the unknown key in %j at its place, with a suggestion',
    (text, line, column, near) => {
      const [first] = inFile(text);
      expect(first?.message).toMatch(/^unknown key /);
      expect(first).toMatchObject({ line, column, help: `did you mean ${near}?` });
    },
  );

  it('says where the keys are listed when nothing is near', () => {
    expect(inFile('frobnication: 1\n')[0]?.help).toContain('docs/configuration.md');
  });

  it.each([
    ['mode: enforced', 'mode', '`enforced`', 7],
    ['service:', 'service', 'empty', 9],
    ['environment: 1.10', 'environment', '`1.10`', 14],
    ['listen: [127.0.0.1:1, nowhere]', 'listen', '`nowhere`', 23],
    ['headers: {mode: yes}', 'headers.mode', '`yes`', 17],
    ['drainMs: 2.5', 'drainMs', '`2.5`', 10],
    ['log: {headers: [X-Tenant]}', 'log.headers', '`X-Tenant`', 17],
    ['log: {sampleAllows: 1.5}', 'log.sampleAllows', '`1.5`', 21],
    ['log: {sampleAllows: -0.1}', 'log.sampleAllows', '`-0.1`', 21],
    ['log: {linesPerSecond: 0.5}', 'log.linesPerSecond', '`0.5`', 23],
    ['log: {callerLinesPerSecond: 1000001}', 'log.callerLinesPerSecond', '`1000001`', 29],
    ['log: {headers: [x-a, authorization]}', 'log.headers', '`authorization`', 22],
    ['helpUrl: "https://a.example/\\r\\nSet-Cookie: x"', 'helpUrl', '\\u{d}\\u{a}Set-Cookie', 10],
  ])('refuses %s at its place', (text, key, shown, column) => {
    const [first] = inFile(`# one\n${text}\n`);
    expect(first?.code).toBe('config_invalid');
    expect(first?.message).toContain(`\`${key}\` must be`);
    expect(first?.message).toContain(shown);
    expect(first).toMatchObject({ line: 2, column });
  });

  it('advises quotes for a number where text is meant', () => {
    expect(inFile('cluster: 17\n')[0]?.help).toBe('quote it: "17"');
  });

  it.each([['- mode\n'], ['shadow\n'], ['headers: x-shop\n'], ['log:\n']])(
    'refuses %j: not a map',
    (text) => {
      expect(inFile(text)[0]?.message).toContain('must be a map of keys to values');
    },
  );

  it('reports every problem, not only the first', () => {
    expect(inFile('mode: x\nadmin: y\nz: 1\n')).toHaveLength(3);
  });

  it('is not fooled by names that every object has', () => {
    for (const name of ['constructor', 'toString', 'hasOwnProperty']) {
      expect(inFile(`${name}: {mode: 1}\n`)[0]?.message).toBe(`unknown key \`${name}\``);
    }
  });
});

describe('flags', () => {
  it('are judged as usage', () => {
    expect(problems({ mode: 'enforced' })[0]).toMatchObject({
      code: 'input_invalid',
      message: '`--mode` must be `shadow` or `enforce`, not `enforced`',
    });
  });

  it('name the address that is wrong among several', () => {
    const [first] = problems({ listen: ['127.0.0.1:1', 'here'] });
    expect(first?.message).toContain('not `here`');
  });
});

describe('the configuration', () => {
  it('has every key: what was given and every default', () => {
    expect(config({ listen: ['[::1]:0', 'unix:/run/x.sock'], probes: '0.0.0.0:9293' })).toEqual({
      listen: ['[::1]:0', 'unix:/run/x.sock'],
      admin: '127.0.0.1:9292',
      probes: '0.0.0.0:9293',
      service: 'shop/payments',
      destinationFrom: 'service',
      environment: undefined,
      source: { kind: 'directory', directory: './policies' },
      minSequence: 0,
      beforeFirstRollout: 'fail',
      mode: 'shadow',
      allowUnsigned: false,
      tlsCert: undefined,
      tlsKey: undefined,
      tlsClientCa: undefined,
      failResponse: 'error_response',
      strictIdentity: false,
      workload: 'host-1',
      cluster: undefined,
      headers: { prefix: 'x-cedargate', version: true, decisionId: true, mode: false },
      helpUrl: undefined,
      claims: {
        payload: 'jwt_payload',
        taskId: 'task_id',
        taskKind: 'task_kind',
        taskIntent: 'task_intent',
      },
      log: {
        ...{ headers: [], claims: [], query: [] },
        ...{ sampleAllows: 1, linesPerSecond: 0, callerLinesPerSecond: 0 },
      },
      drainMs: 2000,
    });
  });

  it('of a shelf says which bundle and whom to trust', () => {
    const loaded = loadConfig(SHELF, {}, { hostName: 'h' });
    expect(loaded.ok && loaded.value.config.source).toEqual({
      kind: 'shelf',
      directory: './bundles',
      digest: DIGEST,
      trust: 'trust.yaml',
      trustDigests: [DIGEST],
    });
  });

  it('of a rollout says where documents, bundles and state are', () => {
    const loaded = loadConfig(ROLLOUT, {}, { hostName: 'h' });
    expect(loaded.ok && loaded.value.config.source).toEqual({
      kind: 'rollout',
      documents: './rollout',
      bundles: './bundles',
      state: './state',
      trust: 'trust.yaml',
      trustDigests: [DIGEST],
    });
  });

  it('has no probe listener unless one is given', () => {
    expect(config({})).toHaveProperty('probes', undefined);
    expect(config({ probes: 'off' })).toHaveProperty('probes', undefined);
  });

  it('is what the data plane takes', () => {
    expectTypeOf<Config>().toExtend<CheckSettings>();
  });

  it.each<[string, Flags, string | undefined]>([
    ['no service', { bundle: 'b' }, '`service` is missing'],
    ['no service, but routes', { bundle: 'b', destinationFrom: 'route' }, undefined],
    ['no service, but SPIFFE IDs', { bundle: 'b', destinationFrom: 'spiffe' }, undefined],
    ['no policies', { service: 'a/b' }, '`bundle` or `bundles` is missing'],
    ['a shelf', SHELF, undefined],
    ['a shelf, enforced', { ...SHELF, mode: 'enforce' }, undefined],
    ['a shelf and a directory', { ...SHELF, bundle: 'b' }, 'exclude each other'],
    ['a shelf without a digest', without(SHELF, 'digest'), '`bundles` needs either'],
    ['a rollout', ROLLOUT, undefined],
    ['a rollout and a digest', { ...ROLLOUT, digest: DIGEST }, '`bundles` needs either'],
    ['a rollout without state', without(ROLLOUT, 'state'), '`rollout` needs'],
    ['a rollout without environment', without(ROLLOUT, 'environment'), '`rollout` needs'],
    ['a rollout in a mode', { ...ROLLOUT, mode: 'enforce' }, '`mode` and `rollout` exclude'],
    ['a directory with a rollout', { ...WHOLE, rollout: 'r' }, 'are for `bundles`'],
    ['a shelf with state', { ...SHELF, state: 's' }, 'are for `rollout`'],
    ['a shelf with a least sequence', { ...SHELF, minSequence: '3' }, 'are for `rollout`'],
    ['a shelf with a beginning', { ...SHELF, beforeFirstRollout: 'allow' }, 'are for `rollout`'],
    ['a shelf without trust', without(SHELF, 'trust'), '`bundles` needs'],
    ['a shelf without a pinned trust', without(SHELF, 'trustDigest'), '`bundles` needs'],
    ['a directory with trust', { ...WHOLE, trust: 't' }, 'are for `bundles`'],
    ['a directory with a digest', { ...WHOLE, digest: SHELF.digest }, 'are for `bundles`'],
    ['enforce', { ...WHOLE, mode: 'enforce' }, 'needs `allowUnsigned`'],
    ['enforce, allowed', { ...WHOLE, mode: 'enforce', allowUnsigned: true }, undefined],
    ['shadow, allowed', { ...WHOLE, allowUnsigned: true }, undefined],
    ['a certificate alone', { ...WHOLE, tlsCert: 'c' }, 'belong together'],
    ['a key alone', { ...WHOLE, tlsKey: 'k' }, 'belong together'],
    ['a client CA alone', { ...WHOLE, tlsClientCa: 'a' }, 'needs `tlsCert`'],
    ['all of TLS', { ...WHOLE, tlsCert: 'c', tlsKey: 'k', tlsClientCa: 'a' }, undefined],
  ])('%s: judged between settings', (_name, flags, message) => {
    const result = loadConfig(flags, {}, { hostName: 'h' });
    if (message === undefined) expect(result).toMatchObject({ ok: true });
    else {
      expect(result).toMatchObject({ ok: false, problems: [{ code: 'input_invalid' }] });
      expect(!result.ok && result.problems[0].message).toContain(message);
    }
  });
});
