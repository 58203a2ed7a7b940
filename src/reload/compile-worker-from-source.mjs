// Starts compile-worker.ts where there is no build: in tests and during development. Not in dist.
import { tsImport } from 'tsx/esm/api';

await tsImport('./compile-worker.ts', import.meta.url);
