/**
 * The Envoy of the latency measurement: the shipped profile, its listener and its cluster once for each
 * server under measurement, and one listener without ext_authz.
 */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { EnvoyConfig } from '../test/support/envoy.js';
import { PROFILES } from '../test/support/world.js';
import type { LatencyName } from './results.js';

const EXT_AUTHZ = 'envoy.filters.http.ext_authz';
const CLUSTER = 'cedargate';
const NAMES: readonly LatencyName[] = ['without', 'no-op', 'cedargate', 'OPA-Envoy'];

/** The ports of a listener and of the server behind it, in the file: free ones are put in their place. */
export function portInFile(name: LatencyName): { listener: number; server: number } {
  const index = NAMES.indexOf(name);
  return { listener: 10_000 + index, server: 9_200 + index };
}

/** Listeners, clusters and statistics have the names of the servers. */
export function benchListeners(servers: readonly LatencyName[]): EnvoyConfig {
  const config: EnvoyConfig = parse(readFileSync(PROFILES.observe, 'utf8'));
  const { listeners, clusters } = config.static_resources;
  const asked = listeners[0];
  // Ten thousand lines a run would be timed too.
  delete managerOf(asked).access_log;
  managerOf(asked).route_config.virtual_hosts[0].routes = [
    { match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: 'ok\n' } } },
  ];
  const cluster = (clusters as EnvoyConfig[]).find(({ name }) => name === CLUSTER);
  config.static_resources = {
    listeners: [listenerFor('without', asked), ...servers.map((name) => listenerFor(name, asked))],
    clusters: servers.map((name) => clusterFor(name, cluster)),
  };
  return config;
}

function listenerFor(name: LatencyName, asked: EnvoyConfig): EnvoyConfig {
  const listener = structuredClone(asked);
  listener.name = name;
  listener.address.socket_address.port_value = portInFile(name).listener;
  const manager = managerOf(listener);
  manager.stat_prefix = name;
  const filters = manager.http_filters as EnvoyConfig[];
  if (name === 'without') {
    manager.http_filters = filters.filter((filter) => filter.name !== EXT_AUTHZ);
    return listener;
  }
  const { typed_config: authz } = filters.find((filter) => filter.name === EXT_AUTHZ);
  authz.stat_prefix = name;
  authz.grpc_service.envoy_grpc.cluster_name = name;
  return listener;
}

/** Without health checks, which neither the no-op server nor OPA-Envoy answers; so one endpoint only. */
function clusterFor(name: LatencyName, shipped: EnvoyConfig): EnvoyConfig {
  const { health_checks: _, ...cluster } = structuredClone(shipped);
  const [endpoint] = cluster.load_assignment.endpoints[0].lb_endpoints;
  endpoint.endpoint.address.socket_address.port_value = portInFile(name).server;
  cluster.load_assignment = { cluster_name: name, endpoints: [{ lb_endpoints: [endpoint] }] };
  return { ...cluster, name };
}

function managerOf(listener: EnvoyConfig): EnvoyConfig {
  return listener.filter_chains[0].filters[0].typed_config;
}
