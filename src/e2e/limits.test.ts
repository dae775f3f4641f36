import { mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Table } from 'apache-arrow';
import { afterEach, describe, expect, it } from 'vitest';
import { MIB, type Program, priceSchema, pricesOf, useBridge } from './bridge.js';

const bridge = useBridge();

const HOLD = {
  python: `
peer = arrowlab.connect(path)
held = list(peer.subscribe("prices"))
say("held", sum(int(batch.column(0)[0].as_py()) for batch in held))
hear()
`,
  node: `
const peer = await arrowlab.connect(path);
const held = [];
for await (const batch of peer.subscribe('prices')) held.push(batch);
say('held', held.reduce((sum, batch) => sum + batch.getChild('price').get(0), 0));
await hear();
`,
};

/** A program that holds the stream, under a shell's limits. */
function limited(language: 'python' | 'node' | 'rust', limits: string): Program {
  const program = bridge.limited(limits, language === 'rust' ? undefined : { language, body: HOLD[language] });
  if (language === 'rust') program.say('go');
  return program;
}

async function held(program: Program): Promise<void> {
  let line = await program.line();
  if (line.includes('"ready"')) line = await program.line();
  expect(line).toMatch(/^held 6$|"event":"held"/);
}

const LANGUAGES = ['python', 'node', 'rust'] as const;

describe('a consumer whose core is dumped', () => {
  it.each(LANGUAGES)(
    "leaves the region's resident bytes as they were, and writes none of it (%s)",
    async (language) => {
      const server = await bridge.serve({ maxBytes: 256 * MIB });
      await server.publish(
        'prices',
        new Table(
          priceSchema,
          [0, 1, 2, 3].map((first) => pricesOf(16 * MIB, first)),
        ),
      );
      const consumer = limited(language, 'ulimit -c unlimited; cd "$FOLDER"');
      await held(consumer);
      const before = server.stats().residentBytes;
      consumer.child.kill('SIGABRT');
      await consumer.child;
      expect(server.stats().residentBytes).toBe(before);
      if (!readFileSync('/proc/sys/kernel/core_pattern', 'utf8').startsWith('core')) return; // it went elsewhere
      const core = bridge.files().find((name) => name.startsWith('core'))!;
      expect(core).toBeDefined();
      const image = readFileSync(join(bridge.folder, core));
      expect(image.includes(Buffer.from(new Float64Array([1000, 1001, 1002, 1003, 1004]).buffer))).toBe(false);
      expect(statSync(join(bridge.folder, core)).blocks * 512).toBeGreaterThan(0);
    },
  );
});

describe('a process with little address space', () => {
  it.each(['python', 'rust'] as const)('reads, or says that the region does not fit (%s)', async (language) => {
    const server = await bridge.serve({ maxBytes: 64 * MIB });
    await server.publish(
      'prices',
      new Table(
        priceSchema,
        [0, 1, 2, 3].map((first) => pricesOf(MIB, first)),
      ),
    );
    const consumer = limited(language, 'ulimit -v 8000000');
    const outcome = await consumer.line().catch((error: Error) => error.message);
    expect(outcome).toMatch(/ADDRESS_SPACE|AddressSpace/);
    expect(outcome).toContain('ulimit -v');
  });

  it('serves a smaller region from Node, which anyone can map', async () => {
    const producer = bridge.limited('ulimit -v 12000000', {
      language: 'node',
      body: `
const server = await arrowlab.listen({ path, inlineBelow: 0 });
const stream = await server.publish('prices', pricesOf(${MIB}, 6));
say('published');
await hear();
`,
    });
    expect(await producer.line()).toBe('published');
    for (const language of LANGUAGES) await held(limited(language, ':'));
  });
});

describe('a process with a limit on the size of files', () => {
  it.each(LANGUAGES)('works: its own region is as small as the limit wants it (%s)', async (language) => {
    const server = await bridge.serve();
    await server.publish(
      'prices',
      new Table(
        priceSchema,
        [0, 1, 2, 3].map((first) => pricesOf(MIB, first)),
      ),
    );
    await held(limited(language, 'ulimit -f 1000'));
  });
});

describe('a process in a small control group', () => {
  const folder = `/sys/fs/cgroup/memory/arrowlab-${process.pid}`;
  const canMake = (() => {
    try {
      mkdirSync(folder);
      return true;
    } catch {
      return false;
    }
  })();

  afterEach(() => {
    if (canMake) rmdirSync(folder);
  });

  it.runIf(canMake)('takes half of what the group leaves, waits at that, and is not killed', async () => {
    const limit = 256 * MIB;
    writeFileSync(join(folder, 'memory.limit_in_bytes'), String(limit));
    const producer = bridge.limited(`echo $$ > ${folder}/cgroup.procs`, {
      language: 'node',
      body: `
const server = await arrowlab.listen({ path, inlineBelow: 0, waitTimeoutMs: 500 });
const { maxBytes } = server.stats();
const stream = server.publish('prices', pricesOf(8).schema, { retain: 'all' });
try {
  for (let i = 0; i < 1000; i++) await stream.write(pricesOf(${MIB}, i));
} catch (error) {
  say(maxBytes, error.code, server.stats().residentBytes);
}
await hear();
`,
    });
    const [maxBytes, code, residentBytes] = (await producer.line()).split(' ');
    expect(Number(maxBytes)).toBeGreaterThan(0.25 * limit);
    expect(Number(maxBytes)).toBeLessThanOrEqual(0.5 * limit);
    expect(code).toBe('ERR_ARROWLAB_MEMORY_LIMIT');
    expect(Number(residentBytes)).toBeLessThanOrEqual(Number(maxBytes));
    await producer.kill();
  });
});
