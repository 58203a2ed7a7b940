/**
 * Where the files of this package lie that are no code. `src/` and `dist/` stand beside each other in
 * its root, and the build puts every module directly into `dist/`: so this is asked here alone.
 */

/** `path` from the root of the package. */
export function packageFile(path: string): URL {
  return new URL(`../${path}`, import.meta.url);
}

/** `path` from `src/`; the build copies such files to the same place in `dist/`. */
export function sourceFile(path: string): URL {
  return new URL(path, import.meta.url);
}
