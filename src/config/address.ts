/** Where a listener binds: `host:port` (IPv6 in brackets) or `unix:PATH`. */
import { isIPv4, isIPv6 } from 'node:net';
import { UNIX_PATH_BYTES_MAX } from '../constants.js';

export type Address = TcpAddress | UnixAddress;

export interface TcpAddress {
  readonly kind: 'tcp';
  /** An IP address without brackets, or a host name. */
  readonly host: string;
  /** 0 = the system chooses. */
  readonly port: number;
}

export interface UnixAddress {
  readonly kind: 'unix';
  readonly path: string;
}

const UNIX_PREFIX = 'unix:';
const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;
const ONLY_DIGITS_AND_DOTS = /^[0-9.]+$/;
const PORT = /^(0|[1-9][0-9]{0,4})$/;
const PORT_MAX = 65_535;

/** `undefined` when the text is no address. */
export function parseAddress(text: string): Address | undefined {
  return text.startsWith(UNIX_PREFIX) ? parseUnix(text.slice(UNIX_PREFIX.length)) : parseTcp(text);
}

export function parseTcp(text: string): TcpAddress | undefined {
  const colon = text.lastIndexOf(':');
  if (colon < 0) return undefined;
  const host = parseHost(text.slice(0, colon));
  const port = text.slice(colon + 1);
  if (host === undefined || !PORT.test(port) || Number(port) > PORT_MAX) return undefined;
  return { kind: 'tcp', host, port: Number(port) };
}

/** The text that parses to this address. */
export function formatAddress(address: Address): string {
  if (address.kind === 'unix') return `${UNIX_PREFIX}${address.path}`;
  const host = isIPv6(address.host) ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}

function parseUnix(path: string): UnixAddress | undefined {
  const bytes = Buffer.byteLength(path);
  // `@name` would be an abstract socket for Envoy, and a file of that name for us.
  if (bytes === 0 || path.startsWith('@') || bytes > UNIX_PATH_BYTES_MAX || path.includes('\0'))
    return undefined;
  return { kind: 'unix', path };
}

function parseHost(text: string): string | undefined {
  if (text.startsWith('[') && text.endsWith(']')) {
    const inner = text.slice(1, -1);
    return isIPv6(inner) ? inner : undefined;
  }
  if (ONLY_DIGITS_AND_DOTS.test(text)) return isIPv4(text) ? text : undefined;
  return HOST_NAME.test(text) ? text : undefined;
}
