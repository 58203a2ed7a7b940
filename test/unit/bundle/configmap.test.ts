import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { type ConfigMapOptions, configMaps } from '../../../src/bundle/configmap.js';
import { openBundle } from '../../../src/bundle/open.js';
import { CONFIGMAP_BYTES_MAX } from '../../../src/constants.js';
import { archiveOf, manifestOf } from '../../support/built-bundles.js';
import { resultValue } from '../../support/result.js';

const ARCHIVE = archiveOf({ files: { 'index.json': '{}' } });
const OPENED = resultValue(openBundle(ARCHIVE, 'x'));
const OPTIONS: ConfigMapOptions = {
  name: 'payments-bundle',
  slot: 'b',
  namespaces: ['shop', 'edge'],
};

const message = (options: Partial<ConfigMapOptions>, archive: Uint8Array = ARCHIVE) => {
  const result = configMaps(OPENED, archive, { ...OPTIONS, ...options });
  return result.ok ? 'taken' : result.problems.map((p) => `${p.message} [${p.code}]`).join('; ');
};

describe('configMaps', () => {
  it('holds the bundle byte for byte, once in each namespace', () => {
    const documents = parseAllDocuments(resultValue(configMaps(OPENED, ARCHIVE, OPTIONS)));
    expect(documents.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([]);
    expect(documents.map((document) => document.toJS())).toEqual(
      ['shop', 'edge'].map((namespace) => ({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: {
          name: 'payments-bundle-b',
          namespace,
          labels: {
            'app.kubernetes.io/managed-by': 'cedargate',
            'app.kubernetes.io/component': 'policy-bundle',
            'cedargate.dev/slot': 'b',
          },
          annotations: {
            'cedargate.dev/bundle-name': 'test-bundle',
            'cedargate.dev/bundle-version': '1.0.0',
            'cedargate.dev/bundle-digest': OPENED.digest,
          },
        },
        binaryData: { 'test-bundle-1.0.0.tar.gz': ARCHIVE.toString('base64') },
      })),
    );
  });

  it('quotes what YAML would read as a number', () => {
    const numbered = { ...OPENED, manifest: manifestOf({}, { name: '1e3', version: '1.10' }) };
    const options = { ...OPTIONS, name: '12', namespaces: ['007'] };
    const [document] = parseAllDocuments(resultValue(configMaps(numbered, ARCHIVE, options)));
    expect(document?.toJS().metadata).toMatchObject({
      name: '12-b',
      namespace: '007',
      annotations: { 'cedargate.dev/bundle-name': '1e3', 'cedargate.dev/bundle-version': '1.10' },
    });
  });

  it('refuses more than a ConfigMap holds, with numbers', () => {
    const key = 'test-bundle-1.0.0.tar.gz'.length;
    expect(message({}, Buffer.alloc(CONFIGMAP_BYTES_MAX - key))).toBe('taken');
    expect(message({}, Buffer.alloc(CONFIGMAP_BYTES_MAX - key + 1))).toBe(
      `the bundle takes ${CONFIGMAP_BYTES_MAX + 1} bytes, a ConfigMap holds ${CONFIGMAP_BYTES_MAX} [configmap_too_large]`,
    );
  });

  it.each(['Payments', 'a_b', '-a', 'a-', 'a..b', '', 'a"b', 'a\nb', 'x'.repeat(252)])(
    'refuses `%s` as a name',
    (name) => {
      expect(message({ name })).toContain('cannot be the name of a ConfigMap [input_invalid]');
    },
  );

  it.each(['Shop', 'a.b', '-a', 'a-', '', 'x'.repeat(64)])(
    'refuses `%s` as a namespace',
    (name) => {
      expect(message({ namespaces: [name] })).toContain('name of a namespace [input_invalid]');
    },
  );

  it('refuses a namespace that is given twice', () => {
    expect(message({ namespaces: ['a', 'b', 'a'] })).toBe(
      'the namespace `a` is given twice [input_invalid]',
    );
  });
});
