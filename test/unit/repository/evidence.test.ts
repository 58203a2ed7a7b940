/** Documents that somebody sealed by hand: nobody's command has looked at their evidence. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bytesDigest } from '../../../src/bundle/digest.js';
import { percentBucket } from '../../../src/check/percent.js';
import { believedEvidence, judgeEvidence } from '../../../src/repository/evidence.js';
import { formatEvidence } from '../../../src/rollout/evidence.js';
import { temporaryDirectory } from '../../support/bundle-files.js';
import { callers } from '../../support/log-lines.js';
import { verifiedRollout } from '../../support/rollouts.js';

const DOCUMENT = verifiedRollout({
  source: { enforce: '[{name: s, match: {access: read, percent: 25}}]' },
});
const { source, seed } = DOCUMENT;

/** A document of these callers, as `seedOfEvidence` sorts them, beside what it names. */
async function sealed(known: number, seedOfEvidence = seed) {
  const file = join(await temporaryDirectory(), '0042.json');
  const bytes = formatEvidence(
    source,
    {
      ...{ logs: [], lines: { counted: 0, elsewhere: 0, other: 0, bad: 0 }, span: undefined },
      slices: source.enforce.map((slice) => {
        const seen = callers(known).map((caller) => ({ caller, requests: 1 }));
        return { slice, requests: known, callers: seen };
      }),
    },
    (caller) => percentBucket(seedOfEvidence, caller),
  );
  await writeFile(file.replace('.json', '.evidence.json'), bytes);
  return { file, judged: { source, before: undefined, evidence: bytesDigest(bytes), seed } };
}

const codes = async (known: number, seedOfEvidence?: string) => {
  const { file, judged } = await sealed(known, seedOfEvidence);
  return (await judgeEvidence(file, judged)).map(({ code }) => code);
};

describe('the evidence of a sealed document', () => {
  it('counts when it is that of the document, with ten callers at least', async () => {
    expect(await codes(10)).toEqual([]);
    expect(await codes(9)).toEqual(['callers_too_few']);
  });

  it('must be there where a percentage is new', async () => {
    const none = { source, before: undefined, evidence: null, seed };
    const [problem, ...more] = await judgeEvidence('0042.json', none);
    expect(problem?.code).toBe('change_refused');
    expect(more).toEqual([]);
    expect(await judgeEvidence('0042.json', { ...none, before: source })).toEqual([]);
    expect(await believedEvidence('0042.json', none)).toBeUndefined();
  });

  it('is neither approved nor shown when it goes by another seed', async () => {
    expect(await codes(40, 'another')).toEqual(['evidence_altered']);
    const { file, judged } = await sealed(40, 'another');
    const shown = await believedEvidence(file, judged);
    expect(shown).toMatchObject({ ok: false, problems: [{ code: 'evidence_altered' }] });
    const own = await sealed(9);
    expect(await believedEvidence(own.file, own.judged)).toMatchObject({ ok: true });
  });
});
