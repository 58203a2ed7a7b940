/** `bundle diff` for terminals. */
import type { BundleDiff, DiffSide } from '../analysis/bundle-diff.js';
import type { Flip, MeaningDiff } from '../analysis/meaning/types.js';
import type { TrafficDiff } from '../analysis/traffic.js';
import {
  allCallers,
  askedSentence,
  decidedBy,
  environmentText,
  explainCommand,
  fieldText,
  flipSentence,
  itemText,
  kindOf,
  limitsOf,
  notComparedSentence,
  policyText,
  refText,
  trafficAccount,
  trafficSentence,
} from './bundle-diff-words.js';
import { type Sink, style } from './output.js';

export function diffText(diff: BundleDiff, sink: Sink): string {
  const { before, after } = diff;
  const head = `${sideText(before)}\n  -> ${sideText(after)}`;
  const rest = [notComparedSentence(diff.environmentsNotCompared) ?? []].flat();
  if (!diff.differs) {
    return [head, '', 'No differences.', ...diff.meaning.flatMap(accountOf), ...rest].join('\n');
  }
  const sections = [
    ...diff.meaning.map((meaning) => meaningText(meaning, sink)),
    ...(diff.traffic ?? []).map((traffic) => trafficText(traffic, sink)),
    ...structureText(diff, sink),
    ...rest,
  ];
  return [head, ...sections].join('\n\n');
}

function sideText({ name, version, digest, path, ticket }: DiffSide): string {
  const reason = ticket === null ? '' : `, ${ticket}`;
  return `${name} ${version} (${path}, ${digest.slice(0, 'sha256:'.length + 12)}${reason})`;
}

function section(sink: Sink, title: string, lines: readonly string[]): string {
  return [style(sink, 'bold', title), ...lines.map((line) => `  ${line}`)].join('\n');
}

function meaningText(meaning: MeaningDiff, sink: Sink): string {
  const { flips, environment } = meaning;
  const title = `What changes for callers, ${environmentText(environment)}`;
  const rows = flips.flatMap((flip) => flipLines(flip, sink));
  const none = flips.length === 0 ? ['No decision changes, as far as was asked.'] : [];
  return section(sink, title, [...none, ...rows, ...accountOf(meaning)]);
}

const MARKS = {
  gained: { mark: '+', colour: 'green' },
  lost: { mark: '-', colour: 'red' },
  changed: { mark: '~', colour: 'yellow' },
} as const;

function markOf(flip: Parameters<typeof kindOf>[0], sink: Sink): string {
  const { mark, colour } = MARKS[kindOf(flip)];
  return style(sink, colour, mark);
}

function flipLines(flip: Flip, sink: Sink): string[] {
  const command = explainCommand(flip.witness);
  const callers = allCallers(flip);
  return [
    `${markOf(flip, sink)} ${flipSentence(flip)}`,
    ...(callers === undefined ? [] : [`    ${callers}`]),
    `    before: ${flip.from}, ${decidedBy(flip.before)}`,
    `    after:  ${flip.to}, ${decidedBy(flip.after)}`,
    ...(command === undefined ? [] : [style(sink, 'dim', `    ${command}`)]),
  ];
}

function accountOf(meaning: MeaningDiff): string[] {
  return [askedSentence(meaning.asked), ...limitsOf(meaning)];
}

function trafficText(traffic: TrafficDiff, sink: Sink): string {
  const title = `What changes for the traffic of the log, ${environmentText(traffic.environment)}`;
  const rows = traffic.flips.map((flip) => {
    return `${markOf(flip, sink)} ${trafficSentence(flip)}, such as decision ${flip.example}`;
  });
  const none = traffic.flips.length === 0 ? ['Nothing.'] : [];
  return section(sink, title, [
    ...none,
    ...rows,
    trafficAccount(traffic),
    ...unknownFields(traffic),
  ]);
}

function unknownFields({ fieldsNotInBoth }: TrafficDiff): string[] {
  if (fieldsNotInBoth.length === 0) return [];
  return [`only one side declares, so the log may lack: ${fieldsNotInBoth.join(', ')}`];
}

function structureText(diff: BundleDiff, sink: Sink): string[] {
  const { change, structure, entities } = diff;
  const { manifest, policies, schema, routes } = structure;
  const changed = [
    ...policies.removed.map((policy) => `- ${refText(policy)}`),
    ...policies.added.map((policy) => `+ ${refText(policy)}`),
    ...policies.changed.map((policy) => `~ ${policyText(policy)}`),
  ];
  const sections: [string, readonly string[]][] = [
    ['Change', change.map(fieldText)],
    ['Manifest', manifest.map(fieldText)],
    [`Policies (${policies.unchanged} unchanged)`, changed],
    ['Schema', schema.map(itemText)],
    ['Routes', routes.map(itemText)],
    ...entities.map(({ environment, changes }): [string, readonly string[]] => {
      return [`Entities ${environmentText(environment)}`, changes.map(itemText)];
    }),
  ];
  return sections
    .filter(([, lines]) => lines.length > 0)
    .map(([title, lines]) => section(sink, title, lines));
}
