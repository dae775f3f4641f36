// From just before a descriptor is sent until the peer has read the first value (one way), and until its release is back (round trip).
// Writing the batch is not part of it. Beside each handoff, in turn, a bare 32-byte ping-pong over the same kind of socket under the same
// conditions: right after the same write into a region of its own, with the same cold caches and sleeping processors.
import { availableParallelism } from 'node:os';
import { execa } from 'execa';
import { benchPeers } from './peers.mjs';
import { bytesText, usText } from './report.mjs';
import { openPing, openStream } from './round-trips.mjs';
import { median, quantile } from './statistics.mjs';
import { batchOf, placer } from './tables.mjs';

const KIB = 2 ** 10;
/** Bytes of a batch, and how many pairs of ping-pong and handoff. */
const SIZES = [
  [KIB, 1_000],
  [KIB * KIB, 500],
  [64 * KIB * KIB, 100],
  [KIB * KIB * KIB, 20],
];
const WARM_UPS = 4_000;
const TIGHT_PINGS = 2_000;
const TARGETS = { python: 2, rust: 1.5 };

async function measureSize(ping, stream, byteLength, pairs) {
  const batch = batchOf(byteLength);
  const place = placer(byteLength);
  const pings = [];
  const first = stream.count;
  const roundTrips = [];
  for (let pair = -2; pair < pairs; pair++) {
    const pong = async () => {
      await place.once(batch);
      return ping.once();
    };
    const turn = pair % 2 === 0 ? [pong, () => stream.once(batch)] : [() => stream.once(batch), pong];
    const times = [await turn[0](), await turn[1]()];
    const [pinged, handed] = pair % 2 === 0 ? times : times.reverse();
    pings.push(pinged);
    roundTrips.push(handed);
  }
  place.close();
  return { byteLength, first: first + 2, pings: pings.slice(2), roundTrips: roundTrips.slice(2) };
}

async function measure(peer) {
  const ping = openPing(peer);
  const stream = await openStream(peer);
  const small = batchOf(KIB);
  for (let i = 0; i < WARM_UPS; i++) {
    await ping.once();
    await stream.once(small);
  }
  const tight = [];
  for (let i = 0; i < TIGHT_PINGS; i++) tight.push(await ping.once());
  const sizes = [];
  for (const [byteLength, pairs] of SIZES) sizes.push(await measureSize(ping, stream, byteLength, pairs));
  await ping.close();
  const oneWays = await stream.close();
  return {
    tight,
    sizes: sizes.map(({ first, ...size }) => ({ ...size, oneWays: oneWays.slice(first, first + size.pings.length) })),
  };
}

const ratioOfMedians = ({ pings, roundTrips }) => median(roundTrips) / median(pings);
/** Of each pair: the better one where some pairs were disturbed and others not. */
const medianOfRatios = ({ pings, roundTrips }) => median(roundTrips.map((time, i) => time / pings[i]));

function describe(report, title, { tight, sizes }) {
  const both = (times) => [usText(median(times)), usText(quantile(times, 0.99))];
  report.table(
    `${title}, us`,
    ['batch', 'ping p50', 'p99', 'one way p50', 'p99', 'round trip p50', 'p99', 'ratio of medians', 'median of ratios'],
    [
      ['ping-pong in a tight loop', ...both(tight), '', '', '', '', '', ''],
      ...sizes.map((size) => [
        bytesText(size.byteLength),
        ...[size.pings, size.oneWays, size.roundTrips].flatMap(both),
        ratioOfMedians(size).toFixed(2),
        medianOfRatios(size).toFixed(2),
      ]),
    ],
  );
}

/** Runs `work` with this process, and those it starts, on one processor; false where that can't be had. */
async function onOneProcessor(work) {
  const pin = (processors) => execa('taskset', ['-a', '-c', '-p', processors, String(process.pid)], { reject: false });
  const last = availableParallelism() - 1;
  if (last === 0 || (await pin('0')).failed) return false;
  await work();
  await pin(`0-${last}`);
  return true;
}

export async function run(report) {
  for (const peer of benchPeers()) {
    const measured = await measure(peer);
    describe(report, `node -> ${peer.language}`, measured);
    const target = { atMost: TARGETS[peer.language] };
    for (const size of measured.sizes) {
      const what = `${bytesText(size.byteLength)} node -> ${peer.language}, round trip / ping-pong`;
      report.figure(`${what}, of medians`, ratioOfMedians(size), target);
      report.figure(`${what}, in pairs`, medianOfRatios(size), target);
    }
    const pinned = `node -> ${peer.language}, both on one processor`;
    if (!(await onOneProcessor(async () => describe(report, pinned, await measure(peer)))))
      report.say(`${pinned}: left out, since taskset or a second processor is missing`);
  }
}
