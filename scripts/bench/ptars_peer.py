"""Turns protobuf messages into a record batch by ptars.

usage: ptars_peer.py DESCRIPTORS MESSAGE MESSAGES

DESCRIPTORS is a file of a FileDescriptorSet, MESSAGES one of messages, each after its length as four bytes, little-endian. Says when it is ready,
and after each line of standard input what one conversion of all of them took, as CPU time.
"""

import json
import pathlib
import struct
import sys
import time

import ptars
from google.protobuf import descriptor_pb2, descriptor_pool

descriptors, name, messages = sys.argv[1:]
pool = descriptor_pool.DescriptorPool()
for file in descriptor_pb2.FileDescriptorSet.FromString(pathlib.Path(descriptors).read_bytes()).file:
    pool.Add(file)
descriptor = pool.FindMessageTypeByName(name)
handler = ptars.HandlerPool([descriptor.file]).get_for_message(descriptor)

data = pathlib.Path(messages).read_bytes()
payloads, at = [], 0
while at < len(data):
    (length,) = struct.unpack_from("<I", data, at)
    payloads.append(data[at + 4 : at + 4 + length])
    at += 4 + length

print(json.dumps({"rows": handler.list_to_record_batch(payloads).num_rows}), flush=True)
for _ in sys.stdin:
    begin = time.process_time_ns()
    batch = handler.list_to_record_batch(payloads)
    took = time.process_time_ns() - begin
    del batch
    print(json.dumps({"cpuNs": took}), flush=True)
