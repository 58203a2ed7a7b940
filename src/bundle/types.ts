/** A bundle once it has been read and found whole. Plain data: it crosses threads. */
import type { PackedProgram } from '../cedar/packed-policies.js';
import type { CedarProgram, KnownProgram } from '../cedar/types.js';
import type { Problem } from '../errors.js';

/** `sha256:<64 hex>` */
export type Digest = `sha256:${string}`;

export type Protocol = 'http' | 'grpc' | 'tcp';

/** bundle.yaml */
export interface BundleManifest {
  readonly name: string;
  readonly version: string;
  readonly owner: string;
  /** Destinations (`ns/name`) the bundle may be used for; undefined = any. */
  readonly scope: { readonly destinations: readonly string[] } | undefined;
  readonly protocol: Protocol;
  readonly path: { readonly allow: readonly 'semicolon'[] };
  /** Why something differs in an environment, as its owners say; decides nothing. */
  readonly environments: Readonly<Record<string, string>>;
}

/** One segment of a route's path: literal text, or a parameter that matches one non-empty segment. */
export type RouteSegment = { readonly literal: string } | { readonly param: string };

interface RouteBase {
  readonly name: string;
  /** Declared access; undefined = by method. */
  readonly access: 'read' | 'write' | undefined;
}

export interface HttpRoute extends RouteBase {
  readonly kind: 'http';
  /** Without a trailing empty segment; `/` is []. */
  readonly segments: readonly RouteSegment[];
  /** undefined = all methods. */
  readonly methods: readonly string[] | undefined;
  readonly allowSemicolon: boolean;
}

export interface GrpcRoute extends RouteBase {
  readonly kind: 'grpc';
  readonly service: string;
  readonly method: string;
}

export type Route = HttpRoute | GrpcRoute;

/** A file as it was read: the name inside the bundle and its bytes. */
export interface SourceFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Everything a bundle says, checked: ready to be loaded into the engine. */
export interface CompiledBundle {
  readonly digest: Digest;
  readonly manifest: BundleManifest;
  /** Most literal first. */
  readonly routes: readonly Route[];
  readonly program: CedarProgram;
  /** Things worth saying that refuse nothing, such as ignored files. */
  readonly warnings: readonly Problem[];
  /** People whose signatures count; undefined for a plain directory, which nobody signs. */
  readonly signedBy?: readonly string[];
  /** For the compilation of the next; undefined when nothing was compiled but an index read. */
  readonly known?: KnownProgram;
}

/** A bundle as the thread that answers has it: of packed policies it unpacks what it is asked about. */
export interface ServedBundle extends Omit<CompiledBundle, 'program'> {
  readonly program: CedarProgram | PackedProgram;
}

export interface CompileOptions {
  /** Chooses entities.<environment>.json and fills context.environment. */
  readonly environment: string | undefined;
  /** Of a bundle that this process compiled before: it saves time, and changes no result. */
  readonly known?: KnownProgram | undefined;
}
