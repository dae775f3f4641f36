import {
  type ArrayNode,
  type BufferSource,
  bitmapByteLength,
  bufferCount,
  EMPTY_BUFFER,
  hasValidity,
  head,
  type ParsedField,
  VIEW_BYTE_WIDTH,
} from '../columns/index.js';
import { ArrowlabError } from '../errors.js';
import type { FieldNode } from './batch-header.js';
import type { MessageContents } from './message.js';

/**
 * The arrays of a message's body, one for each field, checked for their structure: as many nodes and buffers as the schema
 * needs, every buffer and child long enough for its rows (buffers' lengths are unknown while they are compressed). Reads no buffer.
 * @throws IPC_INVALID naming the field.
 */
export function arraysOf(fields: readonly ParsedField[], contents: MessageContents): ArrayNode[] {
  const body = new Body(contents);
  const arrays = fields.map((field) => body.array(field));
  for (const { field, length } of arrays) {
    if (length !== contents.rows) throw invalid(field, `${contents.rows} rows, as its batch has`, length);
  }
  body.checkEnd();
  return arrays;
}

/** How a message's nodes and buffers belong together, in the order of the schema. */
export function flatten(
  arrays: readonly ArrayNode[],
): Pick<MessageContents, 'nodes' | 'buffers' | 'variadicBufferCounts'> {
  const nodes: FieldNode[] = [];
  const buffers: BufferSource[] = [];
  const variadicBufferCounts: number[] = [];
  const add = (array: ArrayNode) => {
    nodes.push(array);
    if (hasValidity(array.field.layout)) buffers.push(array.validity);
    buffers.push(...array.buffers);
    if (array.field.layout.kind === 'view') variadicBufferCounts.push(array.buffers.length - 1);
    array.children.forEach(add);
  };
  arrays.forEach(add);
  return { nodes, buffers, variadicBufferCounts };
}

class Body {
  readonly #contents: MessageContents;
  #node = 0;
  #buffer = 0;
  #variadic = 0;

  constructor(contents: MessageContents) {
    this.#contents = contents;
  }

  array(field: ParsedField): ArrayNode {
    const node = this.#contents.nodes[this.#node++];
    if (!node) throw invalid(field, 'a node', 'none');
    const { length, nullCount } = node;
    if (nullCount > length) throw invalid(field, `at most ${length} nulls`, nullCount);
    const validity = hasValidity(field.layout)
      ? this.#next(field, 'the validity bitmap', nullCount > 0 ? bitmapByteLength(length) : 0)
      : EMPTY_BUFFER;
    const buffers = this.#buffers(field, length);
    const children = field.dictionary ? [] : field.children.map((child) => this.array(child));
    checkChildren(field, length, children);
    return { field, length, nullCount, validity: nullCount > 0 ? validity : EMPTY_BUFFER, buffers, children };
  }

  checkEnd(): void {
    const { nodes, buffers, variadicBufferCounts } = this.#contents;
    const expected = `${this.#node} nodes, ${this.#buffer} buffers, ${this.#variadic} counts of variadic buffers`;
    const found = `${nodes.length}, ${buffers.length}, ${variadicBufferCounts.length}`;
    if (
      nodes.length !== this.#node ||
      buffers.length !== this.#buffer ||
      variadicBufferCounts.length !== this.#variadic
    ) {
      throw new ArrowlabError('IPC_INVALID', `expected ${expected}, as the schema has it, found ${found}`);
    }
  }

  #buffers(field: ParsedField, length: number): BufferSource[] {
    const { layout } = field;
    const next = (name: string, byteLength: number) => this.#next(field, name, byteLength);
    const offsets = (width: number) => next('the offsets', length === 0 ? 0 : (length + 1) * width);
    switch (layout.kind) {
      case 'bits':
        return [next('the values', bitmapByteLength(length))];
      case 'fixed':
        return [next('the values', length * layout.byteWidth)];
      case 'binary':
        return [offsets(layout.offsetWidth), this.#whole(field)];
      case 'list':
        return [offsets(layout.offsetWidth)];
      case 'listView':
        return [next('the offsets', length * layout.offsetWidth), next('the sizes', length * layout.offsetWidth)];
      case 'union':
        return [next('the type ids', length), ...(layout.isDense ? [next('the offsets', length * 4)] : [])];
      case 'view': {
        const count = this.#contents.variadicBufferCounts[this.#variadic++];
        if (count === undefined) throw invalid(field, 'a count of variadic buffers', 'none');
        const views = next('the views', length * VIEW_BYTE_WIDTH);
        if (count > this.#contents.buffers.length - this.#buffer)
          throw invalid(field, `${count} variadic buffers`, 'fewer');
        return [views, ...Array.from({ length: count }, () => this.#whole(field))];
      }
      default:
        return [];
    }
  }

  /** The next buffer, cut to what its rows need. */
  #next(field: ParsedField, name: string, byteLength: number): BufferSource {
    const buffer = this.#whole(field);
    if (this.#contents.codec) return buffer;
    if (buffer.byteLength < byteLength) throw invalid(field, `${byteLength} bytes for ${name}`, buffer.byteLength);
    return head(buffer, byteLength);
  }

  #whole(field: ParsedField): BufferSource {
    const buffer = this.#contents.buffers[this.#buffer++];
    if (!buffer) throw invalid(field, `${1 + bufferCount(field.layout)} buffers`, 'fewer');
    return buffer;
  }
}

function checkChildren(field: ParsedField, length: number, children: readonly ArrayNode[]): void {
  const { layout } = field;
  const isOfRows = layout.kind === 'struct' || (layout.kind === 'union' && !layout.isDense);
  const needed = layout.kind === 'fixedSizeList' ? length * layout.listSize : isOfRows ? length : 0;
  for (const child of children) {
    if (child.length < needed)
      throw invalid(child.field, `${needed} rows, for ${length} rows of its parent`, child.length);
  }
  if (layout.kind === 'runEnd') {
    const [runEnds, values] = children as [ArrayNode, ArrayNode];
    if (runEnds.length > values.length || runEnds.nullCount > 0 || (length > 0 && runEnds.length === 0)) {
      throw invalid(field, 'a value for each of at least one run', `${runEnds.length} runs, ${values.length} values`);
    }
  }
}

function invalid({ path, type }: ParsedField, expected: string, found: unknown): ArrowlabError {
  const name = `field ${JSON.stringify(path)} of type ${type.name}`;
  return new ArrowlabError('IPC_INVALID', `${name}: expected ${expected}, found ${found}`);
}
