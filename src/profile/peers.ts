import { fileURLToPath } from 'node:url';
import { findPythonPeer, findRustPeer } from '../sidecar/index.js';
import type { PeerCommand } from './ways.js';

export type PeerLanguage = 'python' | 'rust' | 'node';

/** How to start the transfer peer of a language. Throws PEER_FAILED where it is not installed, saying how to install it. */
export function peerCommand(language: PeerLanguage, python?: string): PeerCommand {
  switch (language) {
    case 'node':
      return { command: process.execPath, args: [fileURLToPath(new URL('./peer.js', import.meta.url))] };
    case 'rust':
      return { command: findRustPeer(), args: [] };
    case 'python': {
      const { command, args } = findPythonPeer(python);
      return { command, args: [...args, '-m', 'arrowlab.peer'] };
    }
  }
}
