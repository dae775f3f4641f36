import { cut } from '../value-text.js';

/** What was given instead, cut to a length that a message can bear. */
export function found(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(cut(value));
  if (typeof value === 'function') return value.name ? `the function ${value.name}` : 'a function';
  if (typeof value === 'bigint') return cut(`${value}n`);
  if (value === undefined || value === null) return 'nothing';
  if (typeof value !== 'object') return String(value);
  if (value instanceof Date)
    return Number.isNaN(value.getTime()) ? 'an invalid Date' : `the Date ${value.toISOString()}`;
  if (Array.isArray(value)) return 'an array';
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  const name = tag === 'Object' ? className(value) : tag;
  return name === 'Object' ? 'an object' : `an object of class ${name}`;
}

function className(value: object): string {
  const made: unknown = value.constructor;
  return (typeof made === 'function' && made.name) || 'Object';
}
