/**
 * The time that a bundle is built as of: never the clock, or the same source would give another
 * bundle each time. SOURCE_DATE_EPOCH, else the last commit that touches the source.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { messageOf, problem } from '../errors.js';
import { type Failed, failed, ok, type Result } from '../result.js';

/** Seconds; the year must have four digits. */
const EPOCH = /^\d{1,12}$/;
const EPOCH_SECONDS_MAX = 253_402_300_799;
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

interface Source {
  readonly directory: string;
  /** Of the bundle, relative to the directory. */
  readonly files: readonly string[];
}

/** RFC 3339, UTC, with milliseconds. Problem codes: `created_at_unknown`, `input_invalid`. */
export async function createdAt(
  source: Source,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Result<string>> {
  const epoch = env.SOURCE_DATE_EPOCH ?? '';
  if (epoch === '') return lastCommit(source);
  if (EPOCH.test(epoch) && Number(epoch) <= EPOCH_SECONDS_MAX) return ok(timestamp(epoch));
  const message = `SOURCE_DATE_EPOCH is \`${epoch}\`, not a number of seconds since 1970`;
  return failed(problem('input_invalid', message));
}

async function lastCommit({ directory, files }: Source): Promise<Result<string>> {
  const git = (args: readonly string[]) => runGit(directory, args);
  try {
    const changed = await git(['status', '--porcelain', '--untracked-files=no', '--', '.']);
    if (changed !== '') return refuse('the source has changes that are not committed');
    const tracked = new Set((await git(['ls-files', '-z', '--', '.'])).split('\0'));
    const missing = files.find((file) => !tracked.has(file));
    if (missing !== undefined) return refuse(`\`${missing}\` is not committed`);
    const [seconds = '', parents = ''] = (
      await git(['log', '--no-show-signature', '-1', '--format=%ct%n%P', '--', '.'])
    ).split('\n');
    if (!EPOCH.test(seconds)) return refuse('no commit touches the source');
    // Where history was cut off, the oldest commit seems to touch every file.
    const shallow = (await git(['rev-parse', '--is-shallow-repository'])).trim() === 'true';
    if (shallow && parents === '') {
      const help = 'fetch the whole history (git fetch --unshallow), or set SOURCE_DATE_EPOCH';
      return refuse('the history of the clone is cut off before the last change', help);
    }
    return ok(timestamp(seconds));
  } catch (thrown) {
    return refuse(`Git does not say when the source was last changed: ${gitFault(thrown)}`);
  }
}

function refuse(message: string, help?: string): Failed {
  return failed(problem('created_at_unknown', message, help === undefined ? {} : { help }));
}

async function runGit(directory: string, args: readonly string[]): Promise<string> {
  const fixed = ['--no-optional-locks', '-C', directory, ...args];
  const options = { encoding: 'utf8', maxBuffer: OUTPUT_BYTES_MAX } as const;
  return (await promisify(execFile)('git', fixed, options)).stdout;
}

function gitFault(thrown: unknown): string {
  const { stderr = '' } = thrown as { readonly stderr?: string };
  return stderr.trim().split('\n')[0] || messageOf(thrown);
}

function timestamp(seconds: string): string {
  return new Date(Number(seconds) * 1_000).toISOString();
}
