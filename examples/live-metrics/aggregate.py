"""Computes over each batch of measurements where it lies, with polars or else pandas, and says so once a second.

usage: aggregate.py SOCKET
"""

import sys
import time

import arrowlab

try:
    import polars

    def mean_of_hosts(batch) -> dict[str, float]:
        means = polars.from_arrow(batch).group_by("host").agg(polars.col("value").mean())
        return dict(means.rows())

except ModuleNotFoundError:

    def mean_of_hosts(batch) -> dict[str, float]:
        frame = batch.to_pandas()
        return frame.groupby("host", observed=True)["value"].mean().to_dict()


def main(path: str) -> None:
    rows = batches = 0
    said = time.monotonic()
    with arrowlab.connect(path) as peer:
        for batch in peer.subscribe("metrics"):
            means = mean_of_hosts(batch)
            rows += batch.num_rows
            batches += 1
            if time.monotonic() - said >= 1:
                host = max(means, key=lambda name: means[name])
                print(f"python: {rows} rows in {batches} batches, highest mean {means[host]:.3f} of {host}", flush=True)
                said = time.monotonic()
    print(f"python: received {rows} rows in {batches} batches", flush=True)


main(sys.argv[1])
