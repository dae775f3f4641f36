/** What other systems call types. */
const ALIASES: Record<string, string> = {
  ...{ string: 'utf8', str: 'utf8', text: 'utf8', varchar: 'utf8', char: 'utf8', largestring: 'largeUtf8' },
  ...{ stringview: 'utf8View', int: 'int64', integer: 'int64', long: 'int64', bigint: 'int64', number: 'float64' },
  ...{ short: 'int16', byte: 'int8', double: 'float64', real: 'float32', float: 'float32', half: 'float16' },
  ...{ halffloat: 'float16', bytes: 'binary', blob: 'binary', null: 'nullType', date: 'date32' },
  ...{ datetime: 'timestamp(us)', decimal: 'decimal128', numeric: 'decimal128', time: 'time64(us)', boolean: 'bool' },
};

const TAKE_ARGUMENTS = /^(?:decimal|timestamp|time|duration|interval|fixedSizeBinary)\w*$/;

/** More letters that differ are another word. */
const MAX_DISTANCE = 2;

/** What was probably meant by the text of a type that is none; undefined where nothing is near. */
export function suggestedType(text: string, names: readonly string[]): string | undefined {
  const [, word = '', given = '', rest = ''] = /^\s*(\w+)\s*(?:[([]([^()[\]]*)[)\]])?(.*)$/.exec(text) ?? [];
  const name = nearest(word, names);
  if (name === undefined) return undefined;
  const args = given === '' || !TAKE_ARGUMENTS.test(name) ? '' : `(${given.replace(/tz\s*=\s*/, '').trim()})`;
  return `${name}${args}${/^\s*not[\s_-]*null\s*$/i.test(rest) ? ' not null' : ''}`;
}

function nearest(word: string, names: readonly string[]): string | undefined {
  const plain = (name: string) => name.toLowerCase().replaceAll('_', '');
  const wanted = plain(word);
  const exact = names.find((name) => plain(name) === wanted);
  if (exact !== undefined) return exact;
  if (Object.hasOwn(ALIASES, wanted)) return ALIASES[wanted];
  const [first] = [...names, ...Object.keys(ALIASES)]
    .map((name) => ({ name, far: distance(plain(name), wanted) }))
    .filter(({ name, far }) => far <= MAX_DISTANCE && far < name.length / 2)
    .sort((a, b) => a.far - b.far);
  return first && (ALIASES[first.name] ?? first.name);
}

/** Letters to insert, leave out or exchange, to make one word of the other (Levenshtein). */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let i = 0; i < from.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++)
      next.push(Math.min(row[j + 1]! + 1, next[j]! + 1, row[j]! + (from[i] === to[j] ? 0 : 1)));
    row = next;
  }
  return row[to.length]!;
}
