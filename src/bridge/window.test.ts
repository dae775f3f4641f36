import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { discardGreeted, type Greeted, native } from '../native.js';
import { allGarbage, youngGarbage } from './collector.js';
import { pressure } from './pressure.js';
import { unpinnedCount, Window } from './window.js';

const MIB = 2 ** 20;

let greeted: Greeted[];
let regions: InstanceType<ReturnType<typeof native>['Region']>[];
let told: number[];

beforeEach(async () => {
  const { Region, adopt, socketPair } = native();
  regions = [new Region(MIB), new Region(MIB)];
  greeted = await Promise.all(socketPair().map((fd, i) => adopt(fd, regions[i]!, 'test', 0)));
  told = [];
});

afterEach(async () => {
  await allGarbage.collect();
  Window.takeCollected();
  expect(pressure.windowBytes).toBe(0);
  expect(unpinnedCount()).toBe(0);
  for (const peer of greeted) discardGreeted(peer);
  for (const region of regions) region.close();
});

function open(id = 0): Window {
  const mine = told;
  return new Window(greeted[0]!.mapping.window(0, MIB), () => mine.push(id));
}

describe('a window', () => {
  it('is collected by one minor collection once it is pinned no more, and not before', async () => {
    await allGarbage.collect(); // while V8 marks, what is young stays
    const windows = Array.from({ length: 20 }, (_, id) => open(id));
    youngGarbage.collectNow();
    Window.takeCollected();
    expect(told).toEqual([]);
    expect(windows.every(({ buffer }) => buffer?.byteLength === MIB)).toBe(true);
    for (const window of windows) window.detach();
    const young = Array.from({ length: 20 }, (_, id) => open(id));
    for (const window of young) window.unpin();
    expect(unpinnedCount()).toBe(20);
    youngGarbage.collectNow();
    Window.takeCollected();
    expect(told.length).toBeGreaterThan(17); // the last ones may still lie on the stack
    for (const id of told) expect(young[id]!.buffer).toBeUndefined();
    expect(unpinnedCount()).toBe(20 - told.length);
  });

  it('stays while its ArrayBuffer is referred to, and can be pinned again', async () => {
    const window = open();
    let buffer = window.buffer;
    window.unpin();
    await allGarbage.collect();
    Window.takeCollected();
    expect(window.buffer).toBe(buffer);
    window.pin();
    buffer = undefined;
    await allGarbage.collect();
    Window.takeCollected();
    expect(told).toEqual([]);
    expect(window.buffer?.byteLength).toBe(MIB);
    window.detach();
  });

  it('is empty when it was detached, once, and tells nobody', async () => {
    const window = open();
    const buffer = window.buffer!;
    window.unpin();
    window.detach();
    window.detach();
    expect(buffer.byteLength).toBe(0);
    expect(window.buffer).toBeUndefined();
    await allGarbage.collect();
    Window.takeCollected();
    expect(told).toEqual([]);
  });

  it('can be detached although it was collected and nobody has found that yet', async () => {
    const window = open();
    window.unpin();
    await allGarbage.collect();
    window.detach();
    Window.takeCollected();
    expect(told).toEqual([]);
    expect(window.buffer).toBeUndefined();
  });

  it('may open and end others when it tells that it was collected', async () => {
    const { mapping } = greeted[0]!;
    const ended: Window[] = [];
    const others: Window[] = [];
    const windows: Window[] = Array.from({ length: 10 }, () => {
      const window = new Window(mapping.window(0, MIB), () => {
        ended.push(window);
        for (const one of windows) one.detach(); // those that were collected with it, too
        others.push(new Window(mapping.window(0, MIB), () => {}));
      });
      return window;
    });
    for (const window of windows) window.unpin();
    await allGarbage.collect();
    Window.takeCollected();
    expect(ended).toHaveLength(10);
    expect(others.every(({ buffer }) => buffer?.byteLength === MIB)).toBe(true);
    for (const other of others) other.detach();
  });
});

it('refuses numbers that are not in use', () => {
  const { detachReferred, refer, referred } = native();
  const number = refer(new ArrayBuffer(8));
  expect(detachReferred(number)).toBe(true);
  for (const wrong of [number, 2 ** 32, -1, 0.5, Number.NaN]) {
    const invalid = expect.objectContaining({ arrowlabName: 'INVALID_ARGUMENT' });
    expect(() => referred(wrong)).toThrow(invalid);
    expect(() => detachReferred(wrong)).toThrow(invalid);
  }
  // @ts-expect-error what is no ArrayBuffer
  expect(() => refer(new Uint8Array(8))).toThrow(expect.objectContaining({ arrowlabName: 'INVALID_ARGUMENT' }));
});
