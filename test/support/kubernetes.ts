/** The official schemas of Kubernetes, through the Python package kubernetes-validate. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './repository.js';

const PYTHON_TOOLS = join(ROOT, '.cache/python');
/** The oldest Kubernetes that the manifests promise, and the newest that the tool knows. */
export const KUBERNETES_VERSIONS = ['1.30', '1.37'];

/** What kubernetes-validate says of a manifest; undefined when it is valid. */
export function kubernetesFaults(file: string, version: string): string | undefined {
  if (!existsSync(join(PYTHON_TOOLS, 'kubernetes_validate'))) {
    throw new Error('kubernetes-validate is not under .cache/python: run `make test`');
  }
  try {
    execFileSync(
      process.env.PYTHON ?? 'python3',
      ['-m', 'kubernetes_validate', '--strict', '--kubernetes-version', version, file],
      { env: { ...process.env, PYTHONPATH: PYTHON_TOOLS }, stdio: 'pipe' },
    );
    return undefined;
  } catch (thrown) {
    const { message, stdout, stderr } = thrown as Error & { stdout?: Buffer; stderr?: Buffer };
    return `${message}\n${stdout ?? ''}${stderr ?? ''}`;
  }
}
