"""Values at the edges of their types, and their comparison with what `alab ipc read --json` makes of them.

usage: cli_rows.py write FILE            writes an Arrow IPC stream
       cli_rows.py compare FILE LINES    prints "equal", or says what differs and exits with 1
"""

import base64
import datetime
import decimal
import json
import math
import sys

import pyarrow as pa

INT64 = (-(2**63), 2**63 - 1)
EPOCH = datetime.date(1970, 1, 1)
BIG = decimal.Decimal("12345678901234567890123456789012.345678")


def columns() -> dict[str, pa.Array]:
    text = ["", 'quote " and \\', "line\nbreak\u2028", "ü — 🚀", None, "a long text that no view can hold in itself"]
    bits32, bits64 = [-(2**31), 2**31 - 1], list(INT64)
    rest: list[None] = [None] * 4
    return {
        "null": pa.nulls(6),
        "bool": pa.array([True, False, None, True, True, False]),
        "int8": pa.array([-128, 127, *rest], pa.int8()),
        "uint32": pa.array([0, 2**32 - 1, *rest], pa.uint32()),
        "int64": pa.array([*bits64, *rest], pa.int64()),
        "uint64": pa.array([0, 2**64 - 1, *rest], pa.uint64()),
        "float16": pa.array([1.5, -0.000061, 65504.0, 5.960464477539063e-08, math.inf, math.nan], pa.float16()),
        "float32": pa.array([1.5, 1e-45, -math.inf, math.nan, None, 3.4e38], pa.float32()),
        "float64": pa.array([0.1, 5e-324, -math.inf, math.nan, None, 1.7e308]),
        "decimal32": pa.array([decimal.Decimal("-0.01"), decimal.Decimal("1234567.89"), *rest], pa.decimal32(9, 2)),
        "decimal64": pa.array([decimal.Decimal("-0.01"), decimal.Decimal("9.99"), *rest], pa.decimal64(18, 2)),
        "decimal128": pa.array([BIG.copy_negate(), BIG, *rest], pa.decimal128(38, 6)),
        "decimal256": pa.array([BIG.copy_negate(), BIG, *rest], pa.decimal256(76, 6)),
        "date32": pa.array([-719162, 2932896, -1, 0, None, 19782], pa.date32()),
        "date64": pa.array([-86_400_000, 86_400_000, *rest], pa.date64()),
        "time32": pa.array([0, 86_399, *rest], pa.time32("s")),
        "time64": pa.array([1, 86_399_999_999_999, *rest], pa.time64("ns")),
        "instant": pa.array([*bits64, -1, 0, None, 1], pa.timestamp("ns", "Europe/Paris")),
        "local": pa.array([-62_135_596_800, 253_402_300_799, -1, 0, None, 1], pa.timestamp("s")),
        "duration": pa.array([*bits64, -1, 0, None, 1_500_000], pa.duration("us")),
        "interval": pa.array([pa.MonthDayNano([-1, 2**31 - 1, INT64[0]]), pa.MonthDayNano([1, -2, 3]), *rest]),
        "text": pa.array(text),
        "large_text": pa.array(text, pa.large_utf8()),
        "text_view": pa.array(text, pa.string_view()),
        "binary": pa.array([b"", b"\0\xff", *rest], pa.binary()),
        "binary_view": pa.array([b"\0\xff" * 20, b"\0\xff", *rest], pa.binary_view()),
        "fixed_binary": pa.array([b"\0\xff", b"ab", *rest], pa.binary(2)),
        "list": pa.array([[], [1, None], None, [[3][0]], [4], []], pa.list_(pa.int64())),
        "large_list": pa.array([[], [["a"], None], None, [[]], [], []], pa.large_list(pa.list_(pa.utf8()))),
        "fixed_list": pa.array([[1, 2], [None, 4], None, [5, 6], None, [7, 8]], pa.list_(pa.int8(), 2)),
        "struct": pa.array([{"a": 1, "b": {"c": "x"}}, {"a": None, "b": None}, *rest]),
        "map": pa.array([[("k", 1), ("l", None)], [], *rest], pa.map_(pa.utf8(), pa.int32())),
        "dictionary": pa.array(["a", "b", None, "a", "a", "b"]).dictionary_encode(),
        "int64_dictionary": pa.DictionaryArray.from_arrays(
            pa.array([1, 0, None, 1, 1, 0], pa.int64()), pa.array([INT64[0], None])
        ),
        "sparse_union": pa.UnionArray.from_sparse(
            pa.array([0, 1, 0, 1, 0, 1], pa.int8()), [pa.array(range(6)), pa.array(list("abcdef"))]
        ),
        "dense_union": pa.UnionArray.from_dense(
            pa.array([0, 1, 0, 1, 0, 1], pa.int8()),
            pa.array([0, 0, 1, 1, 2, 2], pa.int32()),
            [pa.array([1, None, 3]), pa.array(list("abc"))],
        ),
        **{f"int{n}": pa.array([*b, *rest], pa.type_for_alias(f"int{n}")) for n, b in ((32, bits32),)},
    }


