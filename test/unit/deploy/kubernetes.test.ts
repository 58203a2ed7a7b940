/**
 * deploy/kubernetes/payments.yaml against the official schemas, the program and envoy.yaml: whatever
 * is said twice must be said alike.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { RUNTIME_ENVIRONMENT } from '../../../bench/runtime.js';
import { compileBundle } from '../../../src/bundle/compile.js';
import { loadConfig } from '../../../src/config/load.js';
import { OPTIONS } from '../../../src/config/options.js';
import { configSchema } from '../../../src/config/schema.js';
import { SHUTDOWN_MS_MAX } from '../../../src/constants.js';
import { probeRoutes } from '../../../src/server/routes.js';
import { KUBERNETES_VERSIONS, kubernetesFaults } from '../../support/kubernetes.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const MANIFEST = join(ROOT, 'deploy/kubernetes/payments.yaml');
// biome-ignore lint/suspicious/noExplicitAny: the schema is Kubernetes' and Envoy's, and they check it
type Loose = any;

const text = readFileSync(MANIFEST, 'utf8');
const documents = parseAllDocuments(text);
const objects: Loose[] = documents.map((document) => document.toJS());

function object(kind: string, name: string): Loose {
  const found = objects.filter((o) => o.kind === kind && o.metadata.name === name);
  if (found.length !== 1) throw new Error(`${found.length} objects ${kind}/${name}`);
  return found[0];
}

const pod = object('Deployment', 'payments').spec.template.spec;
const containers: Loose[] = [...pod.initContainers, ...pod.containers];
const cedargate = container('cedargate');
const envoy = container('envoy');
const workload = container('payments');

function container(name: string): Loose {
  return containers.find((c) => c.name === name) ?? expect.unreachable(`no container ${name}`);
}

const dir = mkdtempSync(join(tmpdir(), 'cedargate-kubernetes-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('the official schemas', () => {
  it.each(KUBERNETES_VERSIONS)('accept the manifest, strictly, for Kubernetes %s', (version) => {
    expect(kubernetesFaults(MANIFEST, version)).toBeUndefined();
  });

  it('would refuse a field that Kubernetes does not know', () => {
    const file = join(dir, 'wrong.yaml');
    writeFileSync(file, text.replace('restartPolicy: Always', 'restartPolicies: Always'));
    expect(kubernetesFaults(file, '1.37')).toMatch(/restartPolicies/);
  });
});

describe('the manifest', () => {
  it('is YAML without errors, warnings or duplicate keys', () => {
    expect(documents.flatMap((d) => [...d.errors, ...d.warnings])).toEqual([]);
  });

  it('puts every object into its own namespace', () => {
    const namespaces = objects
      .filter((o) => o.kind !== 'Namespace')
      .map((o) => o.metadata.namespace);
    expect(new Set(namespaces)).toEqual(new Set([object('Namespace', 'shop').metadata.name]));
  });

  it('mounts only volumes that exist, whole, for reading, and once each', () => {
    const volumes = pod.volumes.map((v: Loose) => v.name);
    const mounts: Loose[] = containers.flatMap((c) => c.volumeMounts ?? []);
    expect(mounts.map((m) => m.name).sort()).toEqual([...volumes].sort());
    // A subPath is a copy: updates of the volume never reach it.
    for (const mount of mounts) {
      expect(mount).toEqual({ name: mount.name, mountPath: expect.any(String), readOnly: true });
    }
  });

  it('takes volumes from ConfigMaps that are in it', () => {
    const names: string[] = pod.volumes.flatMap((v: Loose) => v.configMap?.name ?? []);
    expect(names).toHaveLength(2);
    for (const name of names) expect(object('ConfigMap', name).data).toBeTypeOf('object');
  });

  it('sends the Service to a port that a container has, on pods that it selects', () => {
    const service = object('Service', 'payments').spec;
    const template = object('Deployment', 'payments').spec.template;
    expect(template.metadata.labels).toMatchObject(service.selector);
    const ports = containers.flatMap((c) => c.ports ?? []).map((p: Loose) => p.name);
    expect(new Set(ports).size).toBe(ports.length);
    for (const port of service.ports) expect(ports).toContain(port.targetPort);
  });

  it('starts cedargate before Envoy and Envoy before the workload', () => {
    expect(pod.initContainers.map((c: Loose) => c.name)).toEqual(['cedargate', 'envoy']);
    expect(pod.containers.map((c: Loose) => c.name)).toEqual(['payments']);
    for (const sidecar of pod.initContainers) {
      expect(sidecar.restartPolicy).toBe('Always');
      // Without it the next container starts as soon as this process exists.
      expect(sidecar.startupProbe).toBeDefined();
    }
  });

  it('leaves time for everything that happens between SIGTERM and the end', () => {
    const drainMs = OPTIONS.find((option) => option.key === 'drainMs')?.defaultValue as number;
    const sleepMs = workload.lifecycle.preStop.sleep.seconds * 1000;
    const leftMs = pod.terminationGracePeriodSeconds * 1000 - sleepMs - drainMs - SHUTDOWN_MS_MAX;
    expect(leftMs).toBeGreaterThanOrEqual(30_000);
  });
});

/** https://kubernetes.io/docs/concepts/security/pod-security-standards, level restricted. */
describe('Pod Security level restricted', () => {
  const labels = object('Namespace', 'shop').metadata.labels;

  it.each(['enforce', 'warn', 'audit'])('is asked for by the label %s', (what) => {
    expect(labels[`pod-security.kubernetes.io/${what}`]).toBe('restricted');
  });

  it('runs as nobody in particular, with the default system call filter', () => {
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(pod.securityContext.runAsUser).toBeGreaterThan(0);
    for (const { securityContext } of containers) {
      // A container must not take back what the pod gave.
      for (const key of ['runAsNonRoot', 'runAsUser', 'seccompProfile']) {
        expect(securityContext).not.toHaveProperty(key);
      }
    }
  });

  it('shares nothing of the node', () => {
    for (const key of ['hostNetwork', 'hostPID', 'hostIPC', 'shareProcessNamespace']) {
      expect(pod).not.toHaveProperty(key);
    }
    const ports = containers.flatMap((c) => c.ports ?? []);
    for (const port of ports) expect(port).not.toHaveProperty('hostPort');
    expect(pod.securityContext).not.toHaveProperty('sysctls');
  });

  it('uses only kinds of volumes that are allowed', () => {
    const kinds = pod.volumes.flatMap((v: Loose) => Object.keys(v).filter((key) => key !== 'name'));
    const allowed = ['configMap', 'csi', 'downwardAPI', 'emptyDir', 'projected', 'secret'];
    expect(kinds.filter((kind: string) => !allowed.includes(kind))).toEqual([]);
  });

  it.each(containers.map((c) => [c.name, c]))(
    '%s gains no privileges',
    (_, { securityContext }) => {
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        // Not asked for by the level, but nothing here writes to disk.
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    },
  );

  it('gives no container a token for the Kubernetes API', () => {
    expect(object('ServiceAccount', pod.serviceAccountName).automountServiceAccountToken).toBe(
      false,
    );
    expect(pod.automountServiceAccountToken).toBe(false);
  });
});

