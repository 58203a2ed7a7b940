import { describe, expect, it } from 'vitest';
import { emergencyRecords } from '../../../src/audit/emergencies.js';
import { ORDERS } from '../../support/audit-repository.js';
import { verifiedEmergency, verifiedRollout } from '../../support/rollouts.js';

const emergency = verifiedEmergency();

/** What took the emergency over, when a rollout that lists it was made at this moment. */
function takenOverAt(issuedAtMs: number, reconciles = [emergency.digest]) {
  const next = { ...verifiedRollout(), sequence: 44, issuedAtMs, reconciles };
  const [record] = emergencyRecords({ id: ORDERS, documents: [emergency, next] });
  return record?.reconciled;
}

describe('an emergency was taken over', () => {
  it('in time up to the moment that it is due, and late after that', () => {
    const due = emergency.reconcileByMs;
    expect(takenOverAt(due)).toMatchObject({ sequence: 44, late: false });
    expect(takenOverAt(due + 1)).toMatchObject({ late: true });
  });

  it('by nothing that does not list it', () => {
    expect(takenOverAt(0, [])).toBeNull();
  });
});
