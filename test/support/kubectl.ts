/**
 * A stand-in for kubectl, the API server and kubelet, as far as `--apply` needs them: ConfigMaps, pods
 * with labels and annotations, port-forward. The program `kubectl` is a real process; it asks the
 * cluster, which lives in the test and writes each pod's volume as kubelet does: when the pod is
 * annotated, or never.
 */
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { temporaryDirectory } from './bundle-files.js';
import { createKubeletVolume, type KubeletVolume } from './kubelet-volume.js';

/** Asks the cluster behind the socket, and prints what it says. `port-forward` then stays. */
const PROGRAM = `#!${process.execPath}
const http = require('node:http');
const argv = process.argv.slice(2);
const req = http.request({ socketPath: process.env.CLUSTER, method: 'POST' }, (res) => {
  let body = '';
  res.on('data', (chunk) => { body += chunk; });
  res.on('end', () => {
    const { stdout, stderr, code, stays } = JSON.parse(body);
    process.stderr.write(stderr);
    process.stdout.write(stdout, () => {
      if (stays) setInterval(() => {}, 1000);
      else process.exitCode = code;
    });
  });
});
req.on('error', () => { process.exitCode = 1; });
req.end(JSON.stringify(argv));
`;

export interface Pod {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly volume: KubeletVolume;
  readonly annotations: Map<string, string>;
  /** /status of its sidecar, made from the file of the rollout as the volume has it now. */
  status: (file: string | undefined) => unknown;
  /** Whether kubelet brings changes into it. */
  isServed: boolean;
}

export interface Answer {
  readonly stdout?: string;
  readonly stderr?: string;
  readonly code?: number;
  readonly stays?: boolean;
}

export interface Cluster {
  /** The program to run, and the environment it wants. */
  readonly kubectl: string;
  readonly env: Record<string, string>;
  readonly configMaps: Map<string, Record<string, string>>;
  readonly pods: Pod[];
  /** Arguments of every call so far. */
  readonly calls: string[][];
  /** Answers in place of the cluster; undefined lets it answer. */
  fault: (args: readonly string[]) => Answer | undefined;
  addPod(
    name: string,
    labels: Record<string, string>,
    configMap: string,
    key: string,
  ): Promise<Pod>;
}

/** Gone when the test has finished. */
export async function createCluster(): Promise<Cluster> {
  const root = await temporaryDirectory();
  const kubectl = join(root, 'kubectl');
  const socket = join(root, 'socket');
  await writeFile(kubectl, PROGRAM);
  await chmod(kubectl, 0o755);
  const inner = new StandIn(root, kubectl, socket);
  await inner.listen();
  onTestFinished(() => inner.close());
  return inner;
}

class StandIn implements Cluster {
  readonly env: Record<string, string>;
  readonly configMaps = new Map<string, Record<string, string>>();
  readonly pods: Pod[] = [];
  readonly calls: string[][] = [];
  fault: Cluster['fault'] = () => undefined;
  readonly #server: Server;
  readonly #mounts = new Map<Pod, { configMap: string; key: string }>();
  readonly #forwards = new Set<Server>();

