/** A cedargate that dies under profile `enforcing`. Envoy is never restarted. */
import { afterEach, expect, it } from 'vitest';
import { describeLoad, failures } from '../../support/load.js';
import { describeWithEnvoy } from '../../support/suites.js';
import { startWorld, type World, type WorldOptions } from '../../support/world.js';

const ENFORCING: WorldOptions = { profile: 'enforcing', mode: 'enforce' };

let world: World | undefined;
afterEach(async () => {
  await world?.stop();
  world = undefined;
});

async function start(): Promise<World> {
  world = await startWorld(ENFORCING);
  return world;
}

describeWithEnvoy('profile enforcing', () => {
  it('answers 503 while cedargate is dead, and has a way out that needs no restart', async () => {
    const { sidecar, send, envoy, startSidecar } = await start();
    expect((await send('batch')).status).toBe(403);
    await sidecar.kill();
    const dead = await send('orders');
    expect(dead.status).toBe(503);
    expect(dead.headers).not.toHaveProperty('x-cedargate-policy-version');
    expect(await envoy.waitForAccessLog((line) => line.status === 503)).toMatchObject({
      flags: 'UAEX',
      details: 'ext_authz_error',
      decision_id: null,
    });

    await envoy.admin('/runtime_modify?cedargate.enabled=0', 'POST');
    const open = await send('batch');
    expect(open.status).toBe(200);
    expect(open.headers).not.toHaveProperty('x-cedargate-policy-version');

    await envoy.admin('/runtime_modify?cedargate.enabled=100', 'POST');
    await startSidecar();
    const closed = await send('batch');
    expect(closed.status).toBe(403);
    expect(closed.headers).toHaveProperty('x-cedargate-policy-version');
  });

  it('recovers from kill -9 under load as soon as cedargate is back', async () => {
    const { sidecar, load: startLoad, startSidecar } = await start();
    const during = startLoad('orders');
    try {
      await during.more(50);
      await sidecar.kill();
      const second = await startSidecar();
      await second.waitForLine((line) => line.type === 'decision');
    } finally {
      // Requests that waited for the dead one may have failed: they are let finish, and not counted.
      await during.stop();
    }
    const afterwards = startLoad('orders');
    try {
      await afterwards.more(100);
    } finally {
      const report = await afterwards.stop();
      expect(failures(report), describeLoad(report)).toBe(0);
    }
  });
});
