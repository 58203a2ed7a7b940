/**
 * Records whose names a schema declares: without what objects inherit, so that `__proto__` is a name
 * like any other. Made by a constructor, because V8 keeps what Object.create(null) gives as a hash
 * table: making it takes eight times as long, and writing it as JSON twice. Where clients choose the
 * names a hash table is right: each new one would be a new class of objects to V8.
 */
function Bare() {}
Bare.prototype = Object.freeze(Object.create(null));

export function bareRecord<V>(): Record<string, V> {
  return new (Bare as unknown as new () => Record<string, V>)();
}
