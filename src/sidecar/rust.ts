import { ArrowlabError } from '../errors.js';
import { inPackage, isCheckout } from '../installation.js';
import { findExecutable } from './executable.js';

const CHECKOUT_PEER = inPackage('rust-peer/target/release/arrowlab-peer');

/** The program of the Rust peer: the one of this checkout, else `arrowlab-peer` on PATH. Throws PEER_FAILED when there is none. */
export function findRustPeer(): string {
  const found = findExecutable(CHECKOUT_PEER) ?? findExecutable('arrowlab-peer');
  if (found) return found;
  throw new ArrowlabError(
    'PEER_FAILED',
    isCheckout
      ? `expected the Rust peer at ${CHECKOUT_PEER} or as arrowlab-peer on PATH, found none: install cargo and run \`npm run setup\``
      : 'expected the Rust peer as arrowlab-peer on PATH, found none, and the npm package does not carry it: `cargo install --path rust-peer` in a checkout of Arrowlab puts it there',
  );
}
