/** Which control loop a sidecar has: for one source of policies, or for approved rollouts. */
import type { EvaluatorOptions } from '../cedar/evaluator.js';
import { createBundleLoader } from './bundle-loader.js';
import type { RolloutPaths } from './load-rollouts.js';
import { createReloader, type Reloader, type ReloaderOptions } from './reloader.js';
import { createRolloutLoop, type RolloutLoopOptions } from './rollout-loop.js';
import { createServingEvaluators } from './serving-evaluators.js';
import type { BundleSource } from './source.js';
import { openStateDirectory } from './state-directory.js';

export interface ControlOptions
  extends Pick<ReloaderOptions, 'mode' | 'now' | 'onChange' | 'onCount' | 'onTrouble'>,
    Pick<RolloutLoopOptions, 'service' | 'minSequence' | 'beforeFirst' | 'onCandidate'>,
    Pick<EvaluatorOptions, 'lookups' | 'once'> {
  readonly source: BundleSource | RolloutPaths;
  readonly environment: string | undefined;
}

export function createControl(options: ControlOptions): Reloader {
  const { source, environment } = options;
  const evaluators = createServingEvaluators(options);
  if (source.kind !== 'rollout') return createReloader({ ...options, ...evaluators, source });
  if (environment === undefined) throw new Error('rollouts need an environment');
  return createRolloutLoop({
    ...options,
    ...evaluators,
    environment,
    paths: source,
    loader: createBundleLoader(),
    state: openStateDirectory(source.state),
  });
}
