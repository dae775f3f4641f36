import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

export const ALAB = fileURLToPath(new URL('../../dist/cli/alab.js', import.meta.url));

/** Runs `alab` to its end. */
export const alab = (...args: string[]) => execa(process.execPath, [ALAB, ...args], { reject: false });

/** What a shell says of a command line in which `alab` stands for the command. */
export const shell = (line: string) =>
  execa('bash', ['-c', line.replaceAll('alab', `"${process.execPath}" "${ALAB}"`)], { reject: false });

/** `alab ipc publish --json` while it runs. */
export class Publisher {
  readonly child;
  readonly events: { event: string; [detail: string]: unknown }[] = [];

  /** `args`: files and options. */
  constructor(path: string, args: string[], env: NodeJS.ProcessEnv = {}) {
    const all = [ALAB, 'ipc', 'publish', '--json', '--socket', path, ...args];
    this.child = execa(process.execPath, all, { reject: false, stdin: 'pipe', buffer: { stdout: false }, env });
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      this.events.push(JSON.parse(line));
      this.child.emit('said' as 'message', {}, undefined);
    });
  }

  /** Waits until it has said `event` `count` times; fails when it ends before. */
  async said(event: string, count = 1): Promise<void> {
    const isSaid = () => this.events.filter((each) => each.event === event).length >= count;
    while (!isSaid()) {
      const ended = this.child.then(({ stderr }) => {
        if (!isSaid())
          throw new Error(`the publisher ended without ${event}: ${JSON.stringify(this.events)} ${stderr}`);
      });
      await Promise.race([once(this.child, 'said'), ended]);
    }
  }

  /** Ends it; its exit code. */
  async end(signal: NodeJS.Signals = 'SIGINT'): Promise<number | undefined> {
    this.child.kill(signal);
    return (await this.child).exitCode;
  }
}
