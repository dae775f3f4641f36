import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { connect, createServer } from 'node:net';

// The lock is an abstract socket, which the kernel drops with its process: nothing can be left over, so nothing stale has
// to be recognised and taken over. Whoever connects is told the holder's pid and waits for the end of the connection.
const addressOf = (root) =>
  `\0arrowlab-setup-${createHash('sha256').update(realpathSync(root)).digest('hex').slice(0, 32)}`;

/**
 * Waits until no other set-up of this checkout runs, and keeps others waiting until the returned function is called or
 * this process ends. `onWait` gets the pid of each set-up that is waited for.
 */
export async function takeLock(root, onWait) {
  const address = addressOf(root);
  for (;;) {
    const release = await tryTake(address);
    if (release) return release;
    await holderGone(address, onWait);
  }
}

function tryTake(address) {
  const waiting = new Set();
  const server = createServer((socket) => {
    waiting.add(socket.on('error', () => {}).on('close', () => waiting.delete(socket)));
    socket.write(`${process.pid}`);
  }).unref();
  return new Promise((resolve, reject) => {
    server.once('error', (error) => (error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error)));
    server.listen(address, () =>
      resolve(() => {
        server.close();
        for (const socket of waiting) socket.destroy();
      }),
    );
  });
}

function holderGone(address, onWait) {
  return new Promise((resolve) => {
    connect(address)
      .setEncoding('utf8')
      .once('data', (pid) => onWait(Number(pid)))
      .on('error', () => {}) // gone between our two calls
      .once('close', resolve);
  });
}
