import { ArrowlabError, ERRORS, type ErrorName } from '../../errors.js';
import type { Frame } from '../../wire/index.js';
import { FrameReceiver } from '../../wire/receiver.js';
import type { Verdict } from './raw-socket.js';

/** What PROTOCOL.md has a side do with bytes that it is sent. */
export interface Expectation {
  /** Frames up to the one that ends the connection, that one included. */
  frames: number;
  /** Names of errors, one of which has to come back; null among them: none has to. */
  errors: (ErrorName | null)[];
}

/** One side's streams and leases, as far as the protocol speaks of them. */
export interface Model {
  /** The name of the violation that a frame is. 'over': nothing after it is answered. 'any': from here on it depends on who was faster. */
  take(frame: Frame): ErrorName | 'over' | 'any' | undefined;
  /** What else may end the connection, whenever its readers come to it. */
  readonly sideErrors: ErrorName[];
}

const VIOLATIONS = ERRORS.filter(({ number }) => number < 40);
const ANY: (ErrorName | null)[] = [null, ...VIOLATIONS.map(({ name }) => name)];

/** What has to come of bytes that are sent to the side which a model describes. */
export function expectation(bytes: Buffer, model: Model): Expectation {
  const receiver = new FrameReceiver();
  receiver.push(bytes);
  let frames = 0;
  try {
    for (const frame of receiver.frames()) {
      frames++;
      const outcome = model.take(frame);
      if (outcome === 'any') return { frames, errors: ANY };
      if (outcome === 'over') return { frames, errors: [null, ...model.sideErrors] };
      if (outcome) return { frames, errors: [outcome, ...model.sideErrors] };
    }
  } catch (error) {
    if (!(error instanceof ArrowlabError)) throw error;
    const name = error.code.slice('ERR_ARROWLAB_'.length) as ErrorName;
    return { frames: frames + 1, errors: [name, ...model.sideErrors] };
  }
  return { frames, errors: [null, ...model.sideErrors] };
}

/** What is wrong with how a connection ended; null where nothing is. */
export function objection({ error, message, complaint }: Verdict, { errors, frames }: Expectation): string | null {
  if (complaint) return complaint;
  const found = error === null ? null : VIOLATIONS.find(({ number }) => number === error)?.name;
  const wanted = `${errors.map((name) => name ?? 'no error').join(' or ')} after ${frames} frames`;
  if (found === undefined)
    return `expected ${wanted}, found error number ${error}, which is no violation's: ${message}`;
  if (!errors.includes(found)) return `expected ${wanted}, found ${found ?? 'no error'}: ${message}`;
  return null;
}
