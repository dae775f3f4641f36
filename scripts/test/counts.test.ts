import { expect, test } from 'vitest';
import { countCargo, countPytest, countVitest } from './counts.mjs';
import { judge, sum } from './verdict.mjs';

const vitestFile = (status: string, ...tests: string[]) => ({
  status,
  assertionResults: tests.map((each) => ({ status: each })),
});

test('vitest: every state that is neither passed nor failed is skipped; a file that does not load is one failure', () => {
  const testResults = [
    vitestFile('passed', 'passed', 'passed', 'pending', 'todo', 'skipped'),
    vitestFile('failed', 'failed', 'passed'),
    vitestFile('failed'),
  ];
  expect(countVitest(JSON.stringify({ testResults }))).toEqual({ passed: 3, failed: 2, skipped: 3 });
});

test('pytest: errors in set-up count as failed', () => {
  const xml =
    '<?xml version="1.0"?><testsuites name="pytest tests"><testsuite name="pytest" errors="2" failures="3" skipped="4" tests="15" time="0.1"><testcase/></testsuite></testsuites>';
  expect(countPytest(xml)).toEqual({ passed: 6, failed: 5, skipped: 4 });
});

test('pytest: what is not its report is refused', () => {
  expect(() => countPytest('<html/>')).toThrow();
});

test('cargo: all test programs together, whatever the tests themselves print', () => {
  const stdout = [
    'running 3 tests',
    'test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s',
    'a test says: test result: ok. 7 passed; 7 failed; 7 ignored;',
    'test result: FAILED. 4 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out; finished in 1.20s',
  ].join('\n');
  expect(countCargo(stdout)).toEqual({ passed: 7, failed: 1, skipped: 2 });
});

test.each([
  ['all is well', { exitCode: 0, count: { passed: 3, failed: 0, skipped: 0 } }, 3, 0],
  ['failures', { exitCode: 1, count: { passed: 3, failed: 2, skipped: 0 } }, 3, 2],
  ['a skipped test is a failure', { exitCode: 0, count: { passed: 3, failed: 0, skipped: 1 } }, 3, 1],
  ['unless a peer is left out', { exitCode: 0, count: { passed: 3, failed: 0, skipped: 1 }, isPartial: true }, 3, 0],
  ['nothing ran', { exitCode: 0, count: { passed: 0, failed: 0, skipped: 0 } }, 0, 1],
  ['a crash after the tests', { exitCode: 134, count: { passed: 3, failed: 0, skipped: 0 } }, 3, 1],
  ['a crash that a skipped test does not hide', { exitCode: 134, count: { passed: 3, failed: 0, skipped: 1 } }, 3, 2],
  ['no results', { error: new Error('no such file') }, 0, 1],
])('verdict: %s', (_, end, passed, failed) => {
  const verdict = judge({ name: 'suite', ...end });
  expect(verdict).toMatchObject({ passed, failed });
  const isPlain = end.count !== undefined && end.exitCode === (failed ? 1 : 0) && end.count.skipped === 0 && passed > 0;
  expect(verdict.notes.length > 0).toBe(!isPlain);
});

test('verdicts add up', () => {
  expect(
    sum([
      judge({ name: 'a', exitCode: 0, count: { passed: 2, failed: 0, skipped: 1 } }),
      { passed: 1, failed: 1, notes: ['b'] },
    ]),
  ).toEqual({
    passed: 3,
    failed: 2,
    notes: ['a: 1 skipped: counted as failures', 'b'],
  });
});
