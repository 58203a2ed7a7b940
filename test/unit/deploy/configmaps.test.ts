/** What `bundle export` prints, against the official schemas. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { configMaps, SLOTS } from '../../../src/bundle/configmap.js';
import { openBundle } from '../../../src/bundle/open.js';
import { archiveOf } from '../../support/built-bundles.js';
import { KUBERNETES_VERSIONS, kubernetesFaults } from '../../support/kubernetes.js';
import { resultValue } from '../../support/result.js';

const dir = mkdtempSync(join(tmpdir(), 'cedargate-configmaps-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('exported ConfigMaps', () => {
  const archive = archiveOf({ files: { 'index.json': '{}' } });
  const opened = resultValue(openBundle(archive, 'x'));

  it.each(KUBERNETES_VERSIONS)('are valid, strictly, for Kubernetes %s', (version) => {
    const file = join(dir, `${version}.yaml`);
    const texts = SLOTS.map((slot) =>
      resultValue(
        configMaps(opened, archive, { name: 'payments', slot, namespaces: ['shop', '007'] }),
      ),
    );
    writeFileSync(file, texts.join('---\n'));
    expect(kubernetesFaults(file, version)).toBeUndefined();
    writeFileSync(file, texts.join('---\n').replace('binaryData', 'binarydata'));
    expect(kubernetesFaults(file, version)).toMatch(/binarydata/);
  });
});
