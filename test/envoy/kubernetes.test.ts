/** The Envoy configuration of deploy/kubernetes/payments.yaml, run as the pod would run it. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { type CertificateAuthority, createCa, type Leaf } from '../support/certs.js';
import { type Envoy, rewriteConfig, startEnvoy } from '../support/envoy.js';
import { type ClientTls, request } from '../support/http-client.js';
import { describeWithEnvoy } from '../support/suites.js';
import { startUpstream, type Upstream } from '../support/upstream.js';

const MANIFEST = fileURLToPath(new URL('../../deploy/kubernetes/payments.yaml', import.meta.url));
const MTLS = 8443;
const HEALTH = 8002;

/** The keys of the ConfigMap with Envoy's files. */
function envoyFiles(): Record<string, string> {
  const objects = parseAllDocuments(readFileSync(MANIFEST, 'utf8')).map((d) => d.toJS());
  return objects.find((o) => o.metadata.name === 'payments-envoy').data;
}

describeWithEnvoy('the Envoy of the Kubernetes manifest', () => {
  const dir = mkdtempSync(join(tmpdir(), 'cedargate-pod-'));
  let ca: CertificateAuthority;
  let orders: Leaf;
  let upstream: Upstream;
  let envoy: Envoy;
  let port: (inFile: number) => number;

  beforeAll(async () => {
    // The Secret's three files, where the pod mounts them.
    const secret = join(dir, 'spiffe');
    ca = createCa(join(dir, 'made'));
    const payments = ca.spiffe('payments', 'spiffe://example.org/ns/shop/sa/payments');
    orders = ca.spiffe('orders', 'spiffe://example.org/ns/shop/sa/orders');
    mkdirSync(secret);
    const files = { 'tls.crt': payments.cert, 'tls.key': payments.key, 'ca.crt': ca.cert };
    for (const [name, pem] of Object.entries(files)) writeFileSync(join(secret, name), pem);

    for (const [name, text] of Object.entries(envoyFiles())) {
      writeFileSync(join(dir, name), text.replaceAll('/var/run/spiffe', secret));
    }
    upstream = await startUpstream();
    const rewritten = await rewriteConfig(parse(readFileSync(join(dir, 'envoy.yaml'), 'utf8')), {
      ports: { 8080: upstream.port },
      paths: { '/etc/envoy': dir, '0.0.0.0': '127.0.0.1' },
    });
    port = rewritten.port;
    envoy = await startEnvoy(rewritten.config);
  });

  afterAll(async () => {
    await envoy?.stop();
    await upstream?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it('lets a caller with a certificate through while there is no cedargate', async () => {
    const tls: ClientTls = { ca: ca.cert, leaf: orders };
    const answer = await request({ port: port(MTLS), path: '/payments/card-42', tls });
    expect(answer.status).toBe(200);
    expect(answer.json<{ path: string }>().path).toBe('/payments/card-42');
  });

  it('refuses a caller without a certificate', async () => {
    await expect(request({ port: port(MTLS), tls: { ca: ca.cert } })).rejects.toThrow();
  });

  it.each([
    ['/ready', 200],
    ['/stats/prometheus', 200],
    ['/healthz', 200],
    ['/', 404],
    ['/config_dump', 404],
    ['/ready/../quitquitquit', 404],
    ['/payments/card-42', 404],
  ])('answers %s on the listener for probes with %i', async (path, status) => {
    expect((await request({ port: port(HEALTH), path })).status).toBe(status);
  });
});
