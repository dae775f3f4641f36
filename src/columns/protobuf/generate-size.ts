/** In parts of at most `size`. V8 optimises no function whose bytecode is over 60 KiB, so that generated code comes in pieces. */
export function chunked<T>(values: readonly T[], size: number): T[][] {
  const count = Math.ceil(values.length / size);
  return Array.from({ length: count }, (_, index) => values.slice(index * size, (index + 1) * size));
}
