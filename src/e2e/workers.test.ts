import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const arrowlab = new URL('../../dist/index.js', import.meta.url).href;
const TIMES = 5;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'arrowlab-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

/** What a process prints that runs `body` with a path of its own, `TIMES` times; `work` starts a Worker. */
async function run(body: string): Promise<string> {
  const program = `
    import { once } from 'node:events';
    import { connect, createServer } from 'node:net';
    import { setTimeout as sleep } from 'node:timers/promises';
    import { Worker } from 'node:worker_threads';
    const work = (code) => {
      const worker = new Worker(
        'import(${JSON.stringify(arrowlab)}).then(async (arrowlab) => {' + code + '})', { eval: true });
      worker.on('error', (error) => { throw error; });
      return worker;
    };
    for (let i = 0; i < ${TIMES}; i++) {
      const path = ${JSON.stringify(join(folder, 'server'))} + i;
      ${body}
    }
    await sleep(2500); // longer than a handshake may take
    console.log('still here');`;
  return (await execa('node', ['--input-type=module', '--eval', program])).stdout;
}

describe('a Worker that is terminated', () => {
  it('while connect() waits for a silent server takes its handshake along at once', async () => {
    const output = await run(`
      const server = createServer().listen(path);
      await once(server, 'listening');
      const worker = work('arrowlab.connect(' + JSON.stringify(path) + ')');
      const [socket] = await once(server, 'connection');
      socket.on('error', () => {}).resume();
      const ended = once(socket, 'close');
      const before = performance.now();
      await worker.terminate();
      await ended;
      if (performance.now() - before > 1500) throw new Error('the handshake was waited for');
      server.close();`);
    expect(output).toBe('still here');
  }, 30_000);

  it('while its server greets a silent caller takes server and handshake along at once', async () => {
    const output = await run(`
      const worker = work('await arrowlab.listen({ path: ' + JSON.stringify(path) + ' });'
        + '(await import("node:worker_threads")).parentPort.postMessage("listening")');
      await once(worker, 'message');
      const socket = connect(path);
      await once(socket, 'data'); // its HELLO: the handshake is under way
      const ended = once(socket.on('error', () => {}).resume(), 'close');
      const before = performance.now();
      await worker.terminate();
      await ended;
      if (performance.now() - before > 1500) throw new Error('the handshake was waited for');`);
    expect(output).toBe('still here');
  }, 30_000);
});
