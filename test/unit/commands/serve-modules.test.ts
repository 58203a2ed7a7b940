/**
 * What a starting sidecar has to load: each start pays for it, and nobody sees when something is added.
 * Here by what files import; that nothing else comes at run time, a process test sees to.
 */
import { build, type Metafile } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { SERVING_PACKAGES } from '../../support/loaded-packages.js';
import { ROOT } from '../../support/repository.js';

/** Everything below these files that is imported when they are, packages by name. */
async function loadedBy(...files: readonly string[]): Promise<ReadonlySet<string>> {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [...files],
    ...{ bundle: true, write: false, metafile: true, outdir: 'dist', logLevel: 'silent' },
    ...{ packages: 'external', format: 'esm', platform: 'node' },
  });
  const found = new Set<string>(files);
  for (const file of found) {
    for (const { path, kind } of (metafile as Metafile).inputs[file]?.imports ?? []) {
      if (kind === 'import-statement') found.add(path);
    }
  }
  return found;
}

const packagesIn = (loaded: ReadonlySet<string>) =>
  [...loaded].filter((path) => !path.startsWith('src/') && !path.startsWith('node:')).sort();

describe('a starting sidecar', () => {
  it('loads no package but these', async () => {
    const loaded = await loadedBy('src/cli.ts', 'src/serve.ts', 'src/reload/load-task.ts');
    // cedar-wasm, which is loaded by hand, beside.
    expect(packagesIn(loaded)).toEqual(SERVING_PACKAGES);
  });

  it('loads no other command, and nothing that only commands use', async () => {
    const loaded = await loadedBy('src/cli.ts', 'src/serve.ts', 'src/reload/load-task.ts');
    const commands = [...loaded].filter((path) => path.startsWith('src/commands/'));
    expect(commands.sort()).toEqual(
      ['config-flags', 'exit-codes', 'output', 'program', 'serve'].map(
        (name) => `src/commands/${name}.ts`,
      ),
    );
    const rooms = new Set([...loaded].map((path) => path.split('/')[1]));
    for (const room of ['analysis', 'apply', 'audit', 'init', 'repository']) {
      expect(rooms).not.toContain(room);
    }
  });

  it('would be seen to load more', async () => {
    const loaded = await loadedBy('src/commands/all-commands.ts', 'src/analysis/bundle-test.ts');
    expect(loaded).toContain('src/commands/explain.ts');
    expect(packagesIn(loaded)).toContain('@grpc/proto-loader');
  });
});
