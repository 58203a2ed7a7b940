/**
 * The composition root: configuration -> telemetry -> reload -> server, and the way back at the end.
 * It wires rooms together; what a check or a reload is, it leaves to them.
 */
import { engineVersion } from './cedar/engine.js';
import { activeBundles, candidateBundles, stampsOf } from './check/regime.js';
import type { ActiveBundle, Generation } from './check/types.js';
import { createCheckHandler, createSeenClock, type SeenClock } from './check-handler.js';
import type { Config } from './config/config.js';
import { LOG_CLOSE_MS_MAX } from './constants.js';
import { createDecisionLog, type DecisionLog } from './decision-log/log.js';
import { stdoutSink } from './decision-log/sink.js';
import { setNodeFlags } from './node-flags.js';
import { createControl } from './reload/control.js';
import type { CandidateEvent, ChangeEvent } from './reload/events.js';
import type { Reloader } from './reload/reloader.js';
import { type GrpcServer, startGrpcServer } from './server/grpc.js';
import { type HttpServer, startHttpServer } from './server/http.js';
import { createLoadGauge, type LoadGauge } from './server/load-gauge.js';
import { type Phase, readinessOf } from './server/readiness.js';
import { adminRoutes, probeRoutes, type Readiness } from './server/routes.js';
import { untilStopSignal } from './signals.js';
import { sometimes } from './sometimes.js';
import { createExceptionUses, type ExceptionUses } from './telemetry/exception-uses.js';
import { causeFields, createProgramLog, type ProgramLog, problemFields } from './telemetry/log.js';
import { type BundleFacts, createMetrics, type Metrics } from './telemetry/metrics.js';
import type { Moment } from './telemetry/moment.js';
import { statusDocument } from './telemetry/status.js';
import { packageVersion } from './version.js';

/** What all parts of a running sidecar share. */
interface Sidecar {
  readonly config: Config;
  readonly programLog: ProgramLog;
  readonly metrics: Metrics;
  readonly decisionLog: DecisionLog;
  readonly reloader: Reloader;
  readonly uses: ExceptionUses;
  readonly clock: SeenClock;
  readonly gauge: LoadGauge;
  phase: Phase;
}

/**
 * Runs until SIGTERM or SIGINT and resolves with the exit code. Throws CedargateError when a
 * listener cannot be opened; then everything that was opened is closed again.
 */
export async function serve(config: Config): Promise<number> {
  setNodeFlags();
  const sidecar = assemble(config);
  const { programLog, reloader, decisionLog } = sidecar;
  outliveFaults(programLog);
  const http: HttpServer[] = [];
  let grpc: GrpcServer | undefined;
  // From here on: loading takes seconds, and without a handler SIGHUP would end the process while,
  // as the first process of a container, SIGTERM would not.
  const stopped = untilStopSignal({
    onReload: () => void reread(sidecar, grpc),
    onImpatience: () => grpc?.close(),
  });
  try {
    await openHttp(sidecar, http);
    // The policies first: a successor that takes over a socket must be able to decide at once.
    const signal = await Promise.race([stopped, reloader.start()]);
    if (signal === undefined) {
      grpc = await openGrpc(sidecar);
      await serveUntil(stopped, sidecar, grpc, http);
    } else {
      programLog.info('stopping before the start was complete', { signal });
    }
  } finally {
    await reloader.close();
    await Promise.all(http.map((server) => server.close()));
    // Last, so that it holds what the last check said.
    await decisionLog.close(LOG_CLOSE_MS_MAX);
  }
  programLog.info('stopped', { ...decisionLog.counts() });
  return 0;
}

