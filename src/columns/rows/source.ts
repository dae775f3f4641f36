import type { ParsedField } from '../field.js';
import { isInherited } from './property.js';
import { SHORT_TEXT } from './text.js';

/** The engine does not optimise functions of any length: one function writes about so many columns. */
const MAX_COLUMNS = 32;

/** The unit of a timestamp in which a number is what is stored. */
const MILLISECOND = 1;

/** A column, by its place among all of the schema's, each before its children. */
export interface Node {
  readonly id: number;
  readonly field: ParsedField;
  readonly children: readonly Node[];
  /** Columns with those below. */
  readonly size: number;
}

export function nodesOf(fields: readonly ParsedField[], first = 0): Node[] {
  let id = first;
  return fields.map((field) => {
    const children = field.dictionary ? [] : nodesOf(field.children, id + 1);
    const size = children.reduce((sum, child) => sum + child.size, 1);
    id += size;
    return { id: id - size, field, children, size };
  });
}

/**
 * The code that writes a row. Of the schema only names go into it, as JSON strings, which nothing can end but their own quote.
 * In it, `c` is a column's cursor, `w` the closure that writes any value, `v` its value, `r` its row; each with the column's number.
 */
export class RowSource {
  readonly #nodes: readonly Node[];
  readonly #cursors = new Set<number>();
  readonly #writers = new Set<number>();
  readonly #functions: string[] = [];

  constructor(nodes: readonly Node[]) {
    this.#nodes = nodes;
  }

  /** The body of a function of `functions`, `cursors` and `writers` that returns what writes a row. */
  text(functionNames: readonly string[]): string {
    const body = this.#properties(this.#nodes, 'value', 'row');
    const constants = [
      ...[...this.#cursors].map((id) => `const c${id} = cursors[${id}];`),
      ...[...this.#writers].map((id) => `const w${id} = writers[${id}];`),
    ];
    return `'use strict';
const { ${functionNames.join(', ')} } = functions;
${constants.join('\n')}
${this.#functions.join('\n')}
return function writeRow(value, row) {
if (!isStruct(value)) fail(value);
${body}
};`;
  }

  /** Whether the code calls the closure of a column. */
  hasWriter(id: number): boolean {
    return this.#writers.has(id);
  }

  #cursor({ id }: Node): string {
    this.#cursors.add(id);
    return `c${id}`;
  }

  #writer({ id }: Node): string {
    this.#writers.add(id);
    return `w${id}`;
  }

  /** Writes the properties of an object as the columns' values; in functions of their own where they are many. */
  #properties(nodes: readonly Node[], object: string, row: string): string {
    const codes: string[] = [];
    for (const group of groupsOf(nodes)) {
      const code = group.map((node) => {
        const name = JSON.stringify(node.field.name);
        const property = isInherited(node.field.name) ? `ownProperty(${object}, ${name})` : `${object}[${name}]`;
        return `const v${node.id} = ${property};\n${this.#value(node, `v${node.id}`, row)}`;
      });
      const isWhole = group.length === nodes.length;
      codes.push(isWhole ? code.join('\n') : this.#call(group[0]!.id, code.join('\n'), object, row));
    }
    return codes.join('\n');
  }

