/** Names that every object has by its prototype: there only an object's own property counts. */
export const isInherited = (name: string): boolean => name in Object.prototype;

/** How the property of a name is read. What Object's own prototype has is no value of a row. */
export function propertyReader(name: string): (value: object) => unknown {
  if (isInherited(name)) return (value) => ownProperty(value, name);
  return (value) => (value as Record<string, unknown>)[name];
}

export function ownProperty(value: object, name: string): unknown {
  return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
}