function assemble(config: Config): Sidecar {
  const { workload, environment, cluster, mode, source } = config;
  const programLog = createProgramLog();
  const { sdk, language } = engineVersion();
  const version = packageVersion();
  const metrics = createMetrics({ version, cedarSdk: sdk, cedarLanguage: language });
  const decisionLog = createDecisionLog({
    sink: stdoutSink(),
    origin: { workload, environment, cluster },
    mask: {
      headers: new Set(config.log.headers),
      claims: new Set(config.log.claims),
      query: new Set(config.log.query),
      claimNames: config.claims,
    },
    sampleAllows: config.log.sampleAllows,
    limits: config.log,
    programLog,
    now: Date.now,
    onNewClass: metrics.newClass,
  });
  metrics.logEvents(decisionLog.counts);
  const lookups = { hit: 0, miss: 0, bypass: 0 };
  metrics.cacheRequests(() => lookups);
  const clock = createSeenClock(Date.now);
  const gauge = createLoadGauge();
  const reloader: Reloader = createControl({
    source,
    mode,
    environment,
    // Where requests name their destination, documents of any are taken.
    service: config.destinationFrom === 'service' ? config.service : undefined,
    minSequence: config.minSequence,
    beforeFirst: config.beforeFirstRollout,
    now: () => clock().nowMs,
    lookups,
    once: gauge.aside,
    onChange: (event) => tell(event, reloader, { programLog, decisionLog }),
    onCandidate: (event) => tellCandidate(event, programLog),
    onTrouble: (message) => programLog.warn(message),
    onCount: metrics.reload,
  });
  metrics.bundles(() => loadedBundles(reloader.current));
  const uses = createExceptionUses();
  metrics.rollouts(() => ({ standings: reloader.rollouts, ...momentOf({ clock, uses }) }));
  const shared = { config, programLog, metrics, decisionLog, reloader, uses, clock, gauge };
  return { ...shared, phase: 'starting' };
}

function loadedBundles(generation: Generation): readonly BundleFacts[] {
  const facts = (role: BundleFacts['role']) => (loaded: ActiveBundle) => {
    const { manifest, digest } = loaded.bundle;
    return { version: manifest.version, digest, role };
  };
  return [
    ...activeBundles(generation).map(facts('active')),
    ...candidateBundles(generation).map(facts('candidate')),
  ];
}

/** Says whether a candidate is compared. */
function tellCandidate(
  { rollout, sequence, bundle, problem }: CandidateEvent,
  programLog: ProgramLog,
): void {
  const known = { rollout, sequence, candidate: bundle.version, digest: bundle.digest };
  if (problem === undefined) programLog.info('the candidate is compared from now on', known);
  else {
    const message = `the candidate is not compared: ${problem.message}`;
    programLog.warn(message, { ...problemFields(problem), ...known });
  }
}

/** Says everywhere what was taken or refused: program log, change log and metrics tell one story. */
function tell(
  event: ChangeEvent,
  reloader: Reloader,
  { programLog, decisionLog }: Pick<Sidecar, 'programLog' | 'decisionLog'>,
): void {
  for (const warning of event.warnings) programLog.warn(warning.message, problemFields(warning));
  const from = event.from ?? undefined;
  const digest = event.digest ?? undefined;
  const [first] = event.problems;
  const document = event.document ?? undefined;
  const { sequence, ticket } = document ?? {};
  if (event.result === 'taken') {
    const active = activeBundles(reloader.current);
    const signed_by = active.find(({ bundle }) => bundle.digest === digest)?.bundle.signedBy;
    const took_ms = event.durationMs;
    programLog.info('policies taken', { from, to: event.to, took_ms, sequence, ticket, signed_by });
    decisionLog.change({ result: 'taken', from, to: event.to ?? 'none', digest, document });
  } else if (first !== undefined) {
    for (const each of event.problems) {
      programLog.error(`policies refused: ${each.message}`, { ...problemFields(each), sequence });
    }
    decisionLog.change({ result: 'refused', from, digest, problem: first, document });
  }
}

