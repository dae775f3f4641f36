/** A child's place in a path: `.name`, or `["a name"]` where the name is no plain word. */
export const nameSegment = (name: string): string =>
  /^[\p{L}\p{N}_$-]+$/u.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;

/** An item's. */
export const itemSegment = (index: number): string => `[${index}]`;

const MAX_LENGTH = 40;

/** A text of a length that a message can bear. */
export const cut = (text: string): string => (text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text);
