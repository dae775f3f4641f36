"""Arrow IPC files of every type that pyarrow writes, and their comparison, for the transfer's tests.

usage: every_type.py write FOLDER        writes the files, prints their names as a JSON array
       every_type.py compare FILE FILE   prints "equal", or says what differs and exits with 1
"""

import datetime
import decimal
import json
import pathlib
import sys

import pyarrow as pa

ROWS = 1000


def every(n: int, make):
    """A value for each row, each seventh null."""
    return [None if i % 7 == 3 else make(i) for i in range(n)]


def columns(n: int) -> dict[str, pa.Array]:
    utc = datetime.UTC
    day = datetime.date(2024, 2, 29)
    instant = datetime.datetime(2024, 2, 29, 12, 30, tzinfo=utc)
    number = decimal.Decimal("-12345.67")
    texts = every(n, lambda i: f"row {i} — {'ü' * (i % 30)}")
    lists = every(n, lambda i: list(range(i % 5)))
    made = {
        "null": pa.nulls(n),
        "bool": pa.array(every(n, lambda i: i % 3 == 0)),
        "float16": pa.array(every(n, lambda i: float(i % 100)), pa.float16()),
        "float32": pa.array(every(n, lambda i: i / 3), pa.float32()),
        "float64": pa.array(every(n, lambda i: i / 3)),
        "utf8": pa.array(texts),
        "large_utf8": pa.array(texts, pa.large_utf8()),
        "binary": pa.array([t and t.encode() for t in texts], pa.binary()),
        "large_binary": pa.array([t and t.encode() for t in texts], pa.large_binary()),
        "fixed_binary": pa.array(every(n, lambda i: b"%05d" % i), pa.binary(5)),
        "string_view": pa.array(texts, pa.string_view()),
        "binary_view": pa.array([t and t.encode() for t in texts], pa.binary_view()),
        "decimal32": pa.array(every(n, lambda i: number + i), pa.decimal32(9, 2)),
        "decimal64": pa.array(every(n, lambda i: number + i), pa.decimal64(18, 2)),
        "decimal128": pa.array(every(n, lambda i: number * i), pa.decimal128(38, 2)),
        "decimal256": pa.array(every(n, lambda i: number * i), pa.decimal256(76, 2)),
        "date32": pa.array(every(n, lambda i: day + datetime.timedelta(i))),
        "date64": pa.array(every(n, lambda i: day + datetime.timedelta(i)), pa.date64()),
        "time32": pa.array(every(n, lambda i: i), pa.time32("ms")),
        "time64": pa.array(every(n, lambda i: 1000 * i), pa.time64("ns")),
        "timestamp": pa.array(every(n, lambda i: instant + datetime.timedelta(seconds=i)), pa.timestamp("us", "UTC")),
        "duration": pa.array(every(n, lambda i: 7000 * i), pa.duration("ns")),
        "interval": pa.array(every(n, lambda i: pa.MonthDayNano([i % 12, i % 28, i])), pa.month_day_nano_interval()),
        "list": pa.array(lists, pa.list_(pa.int16())),
        "large_list": pa.array(lists, pa.large_list(pa.int16())),
        "list_view": pa.array(lists, pa.list_view(pa.int16())),
        "large_list_view": pa.array(lists, pa.large_list_view(pa.int16())),
        "fixed_list": pa.array(every(n, lambda i: [i, None, i + 2]), pa.list_(pa.int32(), 3)),
        "struct": pa.array(every(n, lambda i: {"a": i, "b": [str(i)]})),
        "map": pa.array(every(n, lambda i: [(f"k{j}", j) for j in range(i % 4)]), pa.map_(pa.utf8(), pa.int32())),
        "dictionary": pa.array(every(n, lambda i: f"word {i % 11}")).dictionary_encode(),
        "run_end_encoded": pa.RunEndEncodedArray.from_arrays(
            pa.array([n // 2, n], pa.int32()), pa.array(["first half", "second half"])
        ),
        "sparse_union": pa.UnionArray.from_sparse(
            pa.array([i % 2 for i in range(n)], pa.int8()), [pa.array(range(n)), pa.array([str(i) for i in range(n)])]
        ),
        "dense_union": pa.UnionArray.from_dense(
            pa.array([i % 2 for i in range(n)], pa.int8()),
            pa.array([i // 2 for i in range(n)], pa.int32()),
            [pa.array(range((n + 1) // 2)), pa.array([str(i) for i in range(n // 2)])],
        ),
    }
    for bits in (8, 16, 32, 64):
        made[f"int{bits}"] = pa.array(every(n, lambda i: -(i % 100)), getattr(pa, f"int{bits}")())
        made[f"uint{bits}"] = pa.array(every(n, lambda i: i % 100), getattr(pa, f"uint{bits}")())
    return made


#: What apache-arrow JS has no type for.
BEYOND_NODE = ["list_view", "large_list_view", "run_end_encoded"]


def write(folder: pathlib.Path) -> None:
    every_type, small = pa.table(columns(ROWS)), pa.table(columns(5))
    tables = {
        "every-type": every_type,
        "node-types": every_type.drop_columns(BEYOND_NODE),
        "small": small,
        "node-small": small.drop_columns(BEYOND_NODE),
    }
    for name, table in tables.items():
        with pa.ipc.new_stream(folder / f"{name}.arrows", table.schema) as writer:
            writer.write_table(table, max_chunksize=300)
        with pa.ipc.new_file(folder / f"{name}.arrow", table.schema) as writer:
            writer.write_table(table, max_chunksize=300)
    for codec in ("lz4", "zstd"):
        options = pa.ipc.IpcWriteOptions(compression=codec)
        with pa.ipc.new_stream(folder / f"{codec}.arrows", every_type.schema, options=options) as writer:
            writer.write_table(every_type)
    grown = [["a", "b"], ["a", "b", "c"], ["a", "b", "c", "d", "e"], ["x", "y"], ["x", "y", "z"]]
    schema = pa.schema({"word": pa.dictionary(pa.int16(), pa.utf8())})
    options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
    with pa.ipc.new_stream(folder / "deltas.arrows", schema, options=options) as writer:
        for words in grown:
            indices = pa.array([i % len(words) for i in range(50)], pa.int16())
            array = pa.DictionaryArray.from_arrays(indices, pa.array(words))
            writer.write_batch(pa.record_batch([array], schema=schema))
    with pa.ipc.new_stream(folder / "empty.arrows", every_type.schema) as writer:
        writer.write_batch(every_type.to_batches()[0].slice(0, 0))
    with pa.ipc.new_stream(folder / "no-batches.arrows", every_type.schema):
        pass
    print(json.dumps(sorted(path.name for path in folder.iterdir())))


def read(path: str) -> pa.Table:
    with pa.OSFile(path) as source:
        is_file = source.read(6) == b"ARROW1"
    return (pa.ipc.open_file(path) if is_file else pa.ipc.open_stream(path)).read_all()


def plain(array: pa.ChunkedArray):
    """Values as Python has them: what two libraries have to agree on, however they chose to encode them."""
    return array.to_pylist()


def compare(one: str, other: str) -> None:
    a, b = read(one), read(other)
    if a.schema.names != b.schema.names or a.num_rows != b.num_rows:
        raise SystemExit(
            f"expected {a.schema.names} and {a.num_rows} rows, found {b.schema.names} and {b.num_rows} rows"
        )
    for name in a.schema.names:
        if a.schema.field(name).type != b.schema.field(name).type:
            raise SystemExit(f"{name}: expected {a.schema.field(name).type}, found {b.schema.field(name).type}")
        b[name].validate(full=True)
        if plain(a[name]) != plain(b[name]):
            raise SystemExit(f"{name}: values differ")
    print("equal")


write(pathlib.Path(sys.argv[2])) if sys.argv[1] == "write" else compare(sys.argv[2], sys.argv[3])
