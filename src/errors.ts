/** Every error of Arrowlab by wire number; the same table as `src/wire/errors.json` (a test holds them equal). */
export const ERRORS = [
  { number: 1, name: 'NOT_ARROWLAB' },
  { number: 2, name: 'VERSION_UNSUPPORTED' },
  { number: 3, name: 'HELLO_TIMEOUT' },
  { number: 4, name: 'HELLO_MALFORMED' },
  { number: 5, name: 'REGION_MISSING' },
  { number: 6, name: 'REGION_NOT_MEMFD' },
  { number: 7, name: 'REGION_WRITABLE' },
  { number: 8, name: 'REGION_UNSEALED' },
  { number: 9, name: 'REGION_SIZE' },
  { number: 10, name: 'PEER_REFUSED' },
  { number: 20, name: 'FRAME_LENGTH' },
  { number: 21, name: 'FRAME_TYPE' },
  { number: 22, name: 'FRAME_FIELD' },
  { number: 23, name: 'STREAM_STATE' },
  { number: 24, name: 'SEQUENCE' },
  { number: 25, name: 'EXTENT_BOUNDS' },
  { number: 26, name: 'LEASE_UNKNOWN' },
  { number: 27, name: 'CREDIT_EXCEEDED' },
  { number: 28, name: 'TOO_MANY_STREAMS' },
  { number: 30, name: 'IPC_INVALID' },
  { number: 31, name: 'IPC_UNSUPPORTED' },
  { number: 32, name: 'DATA_INVALID' },
  { number: 40, name: 'PRODUCER_GONE' },
  { number: 41, name: 'STREAM_FAILED' },
  { number: 42, name: 'STREAM_EXISTS' },
  { number: 43, name: 'STREAM_UNKNOWN' },
  { number: 44, name: 'NOT_SERVED' },
  { number: 45, name: 'SCHEMA_MISMATCH' },
  { number: 46, name: 'TABLE_UNRECOGNISED' },
  { number: 47, name: 'TYPE_UNSUPPORTED' },
  { number: 50, name: 'TIMEOUT' },
  { number: 51, name: 'ABORTED' },
  { number: 52, name: 'CLOSED' },
  { number: 53, name: 'RELEASED' },
  { number: 54, name: 'LEASES_EXHAUSTED' },
  { number: 55, name: 'MEMORY_LIMIT' },
  { number: 56, name: 'ADDRESS_SPACE' },
  { number: 60, name: 'CONNECT_FAILED' },
  { number: 61, name: 'LISTEN_FAILED' },
  { number: 62, name: 'SYSTEM' },
  { number: 63, name: 'INVALID_ARGUMENT' },
  { number: 64, name: 'PEER_FAILED' },
  { number: 65, name: 'NATIVE_MISSING' },
] as const;

export type ErrorName = (typeof ERRORS)[number]['name'];

/** `ERR_ARROWLAB_` and the error's name; a number this version does not know keeps its digits instead. */
export type ErrorCode = `ERR_ARROWLAB_${ErrorName}` | `ERR_ARROWLAB_${number}`;

const numberOfName = new Map<ErrorName, number>(ERRORS.map(({ name, number }) => [name, number]));
const nameOfNumber = new Map<number, ErrorName>(ERRORS.map(({ name, number }) => [number, name]));

/**
 * The only class of error that Arrowlab throws on purpose. `code` is for programs, `number` is what crosses the wire
 * (PROTOCOL.md, section 8), `message` says what was expected, what was found and what to do, `cause` is the original.
 */
export class ArrowlabError extends Error {
  readonly code: ErrorCode;
  readonly number: number;

  constructor(error: ErrorName | number, message: string, options?: ErrorOptions) {
    super(message, options);
    const name = typeof error === 'number' ? nameOfNumber.get(error) : error;
    this.name = 'ArrowlabError';
    this.code = `ERR_ARROWLAB_${name ?? (error as number)}`;
    this.number = typeof error === 'number' ? error : numberOfName.get(error)!;
  }

  /** Throws ABORTED when the signal says so; `what` was given up. */
  static throwIfAborted(signal: AbortSignal | undefined, what: string): void {
    if (signal?.aborted) throw ArrowlabError.aborted(signal, what);
  }

  /** What a caller who gives up by its signal gets; the signal's reason is the cause. */
  static aborted(signal: AbortSignal | undefined, what: string): ArrowlabError {
    return new ArrowlabError('ABORTED', `${what} was given up`, { cause: signal?.reason });
  }

  /** The error that came as `number` from the other side; unknown numbers are kept as they are. */
  static fromWire(number: number, message: string): ArrowlabError {
    return new ArrowlabError(number, message);
  }
}
