/** What `alab doctor` says about one thing. */
export interface Check {
  name: string;
  /** `warn`: it works, but less well; `missing`: it does not work. */
  status: 'ok' | 'warn' | 'missing';
  /** Whether the bridge needs it on this machine. */
  isRequired: boolean;
  found: string;
  /** What to do, where the status is not `ok`. */
  advice?: string;
}

/** Something the bridge needs: `ok`, or `missing` with what to do. */
export function required(name: string, isThere: boolean, found: string, advice: string): Check {
  return { name, status: isThere ? 'ok' : 'missing', isRequired: true, found, ...(isThere ? {} : { advice }) };
}

/** Something the bridge can do without: `ok`, or `otherwise` with what to do. */
export function optional(
  name: string,
  isThere: boolean,
  found: string,
  advice: string,
  otherwise: 'warn' | 'missing' = 'warn',
): Check {
  return { name, status: isThere ? 'ok' : otherwise, isRequired: false, found, ...(isThere ? {} : { advice }) };
}
