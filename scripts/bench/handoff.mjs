// From just before a descriptor is sent until the peer has read the first value (the handoff), and until its release is back (the round
// trip). Beside each, in turn, a bare 32-byte ping-pong over the same kind of socket. In place: the batch lies in the region, and nothing but
// ping-pongs happens just before. Copied: it is written into the region just before, and before the ping-pong beside it too, so that both find
// the same cold caches and sleeping processors.
import { availableParallelism } from 'node:os';
import { execa } from 'execa';
import { benchPeers } from './peers.mjs';
import { bytesText, usText } from './report.mjs';
import { openPing, openStream } from './round-trips.mjs';
import { median, quantile } from './statistics.mjs';
import { batchOf, placer, rowsOf } from './tables.mjs';

const KIB = 2 ** 10;
const MIB = 2 ** 20;
/** Bytes of a batch, and how many pairs of ping-pong and handoff where it is in place and where it is copied. */
const SIZES = [
  { byteLength: KIB, inPlace: 500, copied: 1_000 },
  { byteLength: MIB, inPlace: 500, copied: 500 },
  { byteLength: 64 * MIB, inPlace: 500, copied: 100 },
  { byteLength: KIB * MIB, inPlace: 500, copied: 20 },
];
const WARM_UPS = 4_000;
const SETTLING_MS = 3;
const TARGETS = { python: 2, rust: 1.5 };

/** Pairs of a ping-pong and a handoff, each first in every other pair. */
async function measurePairs(ping, hand, stream, byteLength, pairs) {
  const pings = [];
  const first = stream.count + 2;
  const roundTrips = [];
  for (let pair = -2; pair < pairs; pair++) {
    const turn = pair % 2 === 0 ? [ping, hand] : [hand, ping];
    const times = [await turn[0](), await turn[1]()];
    const [pinged, handed] = pair % 2 === 0 ? times : times.reverse();
    pings.push(pinged);
    roundTrips.push(handed);
  }
  return { byteLength, first, pings: pings.slice(2), roundTrips: roundTrips.slice(2) };
}

async function measureCopied(ping, stream, { byteLength, copied }) {
  const batch = batchOf(byteLength);
  const place = placer(byteLength);
  const pong = async () => {
    await place.once(batch);
    return ping.once();
  };
  const size = await measurePairs(pong, () => stream.once(batch), stream, byteLength, copied);
  place.close();
  return size;
}

async function measureInPlace(ping, stream, { byteLength, inPlace }) {
  const rows = rowsOf(byteLength);
  let commit;
  const pong = async () => {
    commit ??= await filled(ping, stream, rows);
    return ping.once();
  };
  const hand = async () => {
    const handOver = commit ?? (await filled(ping, stream, rows));
    commit = undefined;
    return handOver();
  };
  return measurePairs(pong, hand, stream, byteLength, inPlace);
}

/** A batch in place, and after it some ping-pongs: what allocating it left behind is over when it is handed over. */
async function filled(ping, stream, rows) {
  const commit = await stream.fill(rows);
  for (const until = performance.now() + SETTLING_MS; performance.now() < until; ) await ping.once();
  return commit;
}

async function measure(peer) {
  const ping = openPing(peer);
  const stream = await openStream(peer);
  for (let i = 0; i < WARM_UPS; i++) {
    await ping.once();
    await (await stream.fill(1))();
  }
  const inPlace = [];
  const copied = [];
  for (const size of SIZES) inPlace.push(await measureInPlace(ping, stream, size));
  for (const size of SIZES) copied.push(await measureCopied(ping, stream, size));
  await ping.close();
  const handoffs = await stream.close();
  const withHandoffs = ({ first, ...size }) => ({
    ...size,
    handoffs: handoffs.slice(first, first + size.pings.length),
  });
  return { inPlace: inPlace.map(withHandoffs), copied: copied.map(withHandoffs) };
}

const ratio = ({ pings, handoffs }) => median(handoffs) / median(pings);

function describe(report, title, sizes) {
  const both = (times) => [usText(median(times)), usText(quantile(times, 0.99))];
  report.table(
    `${title}, us`,
    [
      'batch',
      'ping-pong p50',
      'p99',
      'handoff p50',
      'p99',
      'round trip p50',
      'p99',
      'handoff / ping-pong',
      'round trip / ping-pong',
    ],
    sizes.map((size) => [
      bytesText(size.byteLength),
      ...[size.pings, size.handoffs, size.roundTrips].flatMap(both),
      ratio(size).toFixed(2),
      (median(size.roundTrips) / median(size.pings)).toFixed(2),
    ]),
  );
}

function describeBoth(report, title, { inPlace, copied }) {
  describe(report, `${title}, in place`, inPlace);
  describe(report, `${title}, copied just before`, copied);
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
    const title = `node -> ${peer.language}`;
    const measured = await measure(peer);
    describeBoth(report, title, measured);
    const target = { atMost: TARGETS[peer.language] };
    for (const size of measured.inPlace)
      report.figure(`${bytesText(size.byteLength)} ${title} in place, handoff / ping-pong`, ratio(size), target);
    const medians = measured.inPlace.map(({ handoffs }) => median(handoffs));
    report.figure(`${title} in place, slowest size / fastest`, Math.max(...medians) / Math.min(...medians));
    for (const size of measured.copied)
      report.figure(
        `${bytesText(size.byteLength)} ${title} copied just before, handoff / ping-pong`,
        ratio(size),
        target,
      );
    const isPinned = await onOneProcessor(async () =>
      describeBoth(report, `${title}, both on one processor`, await measure(peer)),
    );
    if (!isPinned)
      report.say(`${title}, both on one processor: left out, since taskset or a second processor is missing`);
  }
}
