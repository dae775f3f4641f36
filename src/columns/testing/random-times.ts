import fc from 'fast-check';
import type { RandomValue } from './random-scalars.js';

const DAY_MS = 86_400_000;
/** Of a second, by Arrow's units from seconds to nanoseconds. */
const PER_SECOND = [1n, 1_000n, 1_000_000n, 1_000_000_000n];
const MIN_DAY = -719_162;
const MAX_DAY = 2_932_896;
const MAX_INT64 = 2n ** 63n - 1n;

/** Like an object of Temporal, which Node 20 does not have. */
const temporal = (name: string, text: string) => ({ [Symbol.toStringTag]: `Temporal.${name}`, toString: () => text });

const isoDay = (day: number) => new Date(day * DAY_MS).toISOString().slice(0, 10);

export function arbitraryDate(unit: number): fc.Arbitrary<RandomValue> {
  return fc
    .tuple(fc.integer({ min: MIN_DAY, max: MAX_DAY }), fc.nat(DAY_MS - 1), fc.nat(3))
    .map(([day, timeOfDay, form]) => {
      const forms = [new Date(day * DAY_MS + timeOfDay), day * DAY_MS, isoDay(day), temporal('PlainDate', isoDay(day))];
      return { given: forms[form], json: unit === 0 ? day : String(day * DAY_MS) };
    });
}

/** Whole units as seconds with the fraction that is there. */
function secondsText(value: bigint, unit: number, seconds: (whole: number) => string): string {
  const perSecond = PER_SECOND[unit]!;
  const fraction = ((value % perSecond) + perSecond) % perSecond;
  const whole = Number((value - fraction) / perSecond);
  const digits =
    unit === 0
      ? ''
      : String(fraction)
          .padStart(unit * 3, '0')
          .replace(/0+$/, '');
  return `${seconds(whole)}${digits && `.${digits}`}`;
}

const isoSeconds = (seconds: number) => new Date(seconds * 1000).toISOString().slice(0, -5);

export function arbitraryTime(unit: number): fc.Arbitrary<RandomValue> {
  return fc.tuple(fc.bigInt({ min: 0n, max: 86_400n * PER_SECOND[unit]! - 1n }), fc.nat(3)).map(([value, form]) => {
    const text = secondsText(value, unit, (whole) => isoSeconds(whole).slice(11));
    const forms = [Number(value), value, text, temporal('PlainTime', text)];
    return { given: forms[form], json: unit < 2 ? Number(value) : String(value) };
  });
}

export function arbitraryTimestamp(unit: number, timezone: string | null): fc.Arbitrary<RandomValue> {
  const perSecond = PER_SECOND[unit]!;
  const [first, last] = [BigInt(MIN_DAY + 1) * 86_400n * perSecond, BigInt(MAX_DAY) * 86_400n * perSecond];
  const any = fc.bigInt({ min: first < -MAX_INT64 ? -MAX_INT64 : first, max: last > MAX_INT64 ? MAX_INT64 : last });
  const recent = fc.bigInt({ min: 1_500_000_000n, max: 1_600_000_000n }).map((seconds) => seconds * perSecond + 7n);
  return fc.tuple(fc.oneof(any, recent), fc.nat(5)).map(([value, form]) => {
    const nanoseconds = value * (1_000_000_000n / perSecond);
    const isMillisecond = nanoseconds % 1_000_000n === 0n;
    const milliseconds = isMillisecond ? Number(nanoseconds / 1_000_000n) : Number(nanoseconds / 1_000n) / 1000;
    const isExact = nanoseconds % 1_000n === 0n && Math.abs(milliseconds) < 2 ** 41;
    const utc = `${secondsText(value, unit, isoSeconds)}Z`;
    const east = `${secondsText(value + 9_000n * perSecond, unit, isoSeconds)}+02:30`;
    const forms = [
      value,
      isMillisecond || isExact ? milliseconds : value,
      isMillisecond ? new Date(milliseconds) : utc,
      timezone === null ? utc.slice(0, -1) : utc,
      east,
      { epochNanoseconds: nanoseconds },
    ];
    return { given: forms[form], json: String(value) };
  });
}

export function arbitraryDuration(unit: number): fc.Arbitrary<RandomValue> {
  const any = fc.bigInt({ min: -MAX_INT64, max: MAX_INT64 });
  return fc.tuple(fc.oneof(any, fc.bigInt({ min: -100_000n, max: 100_000n })), fc.nat(2)).map(([value, form]) => {
    const size = value < 0n ? -value : value;
    const isSafe = size <= BigInt(Number.MAX_SAFE_INTEGER);
    const text = secondsText(size, unit, (whole) => {
      return `${value < 0n ? '-' : ''}P${Math.floor(whole / 86_400)}DT${Math.floor((whole % 86_400) / 60)}M${whole % 60}`;
    });
    const forms = [value, isSafe ? Number(value) : value, isSafe ? temporal('Duration', `${text}S`) : value];
    return { given: forms[form], json: String(value) };
  });
}

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: MAX_INT64 });

export function arbitraryInterval(unit: number): fc.Arbitrary<RandomValue> {
  return fc.tuple(int32, int32, int64, fc.boolean()).map(([months, days, nanoseconds, isArray]) => {
    const milliseconds = Number(BigInt.asIntN(32, nanoseconds));
    if (unit === 0) {
      const years = Math.trunc(months / 12);
      return { given: isArray ? Int32Array.of(years, months - 12 * years) : months, json: months };
    }
    if (unit === 1) {
      return {
        given: isArray ? Int32Array.of(days, milliseconds) : { days, milliseconds },
        json: [days, milliseconds],
      };
    }
    const words = new Int32Array(4);
    words.set([months, days]);
    new BigInt64Array(words.buffer)[1] = nanoseconds;
    const isSafe = BigInt(Number(nanoseconds)) === nanoseconds && Number.isSafeInteger(Number(nanoseconds));
    return {
      given: isArray ? words : { months, days, nanoseconds: isSafe ? Number(nanoseconds) : nanoseconds },
      json: [months, days, String(nanoseconds)],
    };
  });
}
