import { readFile, rm, writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLOCK_AHEAD_MS } from '../../../src/constants.js';
import {
  type LoadedRollouts,
  loadRollouts,
  type RolloutPaths,
} from '../../../src/reload/load-rollouts.js';
import type { RolloutRecord } from '../../../src/reload/state-record.js';
import {
  PLACE_NOW,
  rolloutPlace,
  standing,
  testBundle,
  testDocument,
} from '../../support/rollout-place.js';
import { KEYS, makeEmergency, rolloutTrustText } from '../../support/rollouts.js';
import { signedBy, smallBundle } from '../../support/signed-bundles.js';

const NO_ARCHIVE = Buffer.from('this is no archive');
const refusals = ({ refusals: all }: LoadedRollouts) =>
  all.map(({ file, problems: [{ code }] }) => `${file} ${code}`);
const warnings = (loaded: LoadedRollouts) =>
  loaded.warnings.map(({ file, code }) => `${file} ${code}`);

function record(
  approved: Buffer,
  { running = approved, lastRollout = approved, bundle = 1 } = {},
): RolloutRecord {
  return { approved, lastRollout, running, bundles: [testBundle(bundle).digest] };
}

describe('documents and bundles', () => {
  it('run once both are there', async () => {
    const place = await rolloutPlace();
    expect(standing(await place.load())).toEqual({});
    await place.putDocument('orders.json', testDocument(1, 1));
    expect(standing(await place.load())).toEqual({ orders: '1 1 no_bundle bundle_not_on_shelf' });
    await place.putBundles(1, 2);
    const loaded = await place.load();
    expect(standing(loaded)).toEqual({ orders: '1 1 1' });
    // Only what runs crosses to the serving thread, and only once.
    expect([...loaded.bundles.keys()]).toEqual([testBundle(1).digest]);
    expect([...loaded.archives.values()].map(({ name }) => name)).toEqual(['test-1.tar.gz']);
    expect((await place.load()).bundles.size).toBe(0);
  });

  it('that do not fit each other wait, and the bundle stays in this thread', async () => {
    const place = await rolloutPlace();
    await place.putBundles(1);
    const source = { hold: '[{name: cards, match: {routes: [cards]}}]' };
    await place.putDocument('orders.json', testDocument(1, 1, { source }));
    const loaded = await place.load();
    expect(standing(loaded)).toEqual({ orders: '1 1 no_bundle rollout_misfit' });
    expect([loaded.bundles.size, loaded.archives.size]).toEqual([0, 0]);
  });

  it('end in the same state in whatever order they arrive', async () => {
    const first = testDocument(1, 1);
    const second = testDocument(2, 2, { rollback: 1 });
    const revoke = makeEmergency({
      base: second,
      payload: { relax: [], revoke: [testBundle(2).digest] },
    });
    const documents = { '1.json': first, '2.json': second, '3.json': revoke };
    const arrivals = [...Object.keys(documents), 1, 2] as const;
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray([...arrivals], { minLength: 5 }), async (order) => {
        const place = await rolloutPlace();
        let last = await place.load();
        for (const arrival of order) {
          if (typeof arrival === 'number') await place.putBundles(arrival);
          else await place.putDocument(arrival, documents[arrival as keyof typeof documents]);
          last = await place.load();
        }
        expect(standing(last)).toEqual({ orders: '3 3 1' });
        expect(last.refusals).toEqual([]);
      }),
      { numRuns: 6 },
    );
  });

  it('are looked at by themselves: one bad file and a damaged archive are in nobody’s way', async () => {
    const place = await rolloutPlace();
    await place.putBundles(1);
    await place.putArchive('broken.tar.gz', NO_ARCHIVE);
    await place.putDocument('broken.json', Buffer.from('{'));
    await place.putDocument('orders.json', testDocument(1, 1));
    const loaded = await place.load();
    expect(standing(loaded)).toEqual({ orders: '1 1 1' });
    expect(refusals(loaded)).toEqual(['broken.json json_invalid']);
    expect(warnings(loaded)).toEqual(['broken.tar.gz archive_invalid']);
  });

  it('are warned of when there is no shelf, but not when the state has none', async () => {
    const place = await rolloutPlace();
    await place.putDocument('orders.json', testDocument(1, 1));
    await rm(place.paths.state, { recursive: true });
    expect(warnings(await place.load())).toEqual([]);
    await rm(place.paths.bundles, { recursive: true });
    expect((await place.load()).warnings.map(({ code }) => code)).toEqual(['bundle_missing']);
  });

  it('are not opened when no document names them', async () => {
    const place = await rolloutPlace();
    await place.putArchive('stray.tar.gz', smallBundle('9'));
    await place.putDocument('orders.json', testDocument(1, 1));
    expect(warnings(await place.load())).toEqual([]);
  });

  it('go on when the volume of documents is gone, and it is told', async () => {
    const place = await rolloutPlace();
    await place.putBundles(1);
    await place.putDocument('orders.json', testDocument(1, 1));
    await place.load();
    await rm(place.paths.documents, { recursive: true });
    const loaded = await place.load();
    expect([standing(loaded), refusals(loaded)]).toEqual([
      { orders: '1 1 1' },
      [`${place.paths.documents} rollout_missing`],
    ]);
  });

  it('are those of this environment', async () => {
    const place = await rolloutPlace();
    await place.putDocument('orders.json', testDocument(1, 1));
    const loaded = await place.load({ environment: 'test' });
    expect([standing(loaded), refusals(loaded)]).toEqual([{}, ['orders.json rollout_environment']]);
  });
});

