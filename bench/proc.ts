/** What Linux says about a process: the time it used, the memory it holds. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

let ticksPerSecond: number | undefined;

/** User and system time of all its threads since its start, seconds; steps of 0.01 s. */
export function cpuSecondsOf(pid: number): number {
  ticksPerSecond ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name of the program may hold spaces and brackets; the fields after it begin with the third.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [userTicks, systemTicks] = [Number(fields[11]), Number(fields[12])];
  return (userTicks + systemTicks) / ticksPerSecond;
}

/** Resident memory, bytes. */
export function residentBytesOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(status) ?? [];
  if (kibibytes === undefined) throw new Error(`process ${pid} has no VmRSS`);
  return Number(kibibytes) * 1_024;
}

/** Resident bytes by what they are mapped for. */
export interface MemoryParts {
  /** Node itself and libraries: files, of which processes share one copy. */
  readonly files: number;
  /** What V8 compiled, JavaScript and WebAssembly. */
  readonly code: number;
  /** The heap of malloc. */
  readonly malloc: number;
  /** JavaScript heap, memory and bytes of WebAssembly, buffers, stacks. */
  readonly anonymous: number;
}

export function memoryPartsOf(pid: number): MemoryParts {
  const parts = { files: 0, code: 0, malloc: 0, anonymous: 0 };
  let part: keyof MemoryParts = 'anonymous';
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'utf8').split('\n')) {
    const mapping = /^[0-9a-f]+-[0-9a-f]+ (\S+) \S+ \S+ \S+\s*(.*)$/.exec(line);
    if (mapping !== null) part = partOf(mapping[1] as string, mapping[2] as string);
    const [, kibibytes] = /^Rss:\s+(\d+) kB$/.exec(line) ?? [];
    if (kibibytes !== undefined) parts[part] += Number(kibibytes) * 1_024;
  }
  return parts;
}

function partOf(permissions: string, name: string): keyof MemoryParts {
  if (name.startsWith('/')) return 'files';
  if (permissions.includes('x')) return 'code';
  return name === '[heap]' ? 'malloc' : 'anonymous';
}
