/**
 * Routes that policies name and routes.yaml does not declare: a typo there makes a `forbid` that
 * never fires. Only a warning, since entities of that name may be meant for another deployment.
 */
import { placeAt, type TextFile } from '../cedar/position.js';
import { nameOf, tokensOf } from '../cedar/tokens.js';
import { type Problem, problem } from '../errors.js';
import type { Route } from './types.js';

export function unknownRoutes(source: TextFile, routes: readonly Route[]): Problem[] {
  const declared = new Set(routes.map(({ name }) => name));
  const found: Problem[] = [];
  let before = ['', ''];
  for (const token of tokensOf(source.text)) {
    // `Route::"<namespace>/<name>/<route>"`
    if (before[0] === 'Route' && before[1] === '::') {
      const route = nameOf(token).split('/')[2];
      if (route !== undefined && !declared.has(route)) {
        const message = `routes.yaml declares no route \`${route}\`: no request has this resource`;
        found.push(problem('route_unknown', message, placeAt(source, token.index)));
      }
    }
    before = [before[1] ?? '', token.text];
  }
  return found;
}
