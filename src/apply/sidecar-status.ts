/**
 * /status of one sidecar: by its URL, or by a port-forward of kubectl, which reaches the loopback
 * address that the admin listener has in a pod. Neither a shell nor curl is needed in the image.
 */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { systemErrorText } from '../bundle/system-error.js';
import {
  APPLY_STATUS_BYTES_MAX,
  APPLY_STATUS_MS_MAX,
  APPLY_WORDS_CHARS_MAX,
  KUBECTL_STDERR_CHARS_MAX,
} from '../constants.js';
import { messageOf } from '../errors.js';
import type { Kubectl } from './kubectl.js';
import { plainText } from './plain-text.js';

/** For a kubectl that was told to end, milliseconds. */
const KUBECTL_END_MS = 1_000;
const FORWARDING = /^Forwarding from 127\.0\.0\.1:(\d{1,5}) ->/;

/** The parsed JSON, of any shape, or why there is none, in words for a line of the timeline. */
export type Asked = { readonly status: unknown } | { readonly why: string };

export async function statusOfUrl(url: string): Promise<Asked> {
  const refuse = (why: string) => ({ why: plainText(why, APPLY_WORDS_CHARS_MAX) });
  try {
    const signal = AbortSignal.timeout(APPLY_STATUS_MS_MAX);
    const response = await fetch(url, { signal, redirect: 'error' });
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of response.body ?? []) {
      bytes += (chunk as Uint8Array).length;
      if (bytes > APPLY_STATUS_BYTES_MAX) return refuse('/status is larger than it may be');
      chunks.push(chunk as Uint8Array);
    }
    if (!response.ok) return refuse(`/status was answered with ${response.status}`);
    return { status: JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown };
  } catch (thrown) {
    const { cause } = thrown as { cause?: unknown };
    return refuse(cause instanceof Error ? systemErrorText(cause) : messageOf(thrown));
  }
}

/** Of the admin listener, where a manifest leaves it. */
const ADMIN_PORT = 9292;

export async function statusOfPod(kubectl: Kubectl, pod: string): Promise<Asked> {
  const args = ['port-forward', `pod/${pod}`, `:${ADMIN_PORT}`, '--address', '127.0.0.1'];
  const child = kubectl.start(args);
  try {
    const port = await forwardedPort(child);
    return typeof port === 'number' ? await statusOfUrl(`http://127.0.0.1:${port}/status`) : port;
  } finally {
    end(child);
  }
}

/** SIGTERM first: `kubectl` may be a wrapper that has to end the real one. */
function end(child: ChildProcess): void {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), KUBECTL_END_MS);
  child.once('close', () => clearTimeout(timer));
}

function forwardedPort(child: ChildProcess): Promise<number | { readonly why: string }> {
  return new Promise((resolve) => {
    let stderr = '';
    const refuse = (why: string) => {
      clearTimeout(timer);
      resolve({ why: `no port-forward: ${why}` });
    };
    const timer = setTimeout(() => refuse('it takes too long'), APPLY_STATUS_MS_MAX);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr = `${stderr}${text}`.slice(0, KUBECTL_STDERR_CHARS_MAX);
    });
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      const [, port] = FORWARDING.exec(line) ?? [];
      if (port === undefined) return;
      clearTimeout(timer);
      resolve(Number(port));
    });
    child.once('error', (thrown) => refuse(systemErrorText(thrown)));
    child.once('close', (code, signal) => {
      const words = plainText(stderr, APPLY_WORDS_CHARS_MAX);
      refuse(words === '' ? `kubectl ended with ${code ?? signal}` : words);
    });
  });
}
