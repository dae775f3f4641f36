// The other sides of the handoff benchmark, as far as they are installed.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

export function benchPeers() {
  return [
    { language: 'python', command: at('python-peer/.venv/bin/python'), args: [at('scripts/bench/peer.py')] },
    { language: 'rust', command: at('rust-peer/target/release/examples/bench-peer'), args: [] },
  ].filter(({ command }) => existsSync(command));
}