it('a document from the future is taken, and told: exceptions end by its clock', async () => {
  const place = await rolloutPlace();
  await place.putBundles(1);
  const at = (ms: number) => ({ payload: { issuedAt: new Date(PLACE_NOW + ms).toISOString() } });
  await place.putDocument('orders.json', testDocument(1, 1, at(CLOCK_AHEAD_MS)));
  expect(warnings(await place.load())).toEqual([]);
  await place.putDocument('orders.json', testDocument(2, 1, at(CLOCK_AHEAD_MS + 1)));
  const loaded = await place.load();
  expect([standing(loaded), warnings(loaded)]).toEqual([
    ...[{ orders: '2 2 1' }, ['undefined clock_ahead']],
  ]);
  expect(loaded.warnings[0]?.message).toContain('document 2 of `orders` was issued at 2026-11-25T');
});

describe('a bundle whose signature does not count', () => {
  it.each([
    ['nobody’s', [], 'signature_threshold'],
    ['a stranger’s', [KEYS.mallory], 'signature_threshold'],
    ['that of somebody who may not sign bundles', [KEYS.carol], 'signature_threshold'],
  ] as const)('is as good as absent, and says why: %s', async (_, keys, code) => {
    const place = await rolloutPlace();
    await place.putBundles(1);
    await place.putDocument('orders.json', testDocument(1, 1));
    await place.load();
    await place.putArchive('test-2.tar.gz', signedBy(smallBundle('2'), ...keys));
    await place.putDocument('orders.json', testDocument(2, 2));
    const loaded = await place.load();
    expect(standing(loaded)).toEqual({ orders: `2 1 1 ${code}` });
    expect(loaded.bundles.size).toBe(0);
    // The same bundle, signed, beside it.
    await place.putArchive('test-2b.tar.gz', testBundle(2).archive);
    expect(standing(await place.load())).toEqual({ orders: '2 2 2' });
  });
});

