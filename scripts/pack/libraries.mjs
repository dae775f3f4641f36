import { execFileSync } from 'node:child_process';

/** What Node 20 itself asks of a system: an addon that asks for no more loads wherever Node does. */
export const NODE_NEEDS = { GLIBC: [2, 28], GLIBCXX: [3, 4, 25] };

const isNewer = (version, than) => {
  const at = version.findIndex((part, i) => part !== (than[i] ?? 0));
  return at >= 0 && version[at] > (than[at] ?? 0);
};

/** The newest version of each library (GLIBC: the C library, GLIBCXX: libstdc++) that an addon's symbols ask for. Needs objdump, which comes with compilers. */
export function librariesOf(addon) {
  const newest = {};
  for (const [, name, text] of execFileSync('objdump', ['-T', addon], { encoding: 'utf8' }).matchAll(
    /\b(GLIBC|GLIBCXX)_([0-9.]+)/g,
  )) {
    const version = text.split('.').map(Number);
    if (!newest[name] || isNewer(version, newest[name])) newest[name] = version;
  }
  return newest;
}

/** Whether an addon with these needs loads wherever Node 20 does. */
export const loadsWithNode = (libraries) =>
  Object.entries(libraries).every(([name, version]) => !isNewer(version, NODE_NEEDS[name]));
