/**
 * Server CPU a check beside OPA-Envoy with the same rules, in pairs (cedargate, OPA-Envoy, ...). One
 * size after the other, so that what waits for its turn holds little memory.
 */
import {
  costOf,
  cpuPerCheck,
  type Drive,
  greet,
  measureSidecar,
  rememberedOf,
  type Subject,
  send,
  startSubject,
  subject,
  untilKnown,
} from './cpu.js';
import type { LoadProcess } from './load-process.js';
import { type OpaEnvoy, startOpa } from './opa-server.js';
import { KNOWN, type Plan } from './plan.js';
import { residentBytesOf } from './proc.js';
import { REGO_FORMS, type RegoForm } from './rego.js';
import type { NotMeasured, OpaCpu, OpaResult, OpaSize } from './results.js';
import { spreadOf } from './statistics.js';

/** GOMAXPROCS: as Go chooses, and as many as cedargate answers on. */
const PROCESSORS = [undefined, 1] as const;

interface Rival {
  readonly form: RegoForm;
  readonly processors: number | undefined;
  readonly who: Subject;
}

export async function measureOpa(
  plan: Plan,
  opa: OpaEnvoy | NotMeasured,
  load: LoadProcess,
  directory: string,
  say: (line: string) => void,
): Promise<OpaResult | NotMeasured> {
  if ('notMeasured' in opa) return opa;
  const { rounds, cpuSecondsMin } = plan.opa;
  const drive: Drive = (who, count) => send(who, count, load, plan.concurrency);
  const sizes: OpaSize[] = [];
  for (const policies of plan.opa.policies) {
    sizes.push(await measureSize({ plan, opa, policies, load, drive, directory, say }));
  }
  const { concurrency } = plan;
  return { version: opa.version, concurrency, rounds, cpuSecondsMin, sizes };
}

interface Setting {
  readonly plan: Plan;
  readonly opa: OpaEnvoy;
  readonly policies: number;
  readonly load: LoadProcess;
  readonly drive: Drive;
  readonly directory: string;
  readonly say: (line: string) => void;
}

async function measureSize(setting: Setting): Promise<OpaSize> {
  const { plan, policies, load, drive, directory } = setting;
  const started: Subject[] = [];
  try {
    const own = await startSubject({ policies, ...KNOWN }, directory);
    started.push(own);
    const rivals: Rival[] = [];
    for (const processors of PROCESSORS) {
      for (const form of REGO_FORMS) {
        const settings = { policies: own.policies, form, directory };
        const server = await startOpa(
          setting.opa,
          processors === undefined ? settings : { ...settings, processors },
        );
        const who = subject(server, own.policies);
        started.push(who);
        rivals.push({ form, processors, who });
      }
    }
    await greet(own, load);
    const { warmUpCpuSeconds, warmUpCpuSecondsMax } = plan.opa;
    for (const who of started) await cpuPerCheck(who, warmUpCpuSeconds, drive);
    await untilKnown(own, warmUpCpuSecondsMax, drive);
    for (let round = 1; round <= plan.opa.rounds; round += 1) {
      for (const rival of rivals) await measurePair(own, rival, setting, round);
    }
    return {
      policies,
      cedargate: {
        remembered: rememberedOf(own),
        ...costOf(own),
        residentBytes: residentBytesOf(own.server.pid),
      },
      rivals: rivals.map(rivalResult),
    };
  } finally {
    for (const { server } of started) await server.stop();
  }
}

async function measurePair(
  own: Subject,
  { form, processors, who }: Rival,
  { plan, policies, drive, say }: Setting,
  round: number,
): Promise<void> {
  const { cpuSecondsMin } = plan.opa;
  const ownUs = await measureSidecar(own, cpuSecondsMin, drive);
  const us = await cpuPerCheck(who, cpuSecondsMin, drive);
  who.cpuUs.push(us);
  who.ratios.push(ownUs / us);
  const limit = processors === undefined ? '' : `, GOMAXPROCS ${processors}`;
  say(
    `round ${round}, ${policies} policies: cedargate ${ownUs.toFixed(0)} us, ` +
      `OPA-Envoy (${form}${limit}) ${us.toFixed(0)} us a check`,
  );
}

function rivalResult({ form, processors, who }: Rival): OpaCpu {
  return {
    form,
    ...(processors === undefined ? {} : { processors }),
    ratio: spreadOf(who.ratios),
    ...costOf(who),
    residentBytes: residentBytesOf(who.server.pid),
  };
}
