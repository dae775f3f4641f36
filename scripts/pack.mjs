// `npm run pack`: the installable tarball, arrowlab-VERSION.tgz; publishes nothing. An argument names its folder. Set-up and the wheel
// come before it, as npm runs `prepack` before the script `pack` as well as before its own command `npm pack`.
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { faultsOf } from './pack/contents.mjs';
import { librariesOf, loadsWithNode } from './pack/libraries.mjs';
import { findNpm } from './setup/tools.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const destination = resolve(process.argv[2] ?? '.');

function pack() {
  const { command, args } = findNpm();
  const output = execFileSync(
    command,
    [...args, 'pack', '--ignore-scripts', '--json', '--pack-destination', destination],
    {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  return Object.values(JSON.parse(output.slice(output.search(/^[[{]/m))))[0];
}

const versions = (libraries) =>
  Object.entries(libraries)
    .map(([name, version]) => `${name === 'GLIBC' ? 'glibc' : 'libstdc++ symbols'} >= ${version.join('.')}`)
    .join(', ');

const { filename, files, size, unpackedSize, integrity } = pack();
const tarball = join(destination, filename);
const faults = faultsOf(files.map(({ path }) => path));
const libraries = librariesOf(join(root, 'native/build/arrowlab.node'));
if (faults.length > 0) {
  rmSync(tarball);
  console.error(`pack: the tarball is not what it has to be, and was removed:\n  ${faults.join('\n  ')}`);
  process.exitCode = 1;
} else {
  if (!loadsWithNode(libraries))
    console.error('pack: the addon asks for more than Node 20 does: build on an older system what others install');
  console.log(`${files.length} files, ${Math.round(size / 1024)} KiB, unpacked ${Math.round(unpackedSize / 1024)} KiB`);
  console.log(`addon: linux-${process.arch}, Node >= 20.20, ${versions(libraries)}`);
  console.log(integrity);
  console.log(tarball);
}
