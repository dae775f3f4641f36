"""Checks what rows became by pyarrow alone, for the tests of rows.

usage: rows_pyarrow.py [SOCKET]

Each line of standard input is JSON: `rows`, each a list of one value a column in the form of `jsonOf`
(src/columns/testing/random-rows.ts), and `ipc`, a stream in hexadecimal digits, or `stream`, the name of a published
one. Answers with a line of JSON: how many `batches` came, of how many columns in them the values were `built` of the
rows by pyarrow and found equal, `read` and found equal, or only `checked`; or `error`.
"""

import decimal
import itertools
import json
import sys
import traceback
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.types as is_type

import arrowlab

decimal.getcontext().prec = 100

NUMBERS_OF_32_BITS = (is_type.is_date32, is_type.is_time32)
NUMBERS_OF_64_BITS = (is_type.is_date64, is_type.is_time64, is_type.is_timestamp, is_type.is_duration)
TEXTS = (is_type.is_string, is_type.is_large_string, is_type.is_string_view)
BYTES = (is_type.is_binary, is_type.is_large_binary, is_type.is_binary_view, is_type.is_fixed_size_binary)
LISTS = (is_type.is_list, is_type.is_large_list)
#: Types that pyarrow checks, but has no class of arrays for.
UNREADABLE = ("month_interval", "day_time_interval")


def is_any(type_: pa.DataType, kinds: Iterable) -> bool:
    return any(kind(type_) for kind in kinds)


def value_json(value, type_: pa.DataType):
    """One value that is not null, of a type without children."""
    if is_type.is_floating(type_):
        return float(value)
    if is_type.is_integer(type_):
        return str(value) if type_.bit_width == 64 else value
    if is_type.is_decimal(type_):
        return str(int(value.scaleb(type_.scale)))
    if is_any(type_, BYTES):
        return value.hex()
    if is_type.is_interval(type_):
        return [value.months, value.days, str(value.nanoseconds)]
    return value


def plain(array: pa.Array) -> list:
    """The values of an array as pyarrow reads them, in the form of `jsonOf`."""
    if len(array) == 0:  # pyarrow crashes at the type codes of a union without rows
        return []
    type_ = array.type
    valid = array.is_valid().to_pylist()
    if is_type.is_null(type_):
        return [None] * len(array)
    if is_type.is_dictionary(type_):
        values = plain(array.dictionary)
        return [None if index is None else values[index] for index in array.indices.to_pylist()]
    if is_type.is_union(type_):
        fields = [plain(array.field(place)) for place in range(type_.num_fields)]
        places = [type_.type_codes.index(code) for code in array.type_codes.to_pylist()]
        rows = array.offsets.to_pylist() if type_.mode == "dense" else range(len(array))
        values = [(place, fields[place][row]) for place, row in zip(places, rows, strict=True)]
        return [None if value is None else [place, value] for place, value in values]
    if is_type.is_struct(type_):
        fields = [plain(array.field(place)) for place in range(type_.num_fields)]
        found = [[field[row] for field in fields] for row in range(len(array))]
    elif is_type.is_map(type_):
        entries = [list(entry) for entry in zip(plain(array.keys), plain(array.items), strict=True)]
        found = [entries[first:end] for first, end in ranges(array)]
    elif is_any(type_, LISTS):
        items = plain(array.values)
        found = [items[first:end] for first, end in ranges(array)]
    elif is_type.is_fixed_size_list(type_):
        items, size = plain(array.values), type_.list_size
        found = [items[row * size : (row + 1) * size] for row in range(len(array))]
    elif is_any(type_, NUMBERS_OF_32_BITS):
        found = array.view(pa.int32()).to_pylist()
    elif is_any(type_, NUMBERS_OF_64_BITS):
        found = [str(value) for value in array.view(pa.int64()).to_pylist()]
    else:
        found = [None if value is None else value_json(value, type_) for value in array.to_pylist()]
    return [value if is_valid else None for value, is_valid in zip(found, valid, strict=True)]


def ranges(array: pa.Array) -> Iterable[tuple[int, int]]:
    offsets = array.offsets.to_pylist()
    return itertools.pairwise(offsets)


def is_same(expected, found) -> bool:
    if isinstance(found, list) and isinstance(expected, list):
        return len(expected) == len(found) and all(map(is_same, expected, found))
    if isinstance(found, float):  # NaN is NaN, and zeros have signs
        return not isinstance(expected, list | None) and repr(float(expected)) == repr(found)
    return type(expected) is type(found) and expected == found


