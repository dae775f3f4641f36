import { findRustPeer } from '../sidecar/index.js';

function hasRust(): boolean {
  try {
    findRustPeer();
    return true;
  } catch {
    return false;
  }
}

/** Which peers this checkout has. Tests of another are skipped, which `npm test` says, and takes for a failure where nothing was left out. */
export const installed = { python: true, rust: hasRust(), node: true };