  #call(id: number, code: string, object: string, row: string): string {
    this.#functions.push(`function f${id}(${object}, ${row}) {\n${code}\n}`);
    return `f${id}(${object}, ${row});`;
  }

  #value(node: Node, v: string, r: string): string {
    const { layout, type, dictionary } = node.field;
    const otherwise = `${this.#writer(node)}(${v}, ${r});`;
    if (dictionary) return otherwise;
    switch (layout.kind) {
      case 'struct': {
        const code = this.#properties(node.children, v, r);
        return `if (isStruct(${v})) {\n${code}\n} else ${otherwise}`;
      }
      case 'list':
        return `${type.name === 'Map' ? this.#map(node, v, r) : this.#list(node, v, r)} else ${otherwise}`;
      case 'fixedSizeList': {
        const { id, children } = node;
        const { listSize } = layout;
        const code = this.#items(node, v, `${listSize}`, `${r} * ${listSize} + i${id}`, children[0]!);
        return `if (Array.isArray(${v}) && ${v}.length === ${listSize}) {\n${code}\n} else ${otherwise}`;
      }
      default:
        return `${this.#scalar(node, v, r)}${otherwise}`;
    }
  }

  #items({ id }: Node, v: string, count: string, row: string, child: Node): string {
    const [value, childRow] = [`v${child.id}`, `r${child.id}`];
    return `for (let i${id} = 0; i${id} < ${count}; i${id}++) {
const ${value} = ${v}[i${id}];
const ${childRow} = ${row};
${this.#value(child, value, childRow)}
}`;
  }

  #list(node: Node, v: string, r: string): string {
    const { id, children } = node;
    const child = children[0]!;
    const code = this.#items(node, v, `n${id}`, `o${id} + i${id}`, child);
    return `if (Array.isArray(${v})) {
const n${id} = ${v}.length;
${this.#reserve(node, child, r)}
${code}
}`;
  }

  #map(node: Node, v: string, r: string): string {
    const { id, children } = node;
    const entries = children[0]!;
    const [key, value] = entries.children as [Node, Node];
    // Rows are those of all entries; a Map that changes while it is read is left to the closure.
    return `if (${v} instanceof Map) {
const n${id} = ${v}.size;
${this.#reserve(node, entries, r)}
let e${id} = o${id};
for (const [v${key.id}, v${value.id}] of ${v}) {
if (e${id} === o${id} + n${id}) break;
if (v${key.id} == null) fail(v${key.id});
${this.#value(key, `v${key.id}`, `e${id}`)}
${this.#value(value, `v${value.id}`, `e${id}`)}
e${id}++;
}
if (e${id} < o${id} + n${id}) fail(${v});
}`;
  }

  /** The first of the child's `n` new rows, `o`, and the offset behind them. */
  #reserve(node: Node, child: Node, r: string): string {
    const { id } = node;
    return `const o${id} = ${this.#cursor(child)}.reserve(n${id});
${this.#cursor(node)}.setOffset(${r} + 1, o${id} + n${id});`;
  }

  /** The usual values of a type without children, up to the `else` of all others. */
  #scalar(node: Node, v: string, r: string): string {
    const { type, nullable } = node.field;
    const c = this.#cursor(node);
    const usual = (condition: string, code: string, zero: string) => {
      const empty = nullable ? `else if (${v} == null) {\n${c}.setNull(${r});\n${zero}\n}\n` : '';
      return `if (${condition}) {\n${code}\n}\n${empty}else `;
    };
    const setValue = (value: string | number) => `${c}.values[${r}] = ${value};`;
    const setInt64 = (value: string | number) => `${c}.setInt64(${r}, ${value});`;
    const isNumber = `typeof ${v} === 'number'`;
    const isSafe = `${isNumber} && Number.isSafeInteger(${v})`;
    switch (type.name) {
      case 'Bool': {
        const [byte, bit] = [`${c}.values[${r} >>> 3]`, `1 << (${r} & 7)`];
        const clear = `${byte} &= ~(${bit});`;
        return `if (${v} === true) ${byte} |= ${bit};\nelse ${usual(`${v} === false`, clear, clear)}`;
      }
      case 'Int':
        if (type.bitWidth === 64)
          return usual(`${isSafe}${type.isSigned ? '' : ` && ${v} >= 0`}`, setInt64(v), setInt64(0));
        return usual(`${isNumber} && ${rangeCheck(type, v)}`, setValue(v), setValue(0));
      case 'Duration':
        return usual(isSafe, setInt64(v), setInt64(0));
      case 'Timestamp':
        return type.unit === MILLISECOND ? usual(isSafe, setInt64(v), setInt64(0)) : '';
      case 'FloatingPoint':
        return type.precision === 0 ? '' : usual(isNumber, setValue(v), setValue(0));
      case 'Utf8':
      case 'LargeUtf8':
        return usual(`typeof ${v} === 'string'`, this.#text(node, v, r), `${c}.setOffset(${r} + 1, ${c}.dataLength);`);
      default:
        return '';
    }
  }

  /** Short ASCII by a loop over its characters, right here. */
  #text({ id }: Node, v: string, r: string): string {
    return `const d${id} = c${id}.data, s${id} = c${id}.dataLength, n${id} = ${v}.length;
let i${id} = 0;
if (n${id} <= ${SHORT_TEXT} && s${id} + n${id} <= d${id}.length) {
for (; i${id} < n${id}; i${id}++) {
const code = ${v}.charCodeAt(i${id});
if (code > 127) break;
d${id}[s${id} + i${id}] = code;
}
}
if (i${id} === n${id}) {
c${id}.dataLength = s${id} + n${id};
c${id}.setOffset(${r} + 1, s${id} + n${id});
} else appendText(c${id}, ${r}, ${v});`;
  }
}

function rangeCheck({ bitWidth, isSigned }: { bitWidth: number; isSigned: boolean }, v: string): string {
  if (bitWidth === 32) return isSigned ? `${v} === (${v} | 0)` : `${v} === (${v} >>> 0)`;
  const shift = 32 - bitWidth;
  return `${v} === ((${v} << ${shift}) ${isSigned ? '>>' : '>>>'} ${shift})`;
}

/** Columns in groups of a length that is still optimised. */
function groupsOf(nodes: readonly Node[]): Node[][] {
  const groups: Node[][] = [[]];
  let size = 0;
  for (const node of nodes) {
    if (size > 0 && size + node.size > MAX_COLUMNS) {
      groups.push([]);
      size = 0;
    }
    groups.at(-1)!.push(node);
    size += node.size;
  }
  return groups;
}
