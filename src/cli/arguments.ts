import { InvalidArgumentError } from 'commander';

/** Options' values: each takes the text of the command line and throws what commander prints. */

export function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('Expected a whole number from 1 on.');
  return value;
}

export function countOrNone(text: string): number {
  return text === '0' ? 0 : count(text);
}

export function seconds(text: string): number {
  const value = Number(text);
  if (text === '' || !(value >= 0 && value <= 86_400))
    throw new InvalidArgumentError('Expected seconds from 0 to 86,400.');
  return value;
}

/** Between two looks. */
export function interval(text: string): number {
  const value = seconds(text);
  if (value < 0.1) throw new InvalidArgumentError('Expected seconds from 0.1 to 86,400.');
  return value;
}

export function bytesBelow(text: string): number {
  const value = Number(text);
  if (text === '' || !Number.isInteger(value) || value < 0 || value > 65_536)
    throw new InvalidArgumentError('Expected bytes from 0 to 65,536.');
  return value;
}