describe('the trust file', () => {
  const other = rolloutTrustText({ more: '# another one\n' });
  it.each([
    ['with another digest', other, 'trust_digest'],
    ['that is damaged and has another digest', 'people: [', 'trust_digest'],
  ])('%s is not read, and nothing is judged by it', async (_, text, code) => {
    const place = await rolloutPlace();
    await place.putDocument('orders.json', testDocument(1, 1));
    await writeFile(place.paths.trust, text);
    expect(await loadRollouts(place.request())).toMatchObject({
      ok: false,
      problems: [{ code, file: place.paths.trust }],
    });
  });

  it('that the state keeps takes its place, if it is pinned, and what is wrong is told', async () => {
    const place = await rolloutPlace();
    await place.putBundles(1);
    await place.putDocument('orders.json', testDocument(1, 1));
    const text = await readFile(place.paths.trust);
    const { stateTrust } = place.request();
    expect((await place.load()).trust).toEqual(text);
    await writeFile(stateTrust, text);
    for (const [breakIt, code] of [
      [() => writeFile(place.paths.trust, other), 'trust_digest'],
      [() => rm(place.paths.trust), 'bundle_unreadable'],
    ] as const) {
      place.forget();
      await breakIt();
      const loaded = await place.load();
      expect([standing(loaded), refusals(loaded), loaded.trust]).toEqual([
        ...[{ orders: '1 1 1' }, [`${place.paths.trust} ${code}`], text],
      ]);
    }
    await writeFile(stateTrust, other);
    const unpinned = { ...place.paths, trustDigests: [] };
    for (const paths of [place.paths, unpinned]) {
      expect(await loadRollouts(place.request({ paths }))).toMatchObject({
        problems: [{ code: 'bundle_unreadable', file: place.paths.trust }],
      });
    }
  });

  it('that is gone or damaged refuses everything', async () => {
    const place = await rolloutPlace();
    await writeFile(place.paths.trust, 'people: [');
    const unpinned: RolloutPaths = { ...place.paths, trustDigests: [] };
    expect(await loadRollouts(place.request({ paths: unpinned }))).toMatchObject({
      problems: [{ code: 'trust_invalid' }],
    });
    await rm(place.paths.trust);
    expect(await loadRollouts(place.request())).toMatchObject({ ok: false });
  });

  it('that no longer has the author leaves what runs, and refuses its document', async () => {
    const place = await rolloutPlace();
    await place.putBundles(1);
    await place.putDocument('orders.json', testDocument(1, 1));
    await place.load();
    await writeFile(
      place.paths.trust,
      rolloutTrustText({ author: '{people: [carol], threshold: 1}' }),
    );
    const loaded = await place.load({ paths: { ...place.paths, trustDigests: [] } });
    expect(standing(loaded)).toEqual({ orders: '1 1 1' });
    expect(refusals(loaded)).toEqual(['orders.json signature_threshold']);
  });

  it('says whether expired documents are taken', async () => {
    const late = { nowMs: Date.parse('2027-04-01T00:00:00Z') };
    for (const [more, expected] of [
      ['', { orders: '1 1 1' }],
      ['refuseExpired: true\n', {}],
    ] as const) {
      const place = await rolloutPlace(rolloutTrustText({ more }));
      await place.putBundles(1);
      await place.putDocument('orders.json', testDocument(1, 1));
      expect(standing(await place.load(late))).toEqual(expected);
    }
  });
});

