import { describe, expect, it } from 'vitest';
import { parseTrust } from '../../../src/rollout/trust.js';
import { trustSchema } from '../../../src/rollout/trust-schema.js';
import { readText } from '../../support/repository.js';
import { resultValue } from '../../support/result.js';

const page = readText('docs/signing.md');
const example = /^```yaml\n([\s\S]*?)^```$/m.exec(page)?.[1] ?? '';

describe('docs/signing.md', () => {
  it('has a trust file that is taken', () => {
    const trust = resultValue(parseTrust(Buffer.from(example), 'trust.yaml'));
    expect(trust.bundleSigners.threshold).toBe(2);
  });

  it('shows and explains every field', () => {
    const fields = Object.keys(trustSchema.fields);
    expect(fields.filter((field) => !new RegExp(`^${field}:`, 'm').test(example))).toEqual([]);
    expect(fields.filter((field) => !page.includes(`| \`${field}`))).toEqual([]);
  });
});
