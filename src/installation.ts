import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The absolute path of a file of this copy of Arrowlab, given from its root. */
export const inPackage = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** Whether this copy is a checkout, which set-up makes ready, and not an installed package. */
export const isCheckout = existsSync(inPackage('scripts/setup.mjs'));
