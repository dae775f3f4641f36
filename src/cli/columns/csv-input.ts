import { formatOf, type ParsedSchema, type RowFormat, toArrowSchema } from '../../columns/index.js';
import { ArrowlabError } from '../../errors.js';
import { cellReader, type ReadCell } from './csv-cell.js';
import { otherDelimiter } from './csv-delimiter.js';
import { type CsvRecord, csvRecords } from './csv-records.js';
import { inferCsvSchema } from './csv-schema.js';
import { atLine, MalformedRows, malformedLine, type RowInput } from './row-input.js';

export interface CsvInputOptions {
  /** Names of the columns, where the first line does not have them. */
  readonly columns: readonly string[] | undefined;
  readonly delimiter: string;
  /** Of the columns, by their names; else types are inferred from the first `samples` records. */
  readonly schema: ParsedSchema | undefined;
  readonly samples: number;
  readonly skipsMalformed: boolean;
  /** Is told what looks wrong but need not be. */
  readonly warn: (text: string) => void;
}

interface CsvColumn {
  readonly name: string;
  readonly index: number;
  readonly read: ReadCell;
}

/** Comma-separated values. Empty cells are null, empty lines are no records. */
export class CsvInput implements RowInput<object> {
  readonly #groups: AsyncGenerator<CsvRecord[], void, undefined>;
  readonly #malformed: MalformedRows;
  readonly #samples: CsvRecord[] = [];
  #names: readonly string[] = [];
  #columns: readonly CsvColumn[] = [];
  #format: RowFormat<object> | undefined;
  readonly #isInferred: boolean;
  #line = 0;

  private constructor(chunks: AsyncIterable<Buffer>, { delimiter, schema, skipsMalformed }: CsvInputOptions) {
    this.#isInferred = schema === undefined;
    this.#groups = csvRecords(chunks, delimiter);
    this.#malformed = new MalformedRows(skipsMalformed);
  }

  /** Reads as much as it takes to know the schema. @throws DATA_INVALID, INVALID_ARGUMENT */
  static async open(chunks: AsyncIterable<Buffer>, options: CsvInputOptions): Promise<CsvInput> {
    const input = new CsvInput(chunks, options);
    input.#names = options.columns ?? (await input.#header(options));
    checkNames(input.#names);
    const schema = options.schema ?? (await input.#infer(options.samples));
    input.#columns = columnsOf(schema, input.#names);
    input.#format = formatOf<object>(toArrowSchema(schema));
    return input;
  }

  get format(): RowFormat<object> {
    return this.#format!;
  }

  get malformed(): number {
    return this.#malformed.count;
  }

  refused(error: ArrowlabError): void {
    this.#malformed.add(atLine(this.#line, error, this.#isInferred));
  }

  async *groups(): AsyncGenerator<Iterable<object>, void, undefined> {
    yield this.#rows(this.#samples.splice(0));
    for await (const records of this.#groups) yield this.#rows(records);
  }

  async #header({ delimiter, warn }: CsvInputOptions): Promise<readonly string[]> {
    const { value: records, done } = await this.#groups.next();
    if (done || !records)
      throw new ArrowlabError('INVALID_ARGUMENT', 'expected a line of column names, found no line: give --columns');
    const [header, ...rest] = records;
    this.#samples.push(...rest);
    const other = otherDelimiter(header!.cells, delimiter);
    if (other !== undefined)
      warn(`found one column, ${JSON.stringify(header!.cells[0])}: if it is several, give --delimiter ${other}`);
    return header!.cells;
  }

  async #infer(samples: number): Promise<ParsedSchema> {
    while (this.#samples.length < samples) {
      const { value: records, done } = await this.#groups.next();
      if (done || !records) break;
      this.#samples.push(...records);
    }
    const taken = this.#samples.slice(0, samples);
    const records = taken.filter((record) => this.#isWhole(record));
    if (records.length === 0) {
      for (const record of taken) this.#malformed.add(this.#notWhole(record));
      throw this.#malformed.nothingToInfer();
    }
    return inferCsvSchema(
      this.#names,
      records.map(({ cells }) => cells),
    );
  }

  #isWhole({ cells }: CsvRecord): boolean {
    return cells.length === this.#names.length;
  }

  *#rows(records: readonly CsvRecord[]): Generator<object, void, undefined> {
    const toRow = this.#columns.some(({ name }) => name === '__proto__') ? rowOfEntries : rowOf;
    for (const record of records) {
      this.#line = record.line;
      if (this.#isWhole(record)) yield toRow(this.#columns, record.cells);
      else this.#malformed.add(this.#notWhole(record));
    }
  }

  #notWhole({ cells, line }: CsvRecord): ArrowlabError {
    const found = `${cells.length}: ${JSON.stringify(cells.join(',').slice(0, 40))}`;
    const count = this.#names.length;
    return malformedLine(line, `expected ${count} ${count === 1 ? 'cell' : 'cells'}, found ${found}`);
  }
}

function rowOf(columns: readonly CsvColumn[], cells: readonly string[]): object {
  const row: Record<string, unknown> = {};
  for (const { name, index, read } of columns) {
    const text = cells[index]!;
    row[name] = text === '' ? null : read(text);
  }
  return row;
}

/** The same for names that an assignment does not take. */
const rowOfEntries: typeof rowOf = (columns, cells) =>
  Object.fromEntries(columns.map(({ name, index, read }) => [name, cells[index] === '' ? null : read(cells[index]!)]));

function checkNames(names: readonly string[]): void {
  for (const [index, name] of names.entries()) {
    const expected = `expected column ${index + 1} to have a name of its own`;
    const advice = 'give other names with --columns';
    if (name === '') throw new ArrowlabError('INVALID_ARGUMENT', `${expected}, found none: ${advice}`);
    if (names.indexOf(name) < index)
      throw new ArrowlabError('INVALID_ARGUMENT', `${expected}, found ${JSON.stringify(name)} again: ${advice}`);
  }
}

function columnsOf({ fields }: ParsedSchema, names: readonly string[]): CsvColumn[] {
  return fields.map((field) => {
    const { name } = field;
    const index = names.indexOf(name);
    if (index < 0)
      throw new ArrowlabError(
        'INVALID_ARGUMENT',
        `expected a column ${JSON.stringify(name)}, which the schema has, found ${names.map((each) => JSON.stringify(each)).join(', ')}`,
      );
    return { name, index, read: cellReader(field.values ?? field) };
  });
}
