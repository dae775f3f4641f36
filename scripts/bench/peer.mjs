// The Node side of the benchmarks: reads the stream "bench" over descriptor 3 and says every so many batches what it took.
// usage: node peer.mjs shared EVERY (release | forget | keep)
import { inherit } from '../../dist/index.js';

const [, , , every, read] = process.argv;

const mark = () => {
  const { user, system } = process.cpuUsage();
  console.log(JSON.stringify({ cpuNs: (user + system) * 1e3 }));
};

const peer = await inherit(3);
const batches = peer.subscribe('bench');
const kept = [];
let count = 0;
mark();
for await (const batch of batches) {
  for (let column = 0; column < batch.numCols; column++) batch.getChildAt(column).get(0);
  if (read === 'release') batch.release();
  else if (read === 'keep') kept.push(batch);
  if (++count % Number(every) === 0) mark();
}
await peer.close();
