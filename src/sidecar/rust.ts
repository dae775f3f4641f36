import { fileURLToPath } from 'node:url';
import { ArrowlabError } from '../errors.js';
import { findExecutable } from './executable.js';

const CHECKOUT_PEER = fileURLToPath(new URL('../../rust-peer/target/release/arrowlab-peer', import.meta.url));

/** The program of the Rust peer: the one of this checkout, else `arrowlab-peer` on PATH. Throws PEER_FAILED when there is none. */
export function findRustPeer(): string {
  const found = findExecutable(CHECKOUT_PEER) ?? findExecutable('arrowlab-peer');
  if (found) return found;
  throw new ArrowlabError(
    'PEER_FAILED',
    `expected the Rust peer at ${CHECKOUT_PEER} or as arrowlab-peer on PATH, found none: install cargo and run \`npm run setup\``,
  );
}
