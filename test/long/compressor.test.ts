/** On its own: what a thread has loaded can be asked only of a thread that has loaded nothing else. */
import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import { packArchive, unpackArchive } from '../../src/bundle/archive.js';
import { tarGzOf } from '../support/tars.js';

const loaded = () =>
  Object.keys(createRequire(import.meta.url).cache).filter((path) => path.includes('fflate'));

it('loads the compressor to write a bundle, and never to read one', () => {
  const archive = tarGzOf([{ name: 'manifest.json', content: '{}' }]);
  expect(unpackArchive(archive, 'x').ok).toBe(true);
  expect(loaded()).toEqual([]);
  packArchive([{ name: 'manifest.json', bytes: Buffer.from('{}') }]);
  expect(loaded()).not.toEqual([]);
});
