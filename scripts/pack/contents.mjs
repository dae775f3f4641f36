/** What the tarball has to contain, each by a pattern that exactly one file fits. */
const NEEDED = [
  /^package\.json$/,
  /^README\.md$/,
  /^CHANGELOG\.md$/,
  /^LICENSE$/,
  /^PROTOCOL\.md$/,
  /^dist\/index\.js$/,
  /^dist\/index\.d\.ts$/,
  /^dist\/cli\/alab\.js$/,
  /^dist\/profile\/peer\.js$/,
  /^native\/build\/arrowlab\.node$/,
  /^native\/index\.d\.ts$/,
  /^python\/arrowlab-[^/]*-py3-none-any\.whl$/,
];
/** What else it may contain; no sources, no tests. */
const ALLOWED = /^dist\/(?!e2e\/|.*\/testing\/|.*\.test\.).*(\.js|\.d\.ts)$/;

/**
 * What is wrong with a tarball of these paths: nothing, or a line for each file that is missing or does not belong there.
 */
export function faultsOf(paths) {
  const missing = NEEDED.filter((pattern) => paths.filter((path) => pattern.test(path)).length !== 1);
  const foreign = paths.filter((path) => !ALLOWED.test(path) && !NEEDED.some((pattern) => pattern.test(path)));
  return [
    ...missing.map((pattern) => `expected exactly one file like ${pattern.source}`),
    ...foreign.map((path) => `${path} does not belong into it`),
  ];
}