def digits(value: int, unit: str, what: str) -> str:
    """The decimal fraction of a value in its unit's digits, after what comes before it."""
    count = {"s": 0, "ms": 3, "us": 6, "ns": 9}[unit]
    return f"{what}.{value % 10**count:0{count}d}" if count else what


def moment(value: int, unit: str) -> str:
    seconds = value // {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    at = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
    return digits(value, unit, at.isoformat())


def duration(value: int, unit: str) -> str:
    seconds = abs(value) // {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    return f"{'-' if value < 0 else ''}PT{digits(abs(value), unit, str(seconds))}S"


def raw(scalar: pa.Scalar) -> int:
    return scalar.cast(pa.int64() if scalar.type.bit_width == 64 else pa.int32()).as_py()


def expected(scalar: pa.Scalar | None):
    """What the help of `alab ipc read` promises for a value."""
    if scalar is None:
        return None
    kind = scalar.type
    if isinstance(scalar, pa.UnionScalar):
        return expected(scalar.value)
    if not scalar.is_valid:
        return None
    if pa.types.is_dictionary(kind):
        return expected(scalar.dictionary[scalar.index.as_py()])
    if pa.types.is_map(kind):
        entries = zip(scalar.values.field(0), scalar.values.field(1), strict=True)
        return [{"key": expected(key), "value": expected(value)} for key, value in entries]
    if pa.types.is_struct(kind):
        return {field.name: expected(scalar[field.name]) for field in kind}
    if pa.types.is_nested(kind):
        return [expected(value) for value in scalar.values]
    value = None if pa.types.is_temporal(kind) else scalar.as_py()
    if pa.types.is_interval(kind):
        value = scalar.as_py()
        return {"months": value.months, "days": value.days, "nanoseconds": value.nanoseconds}
    if pa.types.is_date32(kind):
        return (EPOCH + datetime.timedelta(days=raw(scalar))).isoformat()
    if pa.types.is_date64(kind):
        return (EPOCH + datetime.timedelta(milliseconds=raw(scalar))).isoformat()
    if pa.types.is_time(kind):
        return moment(raw(scalar), kind.unit).split("T")[1]
    if pa.types.is_timestamp(kind):
        return moment(raw(scalar), kind.unit) + ("Z" if kind.tz else "")
    if pa.types.is_duration(kind):
        return duration(raw(scalar), kind.unit)
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def compare(path: str, lines: str) -> str:
    table = pa.ipc.open_stream(path).read_all()
    with open(lines, encoding="utf8") as file:
        found = [json.loads(line) for line in file]
    if len(found) != table.num_rows:
        return f"{table.num_rows} rows expected, {len(found)} found"
    for name, column in zip(table.column_names, table.columns, strict=True):
        for row, scalar in enumerate(column):
            value = expected(scalar)
            if found[row][name] != value or type(found[row][name]) is not type(value):
                both_numbers = {type(found[row][name]), type(value)} == {int, float} and found[row][name] == value
                if not both_numbers:
                    return f"{name}, row {row}: expected {value!r}, found {found[row][name]!r}"
    return "equal"


def main() -> None:
    if sys.argv[1] == "write":
        table = pa.table(columns())
        with pa.ipc.new_stream(sys.argv[2], table.schema) as writer:
            writer.write_table(table.slice(0, 4))
            writer.write_table(table.slice(4))
        return
    verdict = compare(*sys.argv[2:])
    print(verdict)
    sys.exit(verdict != "equal")


main()