describe('the container cedargate', () => {
  const [command, ...args] = cedargate.args as string[];
  const given = new Map(
    args.map((arg) => {
      const [flag = '', value] = arg.split(/=(.*)/s);
      return [flag, value];
    }),
  );
  const flags = Object.fromEntries(
    [...given].map(([flag, value]) => {
      const option = OPTIONS.find((o) => o.flag === flag);
      if (option === undefined) throw new Error(`cedargate serve has no flag ${flag}`);
      return [option.key, option.kind === 'list' ? [value] : (value ?? true)];
    }),
  );
  const variables = Object.fromEntries(
    cedargate.env.map((e: Loose) => [e.name, e.value ?? 'payments-5d4f-x']),
  );

  it('is `cedargate serve`, the command that package.json has', () => {
    const { bin } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    expect(Object.keys(bin)).toEqual(cedargate.command);
    expect(command).toBe('serve');
  });

  it('carries the version of package.json', () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    expect(cedargate.image).toBe(`cedargate:${version}`);
    expect(text).toContain(`cedargate-${version}.tgz`);
  });

  it('is configured so that the program accepts it: shadow, and what this pod is', () => {
    const loaded = loadConfig(flags, variables, { hostName: 'host' });
    if (!loaded.ok) expect.unreachable(JSON.stringify(loaded.problems));
    expect(loaded.value.config).toMatchObject({
      mode: 'shadow',
      service: `${object('Deployment', 'payments').metadata.namespace}/payments`,
      destinationFrom: 'service',
      workload: 'payments-5d4f-x',
    });
  });

  it('listens for Envoy and people on loopback, at the default ports', () => {
    const defaults = configSchema.parse({});
    expect([given.get('--listen')]).toEqual(defaults.listen);
    expect(given.get('--admin')).toBe(defaults.admin);
    expect(given.get('--listen')).toMatch(/^127\.0\.0\.1:/);
    expect(given.get('--admin')).toMatch(/^127\.0\.0\.1:/);
  });

  it('is probed where it listens for probes, at paths that it answers there', () => {
    const [host, port] = given.get('--probes')?.split(':') ?? [];
    expect(host).toBe('0.0.0.0');
    expect(cedargate.ports).toEqual([{ name: 'probes', containerPort: Number(port) }]);
    const answered = probeRoutes({
      readiness: () => ({ ready: true, reason: '' }),
      metrics: async () => ({ contentType: '', body: '' }),
    });
    const paths = ['startupProbe', 'readinessProbe', 'livenessProbe'].map((probe) => {
      expect(cedargate[probe].httpGet.port).toBe('probes');
      return cedargate[probe].httpGet.path;
    });
    expect(paths).toEqual(['/readyz', '/readyz', '/livez']);
    for (const path of paths) expect([...answered.keys()]).toContain(path);
  });

  it('reads the policies where their ConfigMap is mounted', () => {
    const [mount] = cedargate.volumeMounts;
    expect(given.get('--bundle')).toBe(mount.mountPath);
    const volume = pod.volumes.find((v: Loose) => v.name === mount.name);
    expect(volume.configMap.name).toBe('payments-policies');
  });

  it('leaves memory beside the JavaScript heap', () => {
    const heap = Number(/--max-old-space-size=(\d+)/.exec(variables.NODE_OPTIONS ?? '')?.[1]);
    const limit = Number(/^(\d+)Mi$/.exec(cedargate.resources.limits.memory)?.[1]);
    expect(heap).toBeGreaterThan(0);
    expect(limit - heap).toBeGreaterThanOrEqual(96);
  });

  it('tells Node and malloc what the bench measures with', () => {
    expect(variables).toMatchObject(RUNTIME_ENVIRONMENT);
  });
});

