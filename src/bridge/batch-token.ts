import type { Sizes } from '../columns/index.js';

/** What a worker thread needs to open a batch in place: plain data, for `postMessage` or `workerData`. Worth nothing in another process. */
export interface BatchToken {
  /** Of the process whose batch it is: each counts its batches from 1. */
  readonly pid: number;
  readonly id: number;
  /** The schema's IPC message. */
  readonly schema: Uint8Array;
  readonly rows: number;
  readonly dataBytes: Sizes | undefined;
  readonly childRows: Sizes | undefined;
  /** Of the whole batch, its header's room included. */
  readonly byteLength: number;
  readonly headerByteLength: number;
}

/** Where the threads that have a batch open are told that it is handed over. */
export const channelOf = (id: number): string => `arrowlab:batch:${process.pid}:${id}`;
