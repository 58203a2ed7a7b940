/** Valid and invalid values of every kind of setting, made from the schema: new keys are covered. */
import type { Option } from '../../../src/config/options.js';

const digestOf = (digit: string) => `sha256:${digit.repeat(64)}`;

/** Values that differ from each other, for settings whose form is not free text. */
const VALID: Readonly<Record<string, readonly unknown[]>> = {
  listen: [['127.0.0.1:1'], ['[::1]:2', 'unix:/run/a.sock'], ['localhost:3']],
  admin: ['127.0.0.1:1', '[::1]:2', 'localhost:3'],
  probes: ['0.0.0.0:1', 'off', 'localhost:3'],
  service: ['a/b', 'c/d', 'e/f'],
  digest: ['a', 'b', 'c'].map(digestOf),
  trustDigest: [['a'], ['b', 'c'], ['d']].map((list) => list.map(digestOf)),
  destinationFrom: ['service', 'route', 'spiffe'],
  beforeFirstRollout: ['fail', 'allow', 'fail'],
  mode: ['shadow', 'enforce', 'shadow'],
  failResponse: ['error_response', 'grpc_error', 'error_response'],
  'log.sampleAllows': [0.25, 1, 0],
  helpUrl: ['http://a.example', 'https://b.example/x', 'https://c.example'],
};

/** Three values in their normal form, neighbours different. */
export function validValues(option: Option): readonly unknown[] {
  const known = VALID[option.key];
  if (known !== undefined) return known;
  switch (option.kind) {
    case 'text':
      return ['one', 'two', 'three'];
    case 'boolean':
      return [true, false, true];
    case 'number':
      return [1, 20, 300];
    case 'list':
      return [['one'], ['two', 'three'], ['four']];
  }
}

/** The text that a variable or flag would have for a value. */
export function textOf(value: unknown): string {
  return Array.isArray(value) ? value.join(',') : String(value);
}

/** What commander hands over for a value. */
export function flagOf(value: unknown): unknown {
  return Array.isArray(value) || typeof value === 'boolean' ? value : String(value);
}

/** The YAML text of one setting. */
export function yamlOf(option: Option, value: unknown): string {
  const [name, inner] = option.path;
  const text = JSON.stringify(value);
  return inner === undefined ? `${name}: ${text}\n` : `${name}:\n  ${inner}: ${text}\n`;
}
