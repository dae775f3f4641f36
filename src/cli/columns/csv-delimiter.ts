import { InvalidArgumentError } from 'commander';

/** What separates cells, by the text of the command line. @throws what commander prints. */
export function delimiterOf(text: string): string {
  if (text === 'tab' || text === '\\t') return '\t';
  if (text === '' || /["\r\n]/.test(text))
    throw new InvalidArgumentError('Expected what separates cells, and neither nothing, quotes nor line ends.');
  return text;
}

/** Common ones, as a shell takes them. */
const DELIMITERS = { ',': ',', ';': "';'", '|': "'|'", '\t': 'tab' };

/** What seems to separate the names of a header that was read as one, for a command line. */
export function otherDelimiter([name, ...others]: readonly string[], delimiter: string): string | undefined {
  if (others.length > 0) return undefined;
  return Object.entries(DELIMITERS).find(([other]) => other !== delimiter && name!.includes(other))?.[1];
}
