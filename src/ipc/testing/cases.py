"""pyarrow as the other side of the IPC tests: one JSON request a line on stdin, one JSON answer a line on stdout.

A case is a list of record batches that its name and nothing else determines: a type of TYPES, or `random <seed>`.
"""

import json
import random
import sys
import traceback
from decimal import Decimal

import pyarrow as pa

ROWS = 101


def values_of(make, rng, rows, nulls=0.2):
    return [None if rng.random() < nulls else make(rng) for _ in range(rows)]


def text(rng):
    return "".join(rng.choice("aé漢🦀 z") for _ in range(rng.choice([0, 1, 3, 12, 13, 40])))


def decimal(digits, scale):
    return lambda rng: Decimal(rng.randrange(-(10**digits) + 1, 10**digits)).scaleb(-scale)


def ints(bits, signed):
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return lambda rng: rng.choice([low, high, rng.randint(low, high)])


def plain(type, make):
    return lambda rng, rows: pa.array(values_of(make, rng, rows), type)


SCALARS = {
    "bool": plain(pa.bool_(), lambda rng: rng.random() < 0.5),
    **{f"int{bits}": plain(getattr(pa, f"int{bits}")(), ints(bits, True)) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": plain(getattr(pa, f"uint{bits}")(), ints(bits, False)) for bits in (8, 16, 32, 64)},
    "float16": lambda rng, rows: pa.array(
        values_of(lambda r: r.choice([0.5, -2.0, 1024.0]), rng, rows), pa.float32()
    ).cast(pa.float16()),
    "float32": plain(pa.float32(), lambda rng: rng.randint(-1000, 1000) / 8),
    "float64": plain(pa.float64(), lambda rng: rng.random()),
    "date32": plain(pa.date32(), lambda rng: rng.randint(-100000, 100000)),
    "date64": plain(pa.date64(), lambda rng: rng.randint(-100000, 100000) * 86400000),
    "time32 s": plain(pa.time32("s"), lambda rng: rng.randrange(86400)),
    "time32 ms": plain(pa.time32("ms"), lambda rng: rng.randrange(86400000)),
    "time64 us": plain(pa.time64("us"), lambda rng: rng.randrange(86400000000)),
    "time64 ns": plain(pa.time64("ns"), lambda rng: rng.randrange(86400000000) * 1000),
    **{
        f"timestamp {unit}": plain(pa.timestamp(unit), lambda rng: rng.randint(-(10**5), 10**5) * 1000)
        for unit in ("s", "ms", "us", "ns")
    },
    "timestamp ns tz": plain(pa.timestamp("ns", "Europe/Berlin"), lambda rng: rng.randint(0, 10**15) * 1000),
    **{
        f"duration {unit}": plain(pa.duration(unit), lambda rng: rng.randint(-(10**5), 10**5) * 1000)
        for unit in ("s", "ms", "us", "ns")
    },
    "interval": plain(
        pa.month_day_nano_interval(),
        lambda rng: (rng.randint(-9, 9), rng.randint(-9, 9), rng.randint(-(10**12), 10**12)),
    ),
    "binary": plain(pa.binary(), lambda rng: rng.randbytes(rng.randrange(30))),
    "large_binary": plain(pa.large_binary(), lambda rng: rng.randbytes(rng.randrange(30))),
    "string": plain(pa.string(), text),
    "large_string": plain(pa.large_string(), text),
    "binary_view": plain(pa.binary_view(), lambda rng: rng.randbytes(rng.randrange(30))),
    "string_view": plain(pa.string_view(), text),
    "fixed binary": plain(pa.binary(5), lambda rng: rng.randbytes(5)),
    "decimal32": plain(pa.decimal32(7, 2), decimal(7, 2)),
    "decimal64": plain(pa.decimal64(15, 3), decimal(15, 3)),
    "decimal128": plain(pa.decimal128(30, 5), decimal(30, 5)),
    "decimal256": plain(pa.decimal256(60, 7), decimal(60, 7)),
    "null": lambda rng, rows: pa.nulls(rows),
}


def offsets(rng, rows, nulls=True):
    ends = [0]
    for _ in range(rows):
        ends.append(ends[-1] + rng.choice([0, 1, 2, 5]))
    return ends


def mask(rng, rows):
    return pa.array([rng.random() < 0.2 for _ in range(rows)], pa.bool_())


def listed(kind, offset_type, inner):
    def make(rng, rows):
        ends = offsets(rng, rows)
        return kind.from_arrays(pa.array(ends, offset_type), inner(rng, ends[-1]), mask=mask(rng, rows))

    return make


def list_view(kind, offset_type, inner):
    def make(rng, rows):
        child = inner(rng, 20)
        sizes = [rng.randrange(4) for _ in range(rows)]
        starts = [rng.randrange(21 - size) for size in sizes]
        return kind.from_arrays(pa.array(starts, offset_type), pa.array(sizes, offset_type), child)

    return make


def map_of(inner):
    def make(rng, rows):
        ends = offsets(rng, rows)
        keys = pa.array([text(rng) for _ in range(ends[-1])], pa.string())
        return pa.MapArray.from_arrays(pa.array(ends, pa.int32()), keys, inner(rng, ends[-1]))

    return make


def struct_of(*inner):
    def make(rng, rows):
        names = [f"f{i}" for i in range(len(inner))]
        return pa.StructArray.from_arrays([make(rng, rows) for make in inner], names, mask=mask(rng, rows))

    return make


def fixed_list(inner):
    return lambda rng, rows: pa.FixedSizeListArray.from_arrays(inner(rng, rows * 3), 3, mask=mask(rng, rows))


def sparse(*inner):
    def make(rng, rows):
        ids = pa.array([rng.randrange(len(inner)) * 5 for _ in range(rows)], pa.int8())
        return pa.UnionArray.from_sparse(
            ids, [make(rng, rows) for make in inner], type_codes=[i * 5 for i in range(len(inner))]
        )

    return make


def dense(*inner):
    def make(rng, rows):
        ids = [rng.randrange(len(inner)) for _ in range(rows)]
        counts = [0] * len(inner)
        places = []
        for id in ids:
            places.append(counts[id])
            counts[id] += 1
        children = [make(rng, count) for make, count in zip(inner, counts)]
        return pa.UnionArray.from_dense(pa.array(ids, pa.int8()), pa.array(places, pa.int32()), children)

    return make


def dictionary(index_type, inner, changes=False):
    def make(rng, rows):
        values = inner(rng if changes else random.Random(7), 17)
        indices = pa.array(values_of(lambda r: r.randrange(17), rng, rows), index_type)
        return pa.DictionaryArray.from_arrays(indices, values)

    return make


def runs(inner):
    def make(rng, rows):
        if rows == 0:
            return pa.RunEndEncodedArray.from_arrays(pa.array([], pa.int32()), inner(rng, 0))
        ends = sorted(rng.sample(range(1, rows), min(rows - 1, 5))) + [rows]
        return pa.RunEndEncodedArray.from_arrays(pa.array(ends, pa.int32()), inner(rng, len(ends)))

    return make


S, I = SCALARS["string"], SCALARS["int32"]
NESTED = {
    "list": listed(pa.ListArray, pa.int32(), S),
    "large_list": listed(pa.LargeListArray, pa.int64(), SCALARS["decimal128"]),
    "list of list of bool": listed(pa.ListArray, pa.int32(), listed(pa.ListArray, pa.int32(), SCALARS["bool"])),
    "fixed list": fixed_list(SCALARS["int16"]),
    "fixed list of bool": fixed_list(SCALARS["bool"]),
    "struct": struct_of(S, I, SCALARS["bool"]),
    "struct of struct of list": struct_of(struct_of(listed(pa.ListArray, pa.int32(), I)), SCALARS["string_view"]),
    "map": map_of(I),
    "sparse union": sparse(I, S, SCALARS["bool"]),
    "dense union": dense(I, S, SCALARS["bool"]),
    "list of dense union": listed(pa.ListArray, pa.int32(), dense(S, I)),
    **{
        f"dictionary {bits}": dictionary(getattr(pa, bits)(), S)
        for bits in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32")
    },
    "dictionary of struct": dictionary(pa.int16(), struct_of(I, S)),
    "list of dictionary": listed(pa.ListArray, pa.int32(), dictionary(pa.int8(), S)),
    "struct of dictionary": struct_of(dictionary(pa.int8(), SCALARS["int64"]), I),
    "dictionary of list of dictionary": dictionary(
        pa.int8(), listed(pa.ListArray, pa.int32(), dictionary(pa.int8(), S))
    ),
}
# Dictionaries that batches replace, which files cannot have.
CHANGING = {
    "changing dictionary": dictionary(pa.int8(), S, True),
    "changing dictionary of list of dictionary": dictionary(
        pa.int8(), listed(pa.ListArray, pa.int32(), dictionary(pa.int8(), S, True)), True
    ),
    "list of changing dictionary": listed(pa.ListArray, pa.int32(), dictionary(pa.int8(), S, True)),
}
FOREIGN = {
    "list_view": list_view(pa.ListViewArray, pa.int32(), S),
    "large_list_view": list_view(pa.LargeListViewArray, pa.int64(), I),
    "run_end_encoded": runs(S),
    "struct of run_end_encoded": struct_of(runs(I)),
}
TYPES = {**SCALARS, **NESTED, **CHANGING, **FOREIGN}


def random_type(rng, depth):
    inner = lambda: random_type(rng, depth - 1)
    if depth == 0 or rng.random() < 0.4:
        return rng.choice(list(SCALARS.values()))
    return rng.choice(
        [
            lambda: listed(pa.ListArray, pa.int32(), inner()),
            lambda: listed(pa.LargeListArray, pa.int64(), inner()),
            lambda: fixed_list(inner()),
            lambda: struct_of(inner(), inner()),
            lambda: map_of(inner()),
            lambda: sparse(inner(), inner()),
            lambda: dense(inner(), inner()),
            lambda: dictionary(
                rng.choice([pa.int8(), pa.uint16(), pa.int32()]),
                rng.choice([SCALARS["string"], SCALARS["int64"], SCALARS["binary_view"]]),
            ),
        ]
    )()


def batches_of(case):
    if case.startswith("random "):
        rng = random.Random(int(case.split()[1]))
        makers = [random_type(rng, 3) for _ in range(rng.randint(1, 4))]
        sizes = [rng.choice([0, 1, 7, 8, 33]) for _ in range(3)]
    else:
        rng = random.Random(case)
        makers = [TYPES[case]]
        sizes = [ROWS, 0, 9]
    arrays = [[make(rng, size) for make in makers] for size in sizes]
    metadata = {"case": case, "ünï": "çode"}
    fields = [pa.field(f"c{i}", array.type, metadata={"n": str(i)}) for i, array in enumerate(arrays[0])]
    return [pa.record_batch(columns, schema=pa.schema(fields, metadata)) for columns in arrays]


def write(case, path, format, options):
    batches = batches_of(case)
    if "metadata_version" in options:
        options = {**options, "metadata_version": getattr(pa.ipc.MetadataVersion, options["metadata_version"])}
    write_options = pa.ipc.IpcWriteOptions(**options)
    make = pa.ipc.new_stream if format == "stream" else pa.ipc.new_file
    with make(path, batches[0].schema, options=write_options) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return {"rows": [batch.num_rows for batch in batches]}


def pieces(batches, slices):
    return [batches[at].slice(begin, length) for at, begin, length in slices]


def equal(case, path, slices=None):
    """Whether the stream at path holds the given slices [batch, begin, length] of the case, one a batch."""
    expected = batches_of(case)
    if slices is not None:
        expected = pieces(expected, slices)
    with pa.OSFile(path) as file, pa.ipc.open_stream(file) as reader:
        schema, found = reader.schema, list(reader)
    if not schema.equals(expected[0].schema, check_metadata=True):
        return {"difference": f"schema {schema} instead of {expected[0].schema}"}
    if len(found) != len(expected):
        return {"difference": f"{len(found)} batches instead of {len(expected)}"}
    for at, (got, want) in enumerate(zip(found, expected)):
        got.validate(full=True)
        if repr(got.to_pydict()) != repr(want.to_pydict()):
            return {"difference": f"batch {at}: {got.to_pydict()} instead of {want.to_pydict()}"}
    return {"difference": None}


def read(path):
    with pa.OSFile(path) as file, pa.ipc.open_stream(file) as reader:
        batches = list(reader)
        for batch in batches:
            batch.validate(full=True)
        stats = reader.stats
        return {
            "columns": [
                [str(value) for value in batch.column(i).to_pylist()]
                for batch in batches
                for i in range(batch.num_columns)
            ],
            "metadata": [
                dict(reader.schema.metadata or {})
                and {k.decode(): v.decode() for k, v in reader.schema.metadata.items()}
            ],
            "types": [str(field.type) for field in reader.schema],
            "deltas": stats.num_dictionary_deltas,
            "replacements": stats.num_replaced_dictionaries,
        }


def types():
    return {"held": [*SCALARS, *NESTED], "changing": list(CHANGING), "foreign": list(FOREIGN)}


OPERATIONS = {"write": write, "equal": equal, "read": read, "types": types}

for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = OPERATIONS[request.pop("operation")](**request)
    except Exception:
        answer = {"error": traceback.format_exc()}
    print(json.dumps(answer), flush=True)
