/**
 * Makes a task run one at a time: whatever is asked while it runs leads to exactly one more run,
 * which begins after the asking and so sees everything that led to it.
 */
export function oneAtATime<A, T>(run: (argument: A) => Promise<T>): (argument: A) => Promise<T> {
  let running: Promise<T> | undefined;
  let queued: Promise<T> | undefined;

  const begin = (argument: A): Promise<T> => {
    const mine = run(argument).finally(() => {
      if (running === mine) running = undefined;
    });
    running = mine;
    return mine;
  };

  return (argument) => {
    if (queued !== undefined) return queued;
    if (running === undefined) return begin(argument);
    const follow = () => {
      queued = undefined;
      return begin(argument);
    };
    queued = running.then(follow, follow);
    return queued;
  };
}
