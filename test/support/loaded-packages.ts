/** Which packages a program has loaded. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a starting sidecar imports, beside cedar-wasm, which is loaded by hand. */
export const SERVING_PACKAGES = ['@grpc/grpc-js', 'chokidar', 'commander', 'pino', 'yaml'] as const;

/**
 * Of a program that was started with NODE_V8_COVERAGE=`directory` and has ended: Node writes there every
 * script that any of its threads has run.
 */
export async function loadedPackages(directory: string): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const name of await readdir(directory)) {
    const { result } = JSON.parse(await readFile(join(directory, name), 'utf8'));
    for (const { url } of result as readonly { readonly url: string }[]) {
      const [, inside] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url) ?? [];
      if (inside !== undefined) found.add(inside);
    }
  }
  return found;
}
