import { debuglog } from 'node:util';

/**
 * What happens on the bridge, a line each on standard error with `NODE_DEBUG=arrowlab`. In hot paths ask `debug.enabled` before
 * anything is put together for it.
 */
export const debug = debuglog('arrowlab');
