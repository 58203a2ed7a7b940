/** Settings of V8 for a process that serves for months, set before it begins. For serve.ts alone. */
import { setFlagsFromString } from 'node:v8';

/**
 * The heap is collected once it has grown by this share of what lives in it, percent. V8 alone lets
 * it double and more: after 100,000 checks a process was 45 MB larger, all of it garbage. What lives
 * is about 25 MB, so a collection takes a few milliseconds, most of them in other threads.
 */
const HEAP_GROWING_PERCENT = 20;

/**
 * Moving what lives waits for no other thread. What is young is a few megabytes, and the threads
 * that would help are those that a loading thread keeps busy with its own garbage: where two processors
 * were shared, the one that answers stood still for up to 150 ms waiting for them.
 */
const ALONE = [
  '--no-parallel-scavenge',
  '--no-parallel-compaction',
  '--no-parallel-pointer-update',
];

export function setNodeFlags(): void {
  for (const flag of ALONE) setFlagsFromString(flag);
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`);
}