describe('what a former process remembered', () => {
  it('runs from the state’s own shelf when both volumes are empty', async () => {
    const place = await rolloutPlace();
    await place.putArchive('x.tar.gz', testBundle(1).archive, 'state');
    await rm(place.paths.bundles, { recursive: true });
    const remembered = new Map([['orders', record(testDocument(5, 1))]]);
    const loaded = await place.load({ remembered });
    expect(standing(loaded)).toEqual({ orders: '5 5 1' });
    expect([...loaded.archives.keys()]).toEqual([testBundle(1).digest]);
    expect([...loaded.unbelieved]).toEqual([]);
  });

  it('stands against an older volume, and goes on under a newer document without its bundle', async () => {
    const place = await rolloutPlace();
    await place.putArchive('x.tar.gz', testBundle(1).archive, 'state');
    await place.putBundles(2);
    const remembered = new Map([['orders', record(testDocument(5, 1))]]);
    await place.putDocument('orders.json', testDocument(4, 2));
    const older = await place.load({ remembered });
    expect([standing(older), refusals(older)]).toEqual([
      { orders: '5 5 1' },
      ['orders.json rollout_sequence'],
    ]);
    place.forget();
    await place.putDocument('orders.json', testDocument(6, 3));
    expect(standing(await place.load({ remembered }))).toEqual({
      orders: '6 5 1 bundle_not_on_shelf',
    });
  });

  it('goes on with the running document that waits for no other one', async () => {
    const place = await rolloutPlace();
    await place.putArchive('x.tar.gz', testBundle(1).archive, 'state');
    const running = testDocument(5, 1);
    const remembered = new Map([['orders', record(testDocument(6, 2), { running })]]);
    expect(standing(await place.load({ remembered }))).toEqual({
      orders: '6 5 1 bundle_not_on_shelf',
    });
  });

  const mallory = () => testDocument(9, 1, { author: 'mallory' });
  const other = () =>
    testDocument(9, 1, { source: { name: 'cart', destinations: '[{service: shop/cart}]' } });
  it.each<[string, () => RolloutRecord, string]>([
    ['a forged document', () => record(mallory()), 'signature_threshold'],
    [
      'a document that is cut off',
      () => record(testDocument(9, 1).subarray(0, 900)),
      'json_invalid',
    ],
    ['a document of another rollout', () => record(other()), 'state_unreadable'],
    [
      'a last rollout of another rollout',
      () => record(testDocument(9, 1), { lastRollout: other() }),
      'state_unreadable',
    ],
    [
      'a newest document that no longer counts, with a last rollout that does',
      () => record(mallory(), { lastRollout: testDocument(8, 1) }),
      'signature_threshold',
    ],
    [
      'a last rollout that is forged',
      () => record(testDocument(9, 1), { lastRollout: mallory() }),
      'signature_threshold',
    ],
  ])('is ignored with a warning when there is %s in it', async (_, make, code) => {
    const place = await rolloutPlace();
    await place.putBundles(1);
    const remembered = new Map([['orders', make()]]);
    const loaded = await place.load({ remembered });
    expect(standing(loaded)).toEqual({});
    expect(loaded.warnings.map((warning) => warning.code)).toContain(code);
    expect(loaded.warnings[0]?.file).toContain('state of `orders`');
    expect([...loaded.unbelieved]).toEqual(['orders']);
    // It is in no document's way.
    await place.putDocument('orders.json', testDocument(2, 1));
    expect(standing(await place.load({ remembered }))).toEqual({ orders: '2 2 1' });
  });

  it.each([
    ['another rollout', other, 'state_unreadable'],
    ['a stranger', mallory, 'signature_threshold'],
  ])('does not run a document of %s', async (_, make, code) => {
    const place = await rolloutPlace();
    await place.putArchive('x.tar.gz', testBundle(1).archive, 'state');
    const remembered = new Map([['orders', record(testDocument(9, 2), { running: make() })]]);
    const loaded = await place.load({ remembered });
    expect(standing(loaded)).toEqual({ orders: '9 9 no_bundle bundle_not_on_shelf' });
    expect(loaded.warnings.map((warning) => warning.code)).toEqual([code]);
  });

  it('says nothing where it has no documents', async () => {
    const place = await rolloutPlace();
    const empty = { approved: null, lastRollout: null, running: null, bundles: [] };
    const loaded = await place.load({ remembered: new Map([['orders', empty]]) });
    expect([standing(loaded), warnings(loaded)]).toEqual([{}, []]);
  });

  it('of another service is ignored', async () => {
    const place = await rolloutPlace();
    const remembered = new Map([['orders', record(testDocument(9, 1))]]);
    const loaded = await place.load({ remembered, service: 'shop/cart' });
    expect(standing(loaded)).toEqual({});
    expect(loaded.warnings[0]?.code).toBe('rollout_not_ours');
  });

  it('does not count below --min-sequence, is told, and kept for a lower one', async () => {
    const place = await rolloutPlace();
    await place.putBundles(1);
    const remembered = new Map([['orders', record(testDocument(5, 1))]]);
    const loaded = await place.load({ remembered, minSequence: 6 });
    expect(standing(loaded)).toEqual({});
    expect([warnings(loaded), [...loaded.unbelieved]]).toEqual([
      ...[['state of `orders` rollout_sequence'], ['orders']],
    ]);
    expect(standing(await place.load({ remembered, minSequence: 5 }))).toEqual({ orders: '5 5 1' });
  });

  it('is not believed about a bundle either: its signature and digest have to be right', async () => {
    const place = await rolloutPlace();
    const name = `${testBundle(1).digest.slice('sha256:'.length)}.tar.gz`;
    const remembered = new Map([['orders', record(testDocument(5, 1))]]);
    await place.putArchive(name, testBundle(2).archive, 'state');
    expect(standing(await place.load({ remembered }))).toEqual({
      orders: '5 5 no_bundle bundle_not_on_shelf',
    });
    place.forget();
    await place.putArchive(name, signedBy(smallBundle('1'), KEYS.mallory), 'state');
    expect(standing(await place.load({ remembered }))).toEqual({
      orders: '5 5 no_bundle signature_threshold',
    });
  });

  it('gives way to what this process knows', async () => {
    const place = await rolloutPlace();
    await place.putBundles(1);
    await place.putDocument('orders.json', testDocument(5, 1));
    await place.load();
    const remembered = new Map([['orders', record(testDocument(7, 1), { running: mallory() })]]);
    const loaded = await place.load({ remembered });
    expect(loaded.warnings).toEqual([]);
    expect(standing(loaded)).toEqual({ orders: '5 5 1' });
    expect(loaded.unbelieved.size).toBe(0);
  });
});

describe('a gateway', () => {
  it('with two hundred documents loads them well within the limit', async () => {
    const place = await rolloutPlace();
    await place.putBundles(1);
    for (let i = 0; i < 200; i += 1) {
      const source = { name: `r${i}`, destinations: `[{service: shop/s${i}}]` };
      await place.putDocument(`r${i}.json`, testDocument(1, 1, { source }));
    }
    const started = performance.now();
    expect((await place.load()).rollouts.size).toBe(200);
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});
