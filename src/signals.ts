/** The signals that a running sidecar understands. Only serve.ts installs them. */

export interface SignalHandlers {
  /** SIGHUP: read policies and certificates again. */
  readonly onReload: () => void;
  /** The second SIGTERM or SIGINT: do not wait any longer. */
  readonly onImpatience: () => void;
}

/** Resolves with the first SIGTERM or SIGINT. */
export function untilStopSignal(handlers: SignalHandlers): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let stopping = false;
    const stop = (signal: NodeJS.Signals) => {
      if (stopping) handlers.onImpatience();
      stopping = true;
      resolve(signal);
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
    process.on('SIGHUP', handlers.onReload);
  });
}
