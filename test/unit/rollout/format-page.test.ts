import { describe, expect, it } from 'vitest';
import { bytesDigest } from '../../../src/bundle/digest.js';
import {
  APPROVALS_MAX,
  DOCUMENT_BYTES_MAX,
  SEALED_ROLLOUT_BYTES_MAX,
  SIGNATURES_MAX,
} from '../../../src/constants.js';
import { formatStatement, parseStatement } from '../../../src/rollout/approvals.js';
import { addApproval, sealRollout } from '../../../src/rollout/seal.js';
import { parseTrust } from '../../../src/rollout/trust.js';
import { verifyDocument } from '../../../src/rollout/verify.js';
import { type PrivateKey, parsePrivateKey } from '../../../src/signing/keys.js';
import { readText } from '../../support/repository.js';
import { resultValue } from '../../support/result.js';
import {
  approvalOf,
  makeEmergency,
  makeRollout,
  rolloutPayload,
  sealedRollout,
} from '../../support/rollouts.js';

const page = readText('docs/rollout-format.md');
const example = page.slice(page.indexOf('## An example'));
const block = (language: string, index: number): string =>
  [...example.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))][
    index
  ]?.[1] ?? '';

const [payload = '', approval = '', file = ''] = [0, 1, 2].map((i) => block('json', i).trim());
const digest = block('text', 0).trim();

/** The secret keys of RFC 8032, section 7.1, tests 1 and 2. */
const RFC_KEYS = {
  ada: '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
  bob: '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
} as const;

function rfcKey(person: keyof typeof RFC_KEYS): PrivateKey {
  const der = Buffer.from(`302e020100300506032b657004220420${RFC_KEYS[person]}`, 'hex');
  const pem = `-----BEGIN PRIVATE KEY-----\n${der.toString('base64')}\n-----END PRIVATE KEY-----\n`;
  return resultValue(parsePrivateKey(pem, person));
}

describe('the example of docs/rollout-format.md', () => {
  it('is taken, with the digest that stands beside it', () => {
    const trust = resultValue(parseTrust(Buffer.from(block('yaml', 0)), 'trust.yaml'));
    const by = { trust, environment: 'dev' };
    expect(resultValue(verifyDocument(Buffer.from(file), '0001.json', by))).toMatchObject({
      digest,
      trust: trust.digest,
      impact: 'low',
      approvers: ['bob'],
    });
    expect(bytesDigest(Buffer.from(payload))).toBe(digest);
  });

  it('is what the keys of the RFC give for its payloads', () => {
    const sealed = sealRollout(JSON.parse(payload), rfcKey('ada'));
    const statement = JSON.parse(approval);
    const whole = resultValue(addApproval(sealed, '0001.json', statement, rfcKey('bob')));
    expect(whole.toString()).toBe(file);
  });
});

describe('docs/rollout-format.md', () => {
  const rows = (heading: string): string => {
    const from = page.indexOf(`\n## ${heading}\n`);
    return page.slice(from, page.indexOf('\n## ', from + 1));
  };
  const statement = resultValue(
    parseStatement(formatStatement(approvalOf(makeRollout(), 'bob')), 'approval'),
  );
  const { resolved, ...flat } = rolloutPayload();
  const emergency = JSON.parse(
    Buffer.from(JSON.parse(makeEmergency().toString()).payload, 'base64').toString(),
  );

  it.each<[string, readonly string[]]>([
    ['The sealed rollout', Object.keys(sealedRollout(makeRollout()))],
    [
      'The payload',
      [...Object.keys(flat), ...Object.keys(resolved).map((name) => `resolved.${name}`)],
    ],
    ['The approval', Object.keys(statement)],
    ['The emergency', ['kind', 'payload', 'author', ...Object.keys(emergency)]],
  ])('has exactly the fields of: %s', (heading, fields) => {
    const named = [...rows(heading).matchAll(/^\| `([\w.]+)` \|/gm)].map(([, name]) => name);
    expect(named.sort()).toEqual([...fields].sort());
  });

  it('has the limits', () => {
    const limits = rows('Limits');
    expect(limits).toContain(`| a sealed rollout | ${SEALED_ROLLOUT_BYTES_MAX / 1_048_576} MiB |`);
    expect(limits).toContain(`| a sealed emergency | ${DOCUMENT_BYTES_MAX / 1_048_576} MiB |`);
    expect(limits).toContain(`| signatures of an author | ${SIGNATURES_MAX} |`);
    expect(limits).toContain(`| approvals | ${APPROVALS_MAX} |`);
  });
});
