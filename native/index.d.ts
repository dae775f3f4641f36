/**
 * The native addon: the only code of the Node side that touches file descriptors of regions and raw addresses.
 * It knows nothing of Arrow, streams or leases. Offsets and lengths are in bytes, safe integers, and are checked
 * against the region. Failures are thrown (or rejected) as an Error with `arrowlabName`, a name of src/wire/errors.json,
 * and, where a system call failed, `syscall` and `errno`.
 */

/** An endpoint's own region: a sealed sparse memfd, mapped read-write and shared for as long as this object or one of its windows lives. */
export class Region {
  /** @param byteLength size of the memfd: a multiple of 4,096. ADDRESS_SPACE when the system refuses so much. */
  constructor(byteLength: number);
  readonly byteLength: number;
  /** Copies `bytes` to `offset`: one memcpy. */
  write(offset: number, bytes: ArrayBufferView): void;
  /** Reads up to `byteLength` bytes of the file `fd` from `position` on straight into the region; returns how many there were. */
  readFrom(fd: number, position: number, offset: number, byteLength: number): number;
  /** An ArrayBuffer over `[offset, offset + byteLength)`, no copy. Ends with `detach` or garbage collection. */
  window(offset: number, byteLength: number): ArrayBuffer;
  /** Makes the pages of the range resident and writable, on another thread. The range's contents must not matter to anyone. */
  populate(offset: number, byteLength: number): Promise<void>;
  /** Gives the pages of the range back to the system; they read as zeros afterwards. */
  punch(offset: number, byteLength: number): void;
  /** Bytes of memory that the region really occupies (st_blocks). */
  residentBytes(): number;
  /** Lets the memory go, as soon as no window of it is left. Every other call throws CLOSED from now on. */
  close(): void;
}

/** A peer's region, mapped private: what JavaScript writes into it reaches nobody else. Mapped at the first window. */
export class Mapping {
  private constructor();
  readonly byteLength: number;
  /** An ArrayBuffer over `[offset, offset + byteLength)`, no copy. Ends with `detach` or garbage collection. */
  window(offset: number, byteLength: number): ArrayBuffer;
  /** Whether the `byteLength` bytes of `bytes` lie in this map. */
  contains(bytes: ArrayBufferView): boolean;
  /** Drops the private pages that JavaScript wrote to in the range, so that they hide nothing of what the peer writes next; returns their bytes. */
  discardWrites(offset: number, byteLength: number): number;
  /** Lets the map go, as soon as no window of it is left. */
  close(): void;
}

/** A connection whose handshake is done: both HELLOs checked, nothing else read or sent. */
export interface Greeted {
  /** The socket; the receiver owns it. */
  fd: number;
  /** The peer's region. */
  mapping: Mapping;
  /** From SO_PEERCRED: of an inherited socket these name its creator. */
  pid: number;
  uid: number;
  /** Refers to the process `pid`, or -1 where the system has none; the receiver owns it. */
  pidfd: number;
  /** As the peer's HELLO says. */
  name: string;
  minor: number;
  features: bigint;
}

/** What a peer that was turned away did wrong. */
export interface Refused {
  arrowlabName: string;
  message: string;
  pid: number;
  uid: number;
}

/** Listens on a path (mode 0600, replacing a socket that nobody listens on), greets every caller on a thread of its own for at most 2 s. */
export class Listener {
  constructor(
    path: string,
    region: Region,
    name: string,
    onPeer: (refused: Refused | null, peer: Greeted | null) => void,
  );
  /** Stops listening and removes the path. Handshakes under way are dropped. */
  close(): void;
}

/** Connects to a path and greets. */
export function connect(path: string, region: Region, name: string): Promise<Greeted>;
/**
 * Greets over a connected socket that is already open (inherited, or one end of a pair); takes the descriptor over, also on failure.
 * @param startTimeoutMs how long the process on the other side may take to start, before its HELLO's own 2 s begin.
 */
export function adopt(fd: number, region: Region, name: string, startTimeoutMs: number): Promise<Greeted>;
/** Two connected sockets, both close-on-exec. */
export function socketPair(): [number, number];
/** Lets the other threads of this process open a range of an own region, by the number it returns, until `endSharing`. */
export function shareRange(region: Region, offset: number, byteLength: number): number;
/** An ArrayBuffer over `[offset, offset + byteLength)` of a shared range, no copy. Ends with `detach` or garbage collection. Throws RELEASED. */
export function openShared(id: number, offset: number, byteLength: number): ArrayBuffer;
/** How many ArrayBuffers over a shared range there are, in all threads. One that was detached counts until its thread's event loop turns. */
export function sharedWindows(id: number): number;
/** From now on nobody can open the range. */
export function endSharing(id: number): void;
/** Whether the process of this pidfd still runs. */
export function isAlive(pidfd: number): boolean;
/** Detaches an ArrayBuffer: every view of it has length 0 from now on. */
export function detach(buffer: ArrayBuffer): void;
/**
 * Refers to an ArrayBuffer without keeping it, not even through V8's minor collections, as a WeakRef does. Returns a small number, which is used
 * again after `detachReferred` or `takeCollected` gave it back.
 */
export function refer(buffer: ArrayBuffer): number;
/** The ArrayBuffer of a number; undefined once it was collected. */
export function referred(number: number): ArrayBuffer | undefined;
/** Detaches the ArrayBuffer of a number and gives the number back; false where it was collected. */
export function detachReferred(number: number): boolean;
/** Gives back the numbers of all ArrayBuffers that were collected so far, and returns them. */
export function takeCollected(): number[];
/**
 * Adds to the bytes outside of its heap that V8 believes JavaScript objects keep, and returns their sum. V8 aborts the process where that
 * would be negative.
 */
export function adjustExternalMemory(bytes: number): number;
