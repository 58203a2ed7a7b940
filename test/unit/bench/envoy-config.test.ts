import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { benchListeners, portInFile } from '../../../bench/envoy-config.js';
import type { EnvoyConfig } from '../../support/envoy.js';
import { PROFILES } from '../../support/world.js';

const shipped: EnvoyConfig = parse(readFileSync(PROFILES.observe, 'utf8'));
const SERVERS = ['no-op', 'cedargate', 'OPA-Envoy'] as const;
const { listeners, clusters } = benchListeners(SERVERS).static_resources;
const managerOf = (listener: EnvoyConfig) => listener.filter_chains[0].filters[0].typed_config;
const authzOf = (listener: EnvoyConfig) =>
  managerOf(listener).http_filters.find((filter: EnvoyConfig) => filter.name.endsWith('ext_authz'));

it('measures each server behind the shipped filter, and one listener without it', () => {
  const [without, ...asked] = listeners as EnvoyConfig[];
  expect(authzOf(without)).toBeUndefined();
  const authz = authzOf(shipped.static_resources.listeners[0]).typed_config;
  for (const [index, name] of SERVERS.entries()) {
    const listener = asked[index];
    expect(listener.address.socket_address.port_value).toBe(portInFile(name).listener);
    expect(authzOf(listener).typed_config).toEqual({
      ...authz,
      stat_prefix: name,
      grpc_service: { ...authz.grpc_service, envoy_grpc: { cluster_name: name } },
    });
    // What makes one server dearer than another must be the server.
    expect(withoutNames(listener)).toEqual(withoutNames(asked[0]));
  }
});

it('asks each server at its own port, and for no health that only one could tell', () => {
  const [, cluster] = shipped.static_resources.clusters;
  const { health_checks, load_assignment, ...same } = cluster;
  expect(health_checks).toBeDefined();
  expect(load_assignment.endpoints[0].lb_endpoints.length).toBeGreaterThan(1);
  for (const [index, name] of SERVERS.entries()) {
    const address = { address: '127.0.0.1', port_value: portInFile(name).server };
    const lb_endpoints = [{ endpoint: { address: { socket_address: address } } }];
    const assigned = { cluster_name: name, endpoints: [{ lb_endpoints }] };
    expect(clusters[index]).toEqual({ ...same, name, load_assignment: assigned });
  }
  expect(clusters).toHaveLength(SERVERS.length);
});

function withoutNames(listener: EnvoyConfig): string {
  const { name: _, address: __, ...rest } = listener;
  return SERVERS.reduce((text, name) => text.replaceAll(`"${name}"`, '""'), JSON.stringify(rest));
}
