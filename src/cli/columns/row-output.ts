/** Where rows go, as batches of columns. */
export interface RowOutput<T> {
  /** What it is called, for people. */
  readonly label: string;
  /** Batches that have gone out. */
  readonly batches: number;
  /** Rows of these. */
  readonly rows: number;
  /** Bytes of these. */
  readonly bytes: number;
  /** Appends a row, all of it or nothing. A promise is to be awaited before the next. @throws DATA_INVALID */
  append(row: T): Promise<void> | undefined;
  /** There are no more rows: resolves when all of them are where they were to go. */
  end(): Promise<void>;
  /** There will be no more, because of this error: what has begun is taken back, or said to whoever reads it. */
  fail(error: Error): Promise<void>;
}

export interface BatchOptions {
  /** Rows of a batch at most. */
  readonly batchRows: number | undefined;
  /** Memory for batches at most, of which one takes a thirty-second. */
  readonly maxBytes: number;
}
