/**
 * deploy/kubernetes/approved.yaml laid over payments.yaml as `kubectl apply -k` does it, against the
 * official schemas, the program, and what `--apply` and `bundle export` write.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { configMaps, SLOTS } from '../../../src/bundle/configmap.js';
import { openBundle } from '../../../src/bundle/open.js';
import { loadConfig } from '../../../src/config/load.js';
import { OPTIONS } from '../../../src/config/options.js';
import { archiveOf } from '../../support/built-bundles.js';
import { KUBERNETES_VERSIONS, kubernetesFaults } from '../../support/kubernetes.js';
import { readText } from '../../support/repository.js';
import { resultValue } from '../../support/result.js';

// biome-ignore lint/suspicious/noExplicitAny: the schema is Kubernetes', and it checks it
type Loose = any;

const FOLDER = 'deploy/kubernetes';
const { resources, patches } = parse(readText(`${FOLDER}/kustomization.yaml`));

/** By what Kubernetes tells the items of a list apart; other lists are replaced as a whole. */
const KEYS = ['mountPath', 'name'];

function merge(below: Loose, above: Loose): Loose {
  if (Array.isArray(above)) return mergeLists(below ?? [], above);
  if (typeof above !== 'object' || above === null) return above;
  const merged = { ...below };
  for (const [key, value] of Object.entries(above)) merged[key] = merge(merged[key], value);
  return merged;
}

function mergeLists(below: Loose[], above: Loose[]): Loose[] {
  const key = KEYS.find((each) => above.every((item) => item?.[each] !== undefined));
  if (key === undefined) return above;
  const items = new Map(below.map((item) => [item[key], item]));
  for (const { $patch, ...item } of above) {
    if ($patch === 'delete') items.delete(item[key]);
    else items.set(item[key], merge(items.get(item[key]), item));
  }
  return [...items.values()];
}

const sameObject = (a: Loose, b: Loose) => a.kind === b.kind && a.metadata.name === b.metadata.name;

function overlaid(): Loose[] {
  const texts: string[] = resources.map((file: string) => readText(`${FOLDER}/${file}`));
  const below: Loose[] = texts.flatMap((text) => parseAllDocuments(text).map((d) => d.toJS()));
  const above: Loose[] = patches.map((p: Loose) => parse(readText(`${FOLDER}/${p.path}`)));
  for (const patch of above) expect(below.filter((o) => sameObject(o, patch))).toHaveLength(1);
  return below.flatMap((object) => {
    const patch = above.find((each) => sameObject(each, object));
    if (patch?.$patch === 'delete') return [];
    return [patch === undefined ? object : merge(object, patch)];
  });
}

const objects = overlaid();
const deployment = objects.find(({ kind }) => kind === 'Deployment');
const pod = deployment.spec.template.spec;
const cedargate = pod.initContainers.find(({ name }: Loose) => name === 'cedargate');
const flags = new Map<string, string>(
  cedargate.args.slice(1).map((arg: string) => arg.split(/=(.*)/s)),
);
const mountedAt = (path: string | undefined) => {
  const { name, readOnly } = cedargate.volumeMounts.find((m: Loose) => m.mountPath === path);
  return { readOnly, ...pod.volumes.find((v: Loose) => v.name === name) };
};

const dir = mkdtempSync(join(tmpdir(), 'cedargate-approved-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('the pod that serves what is approved', () => {
  it.each(KUBERNETES_VERSIONS)('is valid, strictly, for Kubernetes %s', (version) => {
    const file = join(dir, `${version}.yaml`);
    writeFileSync(file, objects.map((object) => stringify(object)).join('---\n'));
    expect(kubernetesFaults(file, version)).toBeUndefined();
  });

  it('mounts every volume, and nothing of the plain directory', () => {
    const containers: Loose[] = [...pod.initContainers, ...pod.containers];
    const mounts = containers.flatMap((c) => c.volumeMounts ?? []).map((m: Loose) => m.name);
    expect(mounts.sort()).toEqual(pod.volumes.map((v: Loose) => v.name).sort());
    expect(JSON.stringify(objects)).not.toContain('payments-policies');
  });

  it('says again what payments.yaml says, but for where policies come from', () => {
    const before = readText(`${FOLDER}/payments.yaml`).match(/^ +- --\S+$/gm) ?? [];
    const kept = before.map((line) => line.trim().slice(2));
    const gone = ['--bundle', '--mode', '--config-path', '--disable-hot-restart'];
    for (const flag of kept.filter((each) => !gone.includes(each.replace(/=.*/, '')))) {
      expect(cedargate.args).toContain(flag);
    }
  });

  it('is configured so that the program accepts it', () => {
    const given = [...flags].map(([flag, value]) => {
      const option = OPTIONS.find((o) => o.flag === flag);
      if (option === undefined) throw new Error(`cedargate serve has no flag ${flag}`);
      return [option.key, option.kind === 'list' ? [value] : value];
    });
    const loaded = resultValue(loadConfig(Object.fromEntries(given), {}, { hostName: 'host' }));
    expect(loaded.config).toMatchObject({ service: 'shop/payments', minSequence: 1 });
    expect(loaded.config.source).toMatchObject({
      kind: 'rollout',
      documents: flags.get('--rollout'),
    });
  });

  it('reads the ConfigMap that --apply writes without further flags, of pods that it finds', () => {
    const { readOnly, configMap } = mountedAt(flags.get('--rollout'));
    const name = deployment.spec.template.metadata.labels['app.kubernetes.io/name'];
    expect({ readOnly, configMap }).toEqual({
      readOnly: true,
      configMap: { name: `cedargate-rollout-${name}`, optional: true },
    });
    expect(flags.get('--admin')).toBe('127.0.0.1:9292');
  });

  it('has a slot in its shelf for every ConfigMap that bundle export makes', () => {
    const archive = archiveOf({ files: { 'index.json': '{}' } });
    const opened = resultValue(openBundle(archive, 'x'));
    for (const slot of SLOTS) {
      const { configMap } = mountedAt(`${flags.get('--bundles')}/${slot}`);
      const options = { name: 'payments-bundles', slot, namespaces: ['shop'] };
      const exported = parse(resultValue(configMaps(opened, archive, options)));
      expect(configMap).toEqual({ name: exported.metadata.name, optional: true });
    }
  });

  it('takes trust from where nobody who writes bundles writes, and keeps its state in the pod', () => {
    const trust = flags.get('--trust') ?? '';
    expect(mountedAt(trust.replace(/\/trust\.yaml$/, '')).configMap).toEqual({
      name: 'payments-trust',
    });
    const state = mountedAt(flags.get('--state')?.replace(/\/state$/, ''));
    expect(state).toMatchObject({ emptyDir: {}, readOnly: undefined });
  });
});