def python(value, type_: pa.DataType):
    """A value in the form of `jsonOf` as pyarrow takes it."""
    if value is None or is_type.is_boolean(type_) or is_any(type_, TEXTS):
        return value
    if is_type.is_floating(type_):
        return float(value)
    if is_type.is_decimal(type_):
        return decimal.Decimal(value).scaleb(-type_.scale)
    if is_any(type_, BYTES):
        return bytes.fromhex(value)
    if is_type.is_interval(type_):
        return pa.MonthDayNano([value[0], value[1], int(value[2])])
    if is_type.is_struct(type_):
        return {field.name: python(child, field.type) for field, child in zip(type_, value, strict=True)}
    if is_type.is_map(type_):
        return [(python(key, type_.key_type), python(item, type_.item_type)) for key, item in value]
    if is_any(type_, (*LISTS, is_type.is_fixed_size_list)):
        return [python(item, type_.value_type) for item in value]
    return int(value)


def children(type_: pa.DataType) -> list[pa.DataType]:
    if is_type.is_dictionary(type_):
        return [type_.value_type]
    return [type_.field(place).type for place in range(type_.num_fields)]


def can_read(type_: pa.DataType) -> bool:
    return str(type_) not in UNREADABLE and all(map(can_read, children(type_)))


def decoded(type_: pa.DataType) -> pa.DataType:
    """The type without dictionaries: pyarrow builds none of nested values."""

    def of(field: pa.Field) -> pa.Field:
        return field.with_type(decoded(field.type))

    if is_type.is_dictionary(type_):
        return decoded(type_.value_type)
    if is_type.is_struct(type_):
        return pa.struct([of(field) for field in type_])
    if is_type.is_map(type_):
        return pa.map_(of(type_.key_field), of(type_.item_field), type_.keys_sorted)
    if is_type.is_list(type_):
        return pa.list_(of(type_.value_field))
    if is_type.is_large_list(type_):
        return pa.large_list(of(type_.value_field))
    if is_type.is_fixed_size_list(type_):
        return pa.list_(of(type_.value_field), type_.list_size)
    return type_


def can_build(type_: pa.DataType) -> bool:
    """Whether pyarrow builds arrays of Python's values: not of unions, nor of every decimal that ends in zeros."""
    if is_type.is_union(type_) or (is_type.is_decimal(type_) and type_.scale < 0):
        return False
    return all(map(can_build, children(type_)))


def equals_built(array: pa.Array, rows: list) -> bool:
    """Compares an array with what pyarrow builds from the rows; false where it cannot."""
    if not can_build(array.type):
        return False
    type_ = decoded(array.type)
    built = pa.array([python(row, type_) for row in rows], type_)
    has_equality = type_ == array.type and '"NaN"' not in json.dumps(rows)
    if not (built.equals(array) if has_equality else is_same(plain(built), plain(array))):
        raise AssertionError(f"expected what pyarrow builds, {built}, found {array}")
    return True


def check(batches: Iterable[pa.RecordBatch], rows: list) -> dict:
    answer = {"batches": 0, "built": 0, "read": 0, "checked": 0}
    first = 0
    for batch in batches:
        batch.validate(full=True)
        expected = rows[first : first + batch.num_rows]
        for place, field in enumerate(batch.schema):
            if not can_read(field.type):
                answer["checked"] += 1
                continue
            column = batch.column(place)
            values = [row[place] for row in expected]
            found = plain(column)
            if not is_same(values, found):
                raise AssertionError(f"column {place}, {column.type}: expected {values}, found {found}")
            answer["built" if equals_built(column, values) else "read"] += 1
        first += batch.num_rows
        answer["batches"] += 1
    if first != len(rows):
        raise AssertionError(f"expected {len(rows)} rows, found {first}")
    return answer


peer = arrowlab.connect(sys.argv[1]) if len(sys.argv) > 1 else None
for line in sys.stdin:
    case = json.loads(line)
    try:
        with peer.subscribe(case["stream"]) if peer else pa.ipc.open_stream(bytes.fromhex(case["ipc"])) as source:
            answer = check(source, case["rows"])
    except Exception:
        answer = {"error": traceback.format_exc()}
    print(json.dumps(answer), flush=True)
