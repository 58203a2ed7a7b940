import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { registerExplain } from '../../../src/commands/explain.js';
import { memoryIo } from '../../support/io.js';
import { decisionLine } from '../../support/log-lines.js';

const POLICIES = fileURLToPath(new URL('../../../policies', import.meta.url));
const ORDERS = 'spiffe://example.org/ns/shop/sa/orders';

async function explain(args: readonly string[], stdin = '') {
  const io = memoryIo({ stdin });
  const program = new Command('cedargate').exitOverride();
  registerExplain(program, io);
  await program.parseAsync(['explain', '--bundle', POLICIES, ...args], { from: 'user' });
  // `policies/observe` may be told as ignored; that is said elsewhere.
  return { ...io.written, exitCode: io.exitCode };
}

const REFUND = ['--caller', ORDERS, '--method', 'POST', '--path', '/payments/card-1/refunds'];

describe('explain', () => {
  it('says who decided, where the policy stands, and who owns it', async () => {
    const { stdout, exitCode } = await explain([...REFUND, '--header', 'x-ticket=INC-42']);
    expect(stdout).toMatch(/^allow, policy_permit: /);
    expect(stdout).toMatch(/Decided by:\n {2}orders-refunds \(permit, orders\.cedar:\d+\)\n/);
    expect(stdout).toContain('owner team-payments');
    expect(exitCode).toBe(0);
  });

  it('says of the closest policy first which condition did not hold, and ends with 0', async () => {
    const { stdout, exitCode } = await explain([...REFUND, '--header', 'x-ticket=FOO']);
    expect(stdout).toMatch(/^deny, no_permit: /);
    expect(stdout).toMatch(
      /Do not apply:\n {2}orders-refunds .*\n {4}does not hold: context\.headers\["x-ticket"\] like "INC-\*"\n/,
    );
    expect(stdout).toContain('principal does not match: principal is Anonymous');
    expect(exitCode).toBe(0);
  });

  it('reads claims, environment, address and time', async () => {
    const partner = 'spiffe://partner.example/ns/edge/sa/gateway';
    const args = [
      '--caller',
      partner,
      '--method',
      'GET',
      '--path',
      '/payments/card-1',
      '--claim',
      'tenant=acme',
    ];
    expect((await explain([...args, '--environment', 'production'])).stdout).toMatch(/^allow/);
    expect((await explain(args)).stdout).toMatch(/^deny/);
    const console_ = [
      '--caller',
      'spiffe://example.org/ns/ops/sa/console',
      '--method',
      'GET',
      '--path',
      '/admin',
    ];
    expect((await explain([...console_, '--source-address', '10.0.0.1'])).stdout).toMatch(/^allow/);
    expect((await explain([...console_, '--source-address', '192.0.2.1'])).stdout).toMatch(/^deny/);
    const timed = await explain([...REFUND, '--time', '2026-03-01T00:00:00Z', '--json']);
    expect(JSON.parse(timed.stdout).input.context.time.__extn.arg).toBe('2026-03-01T00:00:00.000Z');
  });

  it('prints JSON', async () => {
    const { stdout } = await explain([...REFUND, '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      decision: 'deny',
      reason: 'no_permit',
      bundle: { name: 'shop-payments' },
      warnings: [],
    });
  });

  const LINE = decisionLine({
    environment: 'production',
    decision: 'allow',
    reason: 'policy_permit',
    policies: ['partner-reads-own'],
    input: {
      principal: { type: 'Workload', id: 'spiffe://partner.example/ns/edge/sa/gateway' },
      action: 'GET',
      resource: { type: 'Route', id: 'shop/payments/payment' },
      context: { path: '/payments/card-1', claims: { tenant: '[masked]' } },
    },
  });

  it('takes a line from stdin, in its own environment, and warns of what was masked', async () => {
    const { stdout, stderr, exitCode } = await explain(['--line', '-'], LINE);
    expect(stderr).toContain(
      'masked in the log, so conditions that read them may come out differently: `claims.tenant`',
    );
    expect(stderr).toContain('the log says allow');
    expect(stdout).toContain('does not hold: context.claims.tenant == principal.tenant');
    expect(exitCode).toBe(0);
  });

  it('shows of a line nothing that moves the cursor', async () => {
    const hostile = { policy_version: '\u001b[2J', errors: [{ code: 'x', message: '\u202e' }] };
    const { stdout, stderr } = await explain(['--line', '-'], decisionLine(hostile));
    expect(stderr).toContain('decided by \\u{1b}[2J');
    expect(stdout).toContain('  \\u{202e} [x]');
  });

  it.each([
    ['nothing is asked', [], '`--caller` is missing'],
    ['line and flags are mixed', ['--line', '-', '--caller', ORDERS], '`--line` stands alone'],
    ['the line is none', ['--line', '-'], 'expected one line'],
    ['the file is not there', ['--line', '/nonexistent/line'], 'cannot be read'],
  ])('ends with 2 when %s', async (_name, args, message) => {
    const { stdout, stderr, exitCode } = await explain(args);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
    expect(stderr).toContain(message);
  });
});
