/** A cedargate that dies or hangs under profile `observe`. Envoy is never touched. */
import { afterEach, expect, it } from 'vitest';
import { describeLoad, failures } from '../../support/load.js';
import { describeWithEnvoy } from '../../support/suites.js';
import { startWorld, type World, type WorldOptions } from '../../support/world.js';

const OBSERVE: WorldOptions = { profile: 'observe', mode: 'shadow' };
const UNSTAMPED = '(none)';

let world: World | undefined;
afterEach(async () => {
  await world?.stop();
  world = undefined;
});

async function start(): Promise<World> {
  world = await startWorld(OBSERVE);
  return world;
}

describeWithEnvoy('profile observe', () => {
  it('loses no request when cedargate is killed under load, and stamps again after a restart', async () => {
    const { sidecar, load: startLoad, startSidecar, envoy } = await start();
    const load = startLoad('orders');
    try {
      await load.more(50);
      await sidecar.kill();
      await load.more(100);
      const dead = load.report();
      expect(dead.byVersion.get(UNSTAMPED)).toBeGreaterThan(0);
      await startSidecar();
      const stamped = dead.total - (dead.byVersion.get(UNSTAMPED) ?? 0);
      await load.waitFor(
        'stamps',
        (now) => now.total - (now.byVersion.get(UNSTAMPED) ?? 0) > stamped + 50,
      );
    } finally {
      const report = await load.stop();
      expect(failures(report), describeLoad(report)).toBe(0);
    }
    const allowed = 'cluster.payments.ext_authz.cedargate.failure_mode_allowed';
    expect(await envoy.stat(allowed)).toBeGreaterThan(0);
  });

  it('loses no request when cedargate hangs', async () => {
    const { sidecar, load: startLoad } = await start();
    const load = startLoad('orders');
    try {
      await load.more(20);
      sidecar.signal('SIGSTOP');
      await load.more(50);
      sidecar.signal('SIGCONT');
      await load.more(50);
    } finally {
      sidecar.signal('SIGCONT');
      const report = await load.stop();
      expect(failures(report), describeLoad(report)).toBe(0);
    }
  });
});
