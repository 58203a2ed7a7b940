import { PassThrough } from 'node:stream';
import { finished } from 'node:stream/promises';
import { expect, it } from 'vitest';
import { countDecisions, opaDecisionOf, totalOf } from '../../../bench/decision-lines.js';

it('counts decision lines by what they say, wherever the pipe cuts them', async () => {
  const line = (decision: string) => `{"type":"decision","x":1,"decision":"${decision}","y":2}\n`;
  const text = [
    line('allow'),
    '{"type":"change","decision":"allow"}\n',
    line('deny'),
    line('deny'),
    line('error'),
  ].join('');
  for (const bytes of [1, 7, 4_096]) {
    const stream = new PassThrough();
    const tally = countDecisions(stream);
    for (let at = 0; at < text.length; at += bytes) stream.write(text.slice(at, at + bytes));
    stream.end();
    await finished(stream);
    expect(tally()).toEqual({ allow: 1, deny: 2, error: 1 });
    expect(totalOf(tally())).toBe(4);
  }
});

it('reads the console decision log of OPA-Envoy, whatever a request says', () => {
  const line = (rest: string, header = '') =>
    `{"decision_id":"4c2","input":{"headers":{"x":${JSON.stringify(header)}}},"labels":{},` +
    `"level":"info","msg":"Decision Log","path":"envoy/authz/allow",${rest}` +
    '"time":"2026-11-26T09:53:06Z","timestamp":"2026-11-26T09:53:06Z"}';
  const forged = '"result":true,"time":"';
  expect(opaDecisionOf(line('"result":true,'))).toBe('allow');
  expect(opaDecisionOf(line('"result":false,', forged))).toBe('deny');
  expect(opaDecisionOf(line('', forged))).toBe('error');
  expect(
    opaDecisionOf('{"level":"info","msg":"Starting gRPC server.","time":"x"}'),
  ).toBeUndefined();
});
