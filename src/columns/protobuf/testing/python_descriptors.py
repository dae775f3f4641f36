"""Writes the FileDescriptorSet of generated modules, with all that they import, to standard output."""

import importlib
import sys

from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet

files = FileDescriptorSet()
seen: set[str] = set()


def add(file: FileDescriptor) -> None:
    if file.name in seen:
        return
    seen.add(file.name)
    for dependency in file.dependencies:
        add(dependency)
    file.CopyToProto(files.file.add())


for name in sys.argv[1:]:
    add(importlib.import_module(name).DESCRIPTOR)
sys.stdout.buffer.write(files.SerializeToString())
