/** The policy volume is swapped as kubelet does it, under load through a real Envoy. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createKubeletVolume, type KubeletVolume } from '../support/kubelet-volume.js';
import { describeLoad, failures } from '../support/load.js';
import { describeWithEnvoy } from '../support/suites.js';
import { startWorld, type World } from '../support/world.js';

describeWithEnvoy('a swap of the policy volume under load', () => {
  let world: World;
  let volume: KubeletVolume;
  let files: Record<string, string>;
  beforeAll(async () => {
    world = await startWorld({
      profile: 'enforcing',
      mode: 'enforce',
      placeBundle: async (original, dir) => {
        files = original;
        volume = createKubeletVolume(dir);
        await volume.write(files);
      },
    });
  });
  afterAll(() => world?.stop());

  it('brings the new version, to every request sent after the first answer with it, and fails none', async () => {
    const swapping = world.load('orders');
    try {
      await swapping.more(50);
      await volume.write({ ...files, 'bundle.yaml': version('1.0.1') });
      await swapping.waitFor('the new version', ({ versions }) => versions.length === 2);
    } finally {
      const report = await swapping.stop();
      expect(failures(report), describeLoad(report)).toBe(0);
      expect(report.versions).toEqual([
        expect.stringMatching(/^1\.0\.0\+/),
        expect.stringMatching(/^1\.0\.1\+/),
      ]);
    }
    const afterwards = world.load('orders');
    try {
      await afterwards.more(100);
    } finally {
      const report = await afterwards.stop();
      expect(report.versions).toEqual([expect.stringMatching(/^1\.0\.1\+/)]);
    }
  });

  it('that is refused leaves the old version, with file, line and reason', async () => {
    const load = world.load('orders');
    try {
      await load.more(20);
      const { versions: running } = load.report();
      await volume.write({
        ...files,
        'bundle.yaml': version('1.0.2'),
        'policies.cedar': 'permit (\n',
      });
      const refused = await world.sidecar.waitForLine(
        (line) => line.type === 'change' && line.result === 'refused',
      );
      expect(refused).toMatchObject({ file: 'policies.cedar', line: expect.any(Number) });
      await load.more(50);
      expect(load.report().versions).toEqual(running);
    } finally {
      const report = await load.stop();
      expect(failures(report), describeLoad(report)).toBe(0);
    }
  });

  const version = (next: string) => (files['bundle.yaml'] ?? '').replace('1.0.0', next);
});