  constructor(
    readonly root: string,
    readonly kubectl: string,
    readonly socket: string,
  ) {
    this.env = { CLUSTER: socket };
    this.#server = createServer(async (req, res) => {
      let body = '';
      for await (const chunk of req) body += String(chunk);
      const args = JSON.parse(body) as string[];
      this.calls.push(args);
      const answer = this.fault(args) ?? (await this.#answer(args));
      res.end(JSON.stringify({ stdout: '', stderr: '', code: 0, stays: false, ...answer }));
    });
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(this.socket, resolve));
  }

  close(): void {
    this.#server.close();
    for (const forward of this.#forwards) forward.close();
  }

  async addPod(name: string, labels: Record<string, string>, configMap: string, key: string) {
    const volume = createKubeletVolume(join(this.root, name));
    const pod: Pod = {
      name,
      labels,
      volume,
      annotations: new Map(),
      status: () => ({}),
      isServed: true,
    };
    this.pods.push(pod);
    this.#mounts.set(pod, { configMap, key });
    await volume.write(this.configMaps.get(configMap) ?? {});
    return pod;
  }

  async #answer(args: readonly string[]): Promise<Answer> {
    const [verb, kind = '', name = ''] = args;
    if (verb === 'patch' && kind === 'configmap') return this.#patch(name, args);
    if (verb === 'create' && kind === 'configmap') return this.#create(name, args);
    if (verb === 'annotate' && kind === 'pods') return this.#annotate(args);
    if (verb === 'get' && kind === 'pods') return { stdout: this.#list(this.#selected(args), '') };
    if (verb === 'port-forward') return this.#forward(kind.replace('pod/', ''));
    return { code: 1, stderr: `error: unknown command "${verb}" for "kubectl"\n` };
  }

  async #patch(name: string, args: readonly string[]): Promise<Answer> {
    const before = this.configMaps.get(name);
    if (before === undefined) {
      const stderr = `Error from server (NotFound): configmaps "${name}" not found\n`;
      return { code: 1, stderr };
    }
    const file = after(args, '--patch-file');
    const text = file === undefined ? after(args, '-p') : await readFile(file, 'utf8');
    const { data } = JSON.parse(text ?? '') as { data: Record<string, string> };
    this.configMaps.set(name, { ...before, ...data });
    return { stdout: `configmap/${name} patched\n` };
  }

  async #create(name: string, args: readonly string[]): Promise<Answer> {
    const [, key = '', path = ''] =
      /^--from-file=([^=]+)=(.+)$/.exec(args.find((arg) => arg.startsWith('--from-file')) ?? '') ??
      [];
    const data = { [key]: await readFile(path, 'utf8') };
    this.configMaps.set(name, data);
    return { stdout: `configmap/${name} created\n` };
  }

  /** kubelet looks at a pod that has changed, and fetches what its volumes hold. */
  async #annotate(args: readonly string[]): Promise<Answer> {
    const [key = '', value = ''] = (
      args.find((arg) => arg.startsWith('cedargate.dev/')) ?? ''
    ).split('=');
    const pods = this.#selected(args);
    if (pods.length === 0) return { code: 1, stderr: 'error: no objects passed to annotate\n' };
    for (const pod of pods) {
      pod.annotations.set(key, value);
      const { configMap = '' } = this.#mounts.get(pod) ?? {};
      if (pod.isServed) await pod.volume.write(this.configMaps.get(configMap) ?? {});
    }
    return { stdout: this.#list(pods, ' annotated') };
  }

  #selected(args: readonly string[]): Pod[] {
    const [key = '', value] = (after(args, '-l') ?? '').split('=');
    return this.pods.filter(({ labels }) => labels[key] === value);
  }

  #list(pods: readonly Pod[], what: string): string {
    return pods.map(({ name }) => `pod/${name}${what}\n`).join('');
  }

  /** To an HTTP server in the place of the sidecar's admin listener. */
  async #forward(name: string): Promise<Answer> {
    const pod = this.pods.find((each) => each.name === name);
    if (pod === undefined) return { code: 1, stderr: `pods "${name}" not found\n` };
    const admin = createServer(async (_req, res) => {
      const { key = '' } = this.#mounts.get(pod) ?? {};
      const file = await readFile(join(pod.volume.directory, key), 'utf8').catch(() => undefined);
      res.end(JSON.stringify(pod.status(file)));
    });
    const port = await new Promise<number>((resolve) => {
      admin.listen(0, '127.0.0.1', () => resolve((admin.address() as { port: number }).port));
    });
    this.#forwards.add(admin);
    return { stays: true, stdout: `Forwarding from 127.0.0.1:${port} -> 9292\n` };
  }
}

function after(args: readonly string[], flag: string): string | undefined {
  const at = args.indexOf(flag);
  return at === -1 ? undefined : args[at + 1];
}
