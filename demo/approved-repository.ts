/** The policy repository of the third act: people, rules of change, and the bundle of the second. */
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { keyEntry, trustText } from '../test/support/trust.js';
import { BUNDLE, type Bundles, PEOPLE } from './bundles.js';

/** Cleo writes; Dan and Eve approve, and may declare an emergency. Each has a key of that name. */
export const AUTHOR = 'cleo';
export const APPROVERS = ['dan', 'eve'] as const;
const EVERYBODY = [AUTHOR, ...APPROVERS, ...Object.values(PEOPLE)];

/** A real one waits for a day between environments; a demo for a second. */
const RULES = `thresholds: {low: 1, high: 2}
destinations: [{match: shop/payments, impact: high}]
environments:
  - {name: dev}
  - {name: test, after: dev, soak: 1s}
  - {name: production, after: test, soak: 1s}
limits: {maxException: 14d, maxBlock: 4h, reconcileWithin: 24h, ticketPattern: "(CHG|INC)-[0-9]+"}
`;

export class ApprovedRepository {
  /** trust.yaml's, which sidecars are started with. */
  trustDigest = '';

  constructor(readonly dir: string) {}

  at(...names: readonly string[]): string {
    return join(this.dir, ...names);
  }

  /** What `keygen` makes keys for; ada and bob of the second act have theirs. */
  static readonly newPeople: readonly string[] = [AUTHOR, ...APPROVERS];

  make(bundles: Bundles): void {
    mkdirSync(this.at('bundles'), { recursive: true });
    copyFileSync(bundles.at(BUNDLE), this.at('bundles', BUNDLE));
    for (const id of Object.values(PEOPLE))
      copyFileSync(bundles.at(`${id}.pub`), this.at(`${id}.pub`));
  }

  writeTrust(): void {
    const role = (name: string, people: readonly string[], threshold: number) =>
      `  ${name}: {people: [${people.join(', ')}], threshold: ${threshold}}\n`;
    const text = trustText({
      people: EVERYBODY.map(
        (id) => `  ${id}: {name: ${id}, email: ${id}@example.org, keys: [${id}]}\n`,
      ).join(''),
      keys: EVERYBODY.map((id) => {
        return keyEntry({ id, publicPem: readFileSync(this.at(`${id}.pub`), 'utf8') });
      }).join(''),
      roles: [
        role('bundleSigner', Object.values(PEOPLE), 2),
        role('author', [AUTHOR], 1),
        // Cleo may approve what others write; that she never approves her own is a rule of its own.
        role('approver', [...APPROVERS, AUTHOR], 1),
        role('emergency', APPROVERS, 1),
      ].join(''),
      more: RULES,
    });
    writeFileSync(this.at('trust.yaml'), text);
    this.trustDigest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
  }

  document(environment: string, sequence: number): string {
    return join('history', environment, 'payments', `${String(sequence).padStart(4, '0')}.json`);
  }

  read(file: string): Buffer {
    return readFileSync(this.at(file));
  }

  /** What people edit. */
  source(environment: string): string {
    return join('rollouts', environment, 'payments.yaml');
  }

  /** Digest of the bundle that a document makes active, as it is sealed. */
  activeDigest(file: string): string {
    const { payload } = JSON.parse(this.read(file).toString('utf8')) as { payload: string };
    const sealed = JSON.parse(Buffer.from(payload, 'base64').toString('utf8'));
    return sealed.resolved.active.digest;
  }
}