async function openHttp(sidecar: Sidecar, opened: HttpServer[]): Promise<void> {
  const { config, metrics, programLog } = sidecar;
  const sources = {
    readiness: () => readiness(sidecar),
    metrics: () => metrics.render(),
    status: () => statusOf(sidecar),
  };
  const onFault = faultLogger(programLog);
  opened.push(
    await startHttpServer({ address: config.admin, routes: adminRoutes(sources), onFault }),
  );
  if (config.probes === undefined) return;
  opened.push(
    await startHttpServer({ address: config.probes, routes: probeRoutes(sources), onFault }),
  );
}

function openGrpc(sidecar: Sidecar): Promise<GrpcServer> {
  const { config, metrics, programLog } = sidecar;
  const { tlsCert, tlsKey, tlsClientCa } = config;
  const warnAborted = sometimes(Date.now, () => {
    programLog.warn('calls ended before they became checks', { metric: 'aborted_calls_total' });
  });
  return startGrpcServer({
    listen: config.listen,
    tls:
      tlsCert === undefined || tlsKey === undefined
        ? undefined
        : { certFile: tlsCert, keyFile: tlsKey, clientCaFile: tlsClientCa },
    handle: createCheckHandler({ ...sidecar, settings: config }),
    onInflight: (change) => (change === 1 ? metrics.checkStarted() : metrics.checkEnded()),
    onAborted: () => {
      metrics.abortedCall();
      warnAborted('');
    },
    onFault: faultLogger(programLog),
  });
}

function momentOf({ clock, uses }: Pick<Sidecar, 'clock' | 'uses'>): Moment {
  return { ...clock(), uses };
}

async function serveUntil(
  stopped: Promise<NodeJS.Signals>,
  sidecar: Sidecar,
  grpc: GrpcServer,
  http: readonly HttpServer[],
): Promise<void> {
  const { programLog, config, reloader } = sidecar;
  sidecar.phase = 'serving';
  programLog.info('serving', {
    grpc: grpc.addresses,
    http: http.map(({ address }) => address),
    mode: config.source.kind === 'rollout' ? 'rollout' : config.mode,
    policy_version: stampsOf(reloader.current),
  });
  // While nobody asks yet, and not at the first scrape, when somebody does.
  void sidecar.metrics.prepare();
  const signal = await stopped;
  sidecar.phase = 'draining';
  programLog.info('draining', { signal, drain_ms: config.drainMs });
  await grpc.drain(config.drainMs);
}

/** SIGHUP; without `grpc` the TLS files are not yet in use. */
async function reread({ reloader, programLog }: Sidecar, grpc?: GrpcServer): Promise<void> {
  const tls = grpc?.reloadTls();
  if (tls?.ok === false) {
    for (const each of tls.problems) programLog.error(each.message, problemFields(each));
  }
  const result = await reloader.reload('signal');
  programLog.info('read again on SIGHUP', { result });
}

function readiness({ phase, reloader, config }: Sidecar): Readiness {
  const { mode, beforeFirstRollout: beforeFirst } = config;
  const rollouts = rolloutsOf(config, reloader);
  return readinessOf({ phase, generation: reloader.current, mode, rollouts, beforeFirst });
}

function rolloutsOf({ source }: Config, { rollouts }: Reloader) {
  return source.kind === 'rollout' ? rollouts : undefined;
}

function statusOf(sidecar: Sidecar): object {
  const { config, reloader, decisionLog } = sidecar;
  return statusDocument({
    service: config.service,
    environment: config.environment,
    ready: readiness(sidecar).ready,
    generation: reloader.current,
    rollouts: rolloutsOf(config, reloader),
    moment: momentOf(sidecar),
    lastRefusal: reloader.lastRefusal,
    decisionLog: decisionLog.counts(),
  });
}

/** A bug must not take down what guards production traffic; it is said and the process goes on. */
function outliveFaults(programLog: ProgramLog): void {
  process.on('uncaughtException', faultLogger(programLog));
  process.on('unhandledRejection', faultLogger(programLog));
}

function faultLogger(programLog: ProgramLog): (thrown: unknown) => void {
  return (thrown) => programLog.error('internal fault', causeFields(thrown));
}
