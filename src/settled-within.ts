/** How the end of the process waits: bounded, whatever disks and sockets do. */

/** Waits for the work, but not longer than `limitMs`. */
export async function settledWithin(
  limitMs: number,
  work: readonly Promise<unknown>[],
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([Promise.allSettled(work), limit]);
  clearTimeout(timer);
}
