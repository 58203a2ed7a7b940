/** The errors of signatures, trust and rollouts: a part of the registry in errors.ts. */

export const CHANGE_ERRORS = {
  // Signatures and trust.
  json_not_canonical: {
    summary:
      'a JSON file that the program writes is not in the one form it writes (canonical JSON)',
    help: 'the file was edited or damaged: take the original again, or build it anew',
  },
  key_invalid: {
    summary: 'a key is no PEM file with an Ed25519 or ECDSA P-256 key, or it is encrypted',
    help: 'private keys are PKCS#8 PEM, public keys SPKI PEM; see docs/signing.md',
  },
  signatures_invalid: {
    summary:
      'a list of signatures has an unknown or wrong field, too many, or another payload type',
    help: 'the file was edited or damaged: take the original again',
  },
  signature_wrong: {
    summary: 'a signature was not made over these bytes with this key',
    help: 'sign exactly the bytes that `cedargate bundle pae` prints, and give the matching key',
  },
  signature_threshold: {
    summary: 'fewer people than needed have signed with keys that count',
    help: 'have more people sign; docs/signing.md says when a signature counts',
  },
  trust_invalid: {
    summary: 'trust.yaml has an unknown, missing or wrong field, or contradicts itself',
    help: 'see docs/signing.md for its fields',
  },
  trust_digest: {
    summary: 'the trust file is not one of those that were pinned with --trust-digest',
    help: 'if the new file was reviewed, pin its digest; if nobody changed it on purpose, find out who did',
  },
  // Rollouts, as a sidecar takes them.
  rollout_missing: {
    summary: 'there is no rollout document where --rollout says',
    help: 'check the path and whether the volume is mounted; it is watched and taken when it appears',
  },
  rollout_unreadable: {
    summary: 'the rollout documents cannot be read',
    help: 'check permissions and symlinks; a directory holds one sealed document a file, `*.json`',
  },
  rollout_conflict: {
    summary: 'two rollout documents have one sequence, or cover one destination: neither is taken',
    help: 'find out who made the second; every destination belongs to one rollout',
  },
  rollout_not_ours: {
    summary: 'a rollout document does not cover the destination of this sidecar',
    help: 'mount the rollout of this service; compare `destinations` with --service',
  },
  rollout_misfit: {
    summary:
      'a rollout document and its bundle do not fit: an unknown route, or a scope too narrow',
    help: 'correct the name, or promote a bundle that has the route and covers the destinations',
  },
  repository_missing: {
    summary: 'the folder is no policy repository: it has no trust.yaml that can be read',
    help: 'run the command at the root of the repository, or give --repo; `cedargate init` makes one',
  },
  bundle_ambiguous: {
    summary: 'two bundles of the repository have one name and version, and differ',
    help: 'a version is built once: find out which file is the one that was reviewed',
  },
  history_broken: {
    summary:
      'a document of the history has another number, or follows another document, than it should',
    help: 'find out who edited or moved it; `cedargate history` shows what fits together',
  },
  change_refused: {
    summary: 'the rules of change in trust.yaml do not allow the change',
    help: 'the message says which rule; trust.yaml is itself changed by review only',
  },
  bundle_revoked: {
    summary: 'the bundle that should run is revoked',
    help: 'promote a bundle that is not; until then requests are answered as if there were none',
  },
  // Rollout documents.
  rollout_invalid: {
    summary: 'a rollout has an unknown, missing or wrong field, or contradicts itself',
    help: 'see docs/rollout-format.md; only what is in `rollouts/` is edited, never what is sealed',
  },
  rollout_environment: {
    summary: 'the document is for another environment than this one',
    help: 'mount the documents of `history/<environment>/`, or correct --environment',
  },
  rollout_destination: {
    summary: 'no entry of `destinations` in trust.yaml is about a destination of the rollout',
    help: 'have an entry added that says who approves changes of this destination',
  },
  rollout_limit: {
    summary:
      'the document goes beyond `limits` in trust.yaml: too long, or a ticket of another form',
    help: 'shorten it, or correct the ticket; the limits stand in trust.yaml',
  },
  rollout_sequence: {
    summary:
      'the document is older than one seen before, has the number of another, or skips too far',
    help: 'take the newest document of the history; if it is the newest, find out who replays old ones',
  },
  clock_ahead: {
    summary:
      'a document was issued later than it is on this machine: one of the two clocks is wrong (a warning)',
    help: 'set the clock of the machine, or find out whose clock the author had and seal again; exceptions end by the later one',
  },
  rollout_expired: {
    summary: 'the document has expired, and `refuseExpired` of trust.yaml refuses such',
    help: 'review the rollout and seal it again with a later `reviewBy`',
  },
  approvals_missing: {
    summary: 'fewer people than needed have approved, or not those whom the destinations ask for',
    help: 'have it approved with `cedargate approve`; docs/rollout-format.md says whose approval counts',
  },
  emergency_unreconciled: {
    summary: 'a document would overtake an emergency that it does not list in `reconciles`',
    help: 'look at what the emergency changed, keep or undo it, and list its digest in `reconciles`',
  },
  evidence_missing: {
    summary: 'a percentage is new or grows, and no decision log says who calls',
    help: 'give decision logs of this environment: --evidence LOG...',
  },
  callers_too_few: {
    summary: 'too few callers are known for a percentage to mean anything',
    help: 'enforce a named list of callers instead: --match callers=A,B',
  },
  evidence_altered: {
    summary: 'an evidence file is not the one that the document names, or contradicts it',
    help: 'take the file as it was sealed, from Git; if it is, have the change sealed again',
  },
  audit_altered: {
    summary:
      'an audit folder is not as it was exported: a file, its index, or what follows from both',
    help: 'take the folder again from whoever made it, and find out where it was changed',
  },
  // What a sidecar remembers, and how a document is handed to a cluster.
  state_unreadable: {
    summary: 'something in the state directory cannot be read or was damaged (a warning)',
    help: 'what can be read is used, and a record that cannot be is set aside as `<name>.json.damaged`; look at the disk and who else writes there',
  },
  state_unwritable: {
    summary:
      'the state directory cannot be written, so a restart would not know the last change (a warning)',
    help: 'the running policies are unharmed; give --state a directory that can be written, with room',
  },
  kubectl_failed: {
    summary: 'kubectl could not be run, or ended with an error',
    help: 'its own words are in the message; check the context, the namespace and what you may do there',
  },
  apply_incomplete: {
    summary: 'when the time was up, not every sidecar ran the document that was handed over',
    help: 'the document is in the cluster and may still arrive; look at /status of those named',
  },
} as const;
