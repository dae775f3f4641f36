import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ArrowlabError, ERRORS } from './errors.js';

test('the table equals the data file that all three languages share', () => {
  const shared = JSON.parse(readFileSync(new URL('./wire/errors.json', import.meta.url), 'utf8')) as typeof ERRORS;
  expect(ERRORS).toEqual(shared.map(({ number, name }) => ({ number, name })));
});

test('an error carries its code, its number and its cause', () => {
  const cause = new RangeError('offset 8');
  const error = new ArrowlabError('IPC_INVALID', 'message 3', { cause });
  expect(error).toMatchObject({ code: 'ERR_ARROWLAB_IPC_INVALID', number: 30, message: 'message 3', cause });
  expect(error).toBeInstanceOf(Error);
});

test('every wire number gives the error that sends it, and an unknown one keeps its number', () => {
  for (const { name, number } of ERRORS) {
    expect(ArrowlabError.fromWire(number, '')).toMatchObject({ code: new ArrowlabError(name, '').code, number });
  }
  expect(ArrowlabError.fromWire(4_000_000_000, 'later')).toMatchObject({
    code: 'ERR_ARROWLAB_4000000000',
    number: 4_000_000_000,
    message: 'later',
  });
});
