import { ArrowlabError } from '../../errors.js';
import { mebibytes } from '../output.js';
import type { Progress } from '../progress.js';
import type { RowInput } from './row-input.js';
import type { RowOutput } from './row-output.js';

/** What a conversion has done. */
export interface ConversionReport {
  readonly rows: number;
  readonly batches: number;
  readonly bytes: number;
  /** Rows of the input that could not be read, and were skipped. */
  readonly malformed: number;
  readonly seconds: number;
  readonly rowsPerSecond: number;
}

/**
 * Takes all rows of an input to an output, which it ends, or fails. An error of a row has its place in the input.
 * @throws what the input and the output throw; the signal's reason when that is aborted.
 */
export async function convert<T>(
  input: RowInput<T>,
  output: RowOutput<T>,
  progress: Progress,
  signal: AbortSignal,
): Promise<ConversionReport> {
  const beginMs = performance.now();
  // What waits for a reader, or for memory, gives up by it.
  const failed = once((error: Error) => output.fail(error));
  const stop = () => void failed(signal.reason as Error);
  signal.addEventListener('abort', stop);
  try {
    signal.throwIfAborted();
    for await (const rows of input.groups()) {
      for (const row of rows) {
        const room = appended(input, output, row);
        if (room) {
          await room;
          signal.throwIfAborted();
        }
      }
      progress.say(() => countsOf(output));
      signal.throwIfAborted();
    }
    await output.end();
    return reportOf(output, input.malformed, (performance.now() - beginMs) / 1000);
  } catch (error) {
    const cause = signal.aborted ? signal.reason : error;
    await failed(cause);
    throw cause;
  } finally {
    signal.removeEventListener('abort', stop);
    progress.end();
  }
}

function appended<T>(input: RowInput<T>, output: RowOutput<T>, row: T): Promise<void> | undefined {
  try {
    return output.append(row);
  } catch (error) {
    if (!(error instanceof ArrowlabError && error.code === 'ERR_ARROWLAB_DATA_INVALID')) throw error;
    input.refused(error);
    return undefined;
  }
}

/** The first call does it; later ones wait for that. */
function once(work: (error: Error) => Promise<void>): (error: Error) => Promise<void> {
  let done: Promise<void> | undefined;
  return (error) => {
    done ??= work(error);
    return done;
  };
}

function reportOf({ rows, batches, bytes }: RowOutput<never>, malformed: number, seconds: number): ConversionReport {
  return { rows, batches, bytes, malformed, seconds, rowsPerSecond: Math.round(rows / Math.max(seconds, 1e-3)) };
}

const countsOf = ({ rows, batches }: Pick<ConversionReport, 'rows' | 'batches'>) =>
  `${rows} ${rows === 1 ? 'row' : 'rows'}, ${batches} ${batches === 1 ? 'batch' : 'batches'}`;

/** The report for people. */
export function describeConversion(label: string, report: ConversionReport): string {
  const { rows, batches, bytes, malformed, seconds, rowsPerSecond } = report;
  const counts = `${countsOf({ rows, batches })}, ${mebibytes(bytes)}`;
  const skipped = malformed > 0 ? `; ${malformed} malformed skipped` : '';
  return `${label}: ${counts}, ${seconds.toFixed(1)} s, ${rowsPerSecond} rows/s${skipped}`;
}
