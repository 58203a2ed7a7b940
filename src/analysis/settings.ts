/** The configuration under which tests and `explain` ask: the defaults of the program. */
import type { CheckSettings, ClaimNames } from '../check/types.js';

/** As in config/schema.ts; a test keeps both in step. */
export const DEFAULT_CLAIM_NAMES: ClaimNames = {
  payload: 'jwt_payload',
  taskId: 'task_id',
  taskKind: 'task_kind',
  taskIntent: 'task_intent',
};

export function checkSettings(
  service: string | undefined,
  environment: string | undefined,
): CheckSettings {
  return {
    destinationFrom: 'service',
    service,
    environment,
    strictIdentity: false,
    claims: DEFAULT_CLAIM_NAMES,
    headers: { prefix: 'x-cedargate', version: false, decisionId: false, mode: false },
    failResponse: 'error_response',
    helpUrl: undefined,
  };
}
