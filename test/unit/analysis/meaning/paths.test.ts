import { describe, expect, it } from 'vitest';
import { pathClasses } from '../../../../src/analysis/meaning/paths.js';
import { ANY_RUN, literal, type Pattern } from '../../../../src/analysis/meaning/strings.js';
import { parseRoutes } from '../../../../src/bundle/routes.js';
import { parsePath } from '../../../../src/check/path.js';
import { matchRoute } from '../../../../src/check/route.js';

function routesOf(text: string) {
  const parsed = parseRoutes({ file: 'routes.yaml', text }, { semicolonAllowed: true });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.value;
}

const ROUTES = routesOf(`
- {name: list, path: /items}
- {name: item, path: "/items/{id}"}
- {name: search, path: /items/search}
- {name: root, path: /}
- {name: deep, path: "/{a}/x/{b}"}
`);

const named = (name: string | undefined) => ROUTES.find((route) => route.name === name);

describe('classes of paths', () => {
  it.each([undefined, 'list', 'item', 'search', 'root', 'deep'])('reach route %s', (name) => {
    const pair = { a: named(name), b: named(name) };
    const patterns: Pattern[] = [
      [...literal('/items/'), ANY_RUN],
      [ANY_RUN, ...literal('.x')],
    ];
    const question = { method: 'GET', routesA: ROUTES, routesB: ROUTES, pair, patterns };
    const { classes, complete } = pathClasses(question);
    expect(complete).toBe(true);
    expect(classes.length).toBeGreaterThan(0);
    for (const { target } of classes) {
      const parsed = parsePath(target);
      expect(parsed.ok, target).toBe(true);
      if (parsed.ok) expect(matchRoute(ROUTES, 'GET', parsed.segments)?.route.name).toBe(name);
    }
  });

  it('of two tables have the paths whose route changes', () => {
    const other = routesOf('- {name: thing, path: "/items/{id}"}\n');
    const pair = { a: named('search'), b: other[0] };
    const question = { method: 'GET', routesA: ROUTES, routesB: other, pair, patterns: [] };
    expect(pathClasses(question).classes.map(({ target }) => target)).toEqual(['/items/search']);
    const impossible = { a: named('list'), b: other[0] };
    expect(pathClasses({ ...question, pair: impossible }).classes).toEqual([]);
  });

  it.each([
    ['/a b', '/a%20b'],
    ['/caf\u00e9', '/caf%C3%A9'],
    ['/a+b@c', '/a+b@c'],
  ])('write %s as %s', (path, target) => {
    const pair = { a: undefined, b: undefined };
    const question = { method: 'GET', routesA: [], routesB: [], pair, patterns: [literal(path)] };
    const found = pathClasses(question).classes.find(({ matches }) => matches.has(0));
    expect(found?.target).toBe(target);
  });

  it.each(['/..', '/a//b', '/a/./b', 'a', '/100%', '/a?b', '/a\\b', '/a#b', '/;x'])(
    'leave out %s, which a sidecar rejects',
    (path) => {
      const pair = { a: undefined, b: undefined };
      const question = { method: 'GET', routesA: [], routesB: [], pair, patterns: [literal(path)] };
      const { classes } = pathClasses(question);
      expect(classes.filter(({ matches }) => matches.has(0))).toEqual([]);
      expect(classes).not.toEqual([]);
    },
  );
});