describe('the policies', () => {
  const data: Record<string, string> = object('ConfigMap', 'payments-policies').data;

  it('are policies/observe, byte for byte', () => {
    const source = join(ROOT, 'policies/observe');
    const files = readdirSync(source).filter((name) => statSync(join(source, name)).isFile());
    expect(Object.keys(data).sort()).toEqual(files.sort());
    for (const name of files) {
      expect(data[name]).toBe(readFileSync(join(source, name), 'utf8'));
    }
  });

  it('are a bundle that cedargate takes', () => {
    const files = Object.entries(data).map(([name, content]) => ({
      name,
      bytes: Buffer.from(content),
    }));
    const compiled = compileBundle(files, { environment: 'production' });
    if (!compiled.ok) expect.unreachable(JSON.stringify(compiled.problems));
    expect(compiled.value.warnings).toEqual([]);
  });

  it('have names that a ConfigMap allows', () => {
    for (const name of Object.keys(data)) expect(name).toMatch(/^[-._a-zA-Z0-9]{1,253}$/);
  });
});

describe('the Envoy of the pod', () => {
  const data: Record<string, string> = object('ConfigMap', 'payments-envoy').data;
  const inPod: Loose = parse(data['envoy.yaml'] ?? '');
  const shipped: Loose = parse(readFileSync(join(ROOT, 'envoy.yaml'), 'utf8'));

  const byName = (list: Loose[], name: string): Loose =>
    list.find((entry) => entry.name === name) ?? expect.unreachable(`no ${name}`);
  const cluster = (config: Loose, name: string) => byName(config.static_resources.clusters, name);
  const listener = (config: Loose, name: string) => byName(config.static_resources.listeners, name);
  const portOf = (address: Loose): number => address.socket_address.port_value;
  const endpoints = (config: Loose, name: string): string[] =>
    cluster(config, name)
      .load_assignment.endpoints.flatMap((e: Loose) => e.lb_endpoints)
      .map(({ endpoint: { address } }: Loose) => {
        return `${address.socket_address.address}:${portOf(address)}`;
      });

  it('treats HTTP, ext_authz and the access log as envoy.yaml does', () => {
    const [filters, expected] = [inPod, shipped].map(
      (config) => listener(config, 'payments').filter_chains[0].filters,
    );
    expect(filters).toEqual(expected);
  });

  it('treats the cluster of cedargate as envoy.yaml does, less the second endpoint', () => {
    const { load_assignment: _, ...settings } = cluster(inPod, 'cedargate');
    const { load_assignment: __, ...expected } = cluster(shipped, 'cedargate');
    expect(settings).toEqual(expected);
    expect(endpoints(inPod, 'cedargate')).toEqual(endpoints(shipped, 'cedargate').slice(0, 1));
  });

  it('asks cedargate where it listens', () => {
    expect(cedargate.args).toContain(`--listen=${endpoints(inPod, 'cedargate')[0]}`);
  });

  it('reaches the workload as envoy.yaml does', () => {
    expect(cluster(inPod, 'payments')).toEqual(cluster(shipped, 'payments'));
  });

  it('wants a certificate of every caller, and offers the same protocols', () => {
    const [tls, expected] = [inPod, shipped].map(
      (config) => listener(config, 'payments').filter_chains[0].transport_socket.typed_config,
    );
    expect(tls.require_client_certificate).toBe(true);
    expect({ ...tls, common_tls_context: {} }).toEqual({ ...expected, common_tls_context: {} });
    expect(tls.common_tls_context.alpn_protocols).toEqual(
      expected.common_tls_context.alpn_protocols,
    );
  });

  it('reads certificates by SDS from files of the mounted Secret', () => {
    const secretMount = envoy.volumeMounts.find((m: Loose) => m.name === 'spiffe').mountPath;
    const configMount = envoy.volumeMounts.find((m: Loose) => m.name === 'envoy').mountPath;
    const context = listener(inPod, 'payments').filter_chains[0].transport_socket.typed_config
      .common_tls_context;
    const sources: Loose[] = [
      ...context.tls_certificate_sds_secret_configs,
      context.validation_context_sds_secret_config,
    ];
    const files = sources.flatMap(
      ({
        name,
        sds_config: {
          path_config_source: { path },
        },
      }) => {
        expect(path.startsWith(`${configMount}/`)).toBe(true);
        const [secret] = parse(data[path.slice(configMount.length + 1)] ?? '').resources;
        expect(secret.name).toBe(name);
        const { certificate_chain, private_key, trusted_ca, watched_directory } =
          secret.tls_certificate ?? secret.validation_context;
        // Without it Envoy keeps the certificate it started with until it expires.
        expect(watched_directory.path).toBe(secretMount);
        return [certificate_chain, private_key, trusted_ca].flatMap((f) => f?.filename ?? []);
      },
    );
    const keys = ['tls.crt', 'tls.key', 'ca.crt'];
    expect(files).toEqual(keys.map((key) => `${secretMount}/${key}`));
    for (const key of keys) expect(text).toContain(key);
  });

  it('starts from the file that is mounted, and opens the ports that the container names', () => {
    const configMount = envoy.volumeMounts.find((m: Loose) => m.name === 'envoy').mountPath;
    expect(envoy.args).toContain(`${configMount}/envoy.yaml`);
    const listening = inPod.static_resources.listeners.map((l: Loose) => {
      expect(l.address.socket_address.address).toBe('0.0.0.0');
      return portOf(l.address);
    });
    expect(envoy.ports.map((p: Loose) => p.containerPort)).toEqual(listening);
  });

  it('answers the probes of Envoy and the workload on the listener `health`, and nothing else', () => {
    const health = listener(inPod, 'health');
    const [host] = health.filter_chains[0].filters[0].typed_config.route_config.virtual_hosts;
    const routes = new Map(
      host.routes.map(({ match, route }: Loose) => {
        expect(Object.keys(match)).toEqual(['path']);
        return [match.path, route.cluster];
      }),
    );
    expect(routes).toEqual(
      new Map([
        ['/ready', 'envoy-admin'],
        ['/stats/prometheus', 'envoy-admin'],
        ['/healthz', 'payments'],
      ]),
    );
    expect(endpoints(inPod, 'envoy-admin')).toEqual([`127.0.0.1:${portOf(inPod.admin.address)}`]);
    for (const probe of [envoy.startupProbe, envoy.readinessProbe, workload.readinessProbe]) {
      expect([...routes.keys()]).toContain(probe.httpGet.path);
      expect(['health', portOf(health.address)]).toContain(probe.httpGet.port);
    }
  });
});
