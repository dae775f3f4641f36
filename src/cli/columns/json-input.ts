import { inferSchema } from '../../columns/define/index.js';
import {
  describeSchema,
  formatOf,
  type ParsedField,
  type ParsedSchema,
  type RowFormat,
  toArrowSchema,
} from '../../columns/index.js';
import { ArrowlabError } from '../../errors.js';
import { unifyNumbers } from './json-samples.js';
import { JsonReader } from './json-text.js';
import { type Convert, rowConversion } from './json-values.js';
import { type LineBlock, lineBlocks, textLines } from './lines.js';
import { atLine, inText, MalformedRows, malformedLine, type RowInput } from './row-input.js';

export interface JsonInputOptions {
  /** Of the rows; else it is inferred from the first `samples` of them. */
  readonly schema: ParsedSchema | undefined;
  readonly samples: number;
  /** Texts in ISO 8601 are dates and timestamps. */
  readonly isoStrings: boolean;
  readonly skipsMalformed: boolean;
}

interface Sample {
  readonly row: object;
  readonly line: number;
}

/** A JSON object a line. Lines of white space alone are no rows. */
export class JsonInput implements RowInput<object> {
  readonly #blocks: AsyncGenerator<LineBlock, void, undefined>;
  readonly #malformed: MalformedRows;
  readonly #reader: JsonReader;
  readonly #samples: Sample[] = [];
  #format: RowFormat<object> | undefined;
  #convert: Convert | undefined;
  readonly #isInferred: boolean;
  #line = 0;
  #hasRows = false;

  private constructor(chunks: AsyncIterable<Buffer>, { schema, skipsMalformed }: JsonInputOptions) {
    this.#isInferred = schema === undefined;
    this.#blocks = lineBlocks(chunks);
    this.#malformed = new MalformedRows(skipsMalformed);
    this.#reader = new JsonReader(schema?.fields.some(hasDecimal) ?? false);
  }

  /** Reads as much as it takes to know the schema. @throws DATA_INVALID, INVALID_ARGUMENT */
  static async open(chunks: AsyncIterable<Buffer>, options: JsonInputOptions): Promise<JsonInput> {
    const input = new JsonInput(chunks, options);
    const schema = options.schema ?? (await input.#infer(options));
    input.#format = formatOf<object>(toArrowSchema(schema));
    input.#convert = rowConversion(schema.fields);
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
    yield this.#sampled();
    for await (const block of this.#blocks) yield this.#rows(block);
  }

  /** Blocks are taken whole: lines after the samples that have come with them are kept too. */
  async #infer({ samples, isoStrings }: JsonInputOptions): Promise<ParsedSchema> {
    while (this.#samples.length < samples) {
      const { value: block, done } = await this.#blocks.next();
      if (done) break;
      for (const row of this.#read(block)) this.#samples.push({ row, line: this.#line });
    }
    const rows = this.#samples.slice(0, samples).map(({ row }) => row);
    if (rows.length === 0) throw this.#malformed.nothingToInfer();
    unifyNumbers(rows);
    try {
      return describeSchema(inferSchema(rows, { isoStrings }));
    } catch (error) {
      throw error instanceof ArrowlabError ? this.#inLines(error) : error;
    }
  }

  /** The rows that samples disagree in, which are counted from 0, as lines. */
  #inLines({ message, cause }: ArrowlabError): ArrowlabError {
    const lineOf = (row: string) => this.#samples[Number(row)]!.line;
    const text = inText(message)
      .replace(/^row (\d+):/, (_, row: string) => `line ${lineOf(row)}:`)
      .replace(/ in row (\d+), found/, (_, row: string) => ` in line ${lineOf(row)}, found`)
      .replace(/define the schema/, 'give --schema');
    return new ArrowlabError('DATA_INVALID', text, { cause });
  }

  *#sampled(): Generator<object, void, undefined> {
    for (const { row, line } of this.#samples.splice(0)) {
      this.#line = line;
      yield this.#converted(row);
    }
  }

  *#rows(block: LineBlock): Generator<object, void, undefined> {
    for (const row of this.#read(block)) yield this.#converted(row);
  }

  #converted(row: object): object {
    return this.#convert ? (this.#convert(row) as object) : row;
  }

  *#read(block: LineBlock): Generator<object, void, undefined> {
    this.#line = block.line - 1;
    for (const text of textLines(block)) {
      this.#line++;
      const row = this.#parse(text);
      if (row !== undefined) yield row;
    }
  }

  #parse(text: string | undefined): object | undefined {
    if (text === undefined) {
      this.#malformed.add(malformedLine(this.#line, 'expected UTF-8, found bytes that are none'));
      return undefined;
    }
    try {
      const row = this.#reader.read(text);
      if (typeof row === 'object' && row !== null && !Array.isArray(row)) {
        this.#hasRows = true;
        return row;
      }
      this.#refuse(text, cut(text));
    } catch (error) {
      // A RangeError is of objects too deep in one another.
      if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
      if (text.trim() !== '') this.#refuse(text, error.message, error);
    }
    return undefined;
  }

  #refuse(text: string, found: string, cause?: unknown): void {
    const advice = this.#hasRows ? undefined : adviceOf(text.trim());
    this.#malformed.add(malformedLine(this.#line, `expected a JSON object, found ${found}${advice ?? ''}`, cause));
  }
}

const hasDecimal = ({ type, children }: ParsedField): boolean => type.name === 'Decimal' || children.some(hasDecimal);

/** What to do with JSON that is not of one object a line, which its first line shows. */
function adviceOf(text: string): string | undefined {
  if (text.startsWith('[')) return ": give one object a line, as `jq -c '.[]'` writes the items of an array";
  return text.startsWith('{') ? ': give one object a line, as `jq -c .` writes them' : undefined;
}

const MAX_TEXT = 40;

const cut = (text: string): string => (text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text.trim());
