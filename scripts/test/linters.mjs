const RUFF = ['python-peer/.venv/bin/python', '-m', 'ruff'];
const RUFF_ON = [
  '--config',
  'python-peer/pyproject.toml',
  '--config',
  'src = ["python-peer", "python-peer/src"]',
  'python-peer',
  'src',
  'scripts',
  'examples',
];
// The programs of tests and benchmarks print, and are short: they are held to correctness and format, not to the package's style.
const STYLE_RULES = ['A', 'B', 'C4', 'E', 'N', 'PT', 'RET', 'RUF', 'SIM', 'T20', 'UP'];
const RUFF_RULES = ['src', 'scripts', 'examples'].flatMap((folder) => [
  '--per-file-ignores',
  STYLE_RULES.map((rule) => `${folder}/**/*.py:${rule}`).join(','),
]);
const MANIFEST = ['--manifest-path', 'rust-peer/Cargo.toml'];

/**
 * What looks at the code without running it, warnings being errors. `check` says what is wrong, `fix` (where there is one)
 * mends what can be mended by itself; both run at the root. `half` is the part that has to be installed.
 */
export const LINTERS = [
  {
    name: 'biome',
    check: ['node_modules/.bin/biome', 'check', '--error-on-warnings'],
    fix: ['node_modules/.bin/biome', 'check', '--write'],
  },
  {
    name: 'ruff check',
    half: 'python',
    check: [...RUFF, 'check', ...RUFF_RULES, ...RUFF_ON],
    fix: [...RUFF, 'check', '--fix-only', ...RUFF_RULES, ...RUFF_ON],
  },
  {
    name: 'ruff format',
    half: 'python',
    check: [...RUFF, 'format', '--check', ...RUFF_ON],
    fix: [...RUFF, 'format', ...RUFF_ON],
  },
  {
    name: 'pyright',
    half: 'python',
    check: ['python-peer/.venv/bin/python', '-m', 'pyright', '--warnings', '--project', 'python-peer'],
  },
  {
    name: 'rustfmt',
    half: 'rust',
    check: ['cargo', 'fmt', '--check', ...MANIFEST],
    fix: ['cargo', 'fmt', ...MANIFEST],
  },
  {
    name: 'clippy',
    half: 'rust',
    check: [
      'cargo',
      'clippy',
      '--release',
      '--locked',
      '--all-targets',
      '--quiet',
      '--jobs',
      '2',
      ...MANIFEST,
      '--',
      '--deny',
      'warnings',
    ],
  },
];
