import { PassThrough } from 'node:stream';
import { finished } from 'node:stream/promises';
import { expect, it } from 'vitest';
import { countDecisions, totalOf } from '../../../bench/decision-lines.js';

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
