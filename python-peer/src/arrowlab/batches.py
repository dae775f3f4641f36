"""What pyarrow makes of a stream's messages, in place."""

from __future__ import annotations

import pyarrow as pa

from arrowlab.check import Kind, Message
from arrowlab.errors import IpcInvalid
from arrowlab.messages import Messages


class Batches:
    """Takes checked messages in the order of the stream and reads the schema and the batches out of them.

    Raises what pyarrow raises for what it cannot read.
    """

    def __init__(self) -> None:
        self._messages = Messages()
        self._reader: pa.RecordBatchStreamReader | None = None
        # Of a schema without dictionaries, whose batches need nothing but themselves; the next one of these.
        self._plain: pa.Schema | None = None
        self._batch: pa.Buffer | None = None

    @property
    def opened(self) -> bool:
        """Whether the schema has been read."""
        return self._reader is not None

    @property
    def ready(self) -> bool:
        """Whether there is a batch to read, with the dictionaries before it."""
        return self._batch is not None or self._messages.hold_batch

    def put(self, message: Message, received: pa.Buffer) -> None:
        """`received` is the message as it came. Raises IpcInvalid for one that does not belong here."""
        if (message.kind is Kind.SCHEMA) == self.opened:
            raise IpcInvalid(f"expected one schema and as the first message, found {message.kind.name} out of place")
        if self._plain is None:
            self._messages.put(message)
        elif message.kind is Kind.RECORD_BATCH:
            self._batch = received
        else:
            raise IpcInvalid("expected no dictionary, as no field of the schema has one, found one")

    def open(self) -> pa.Schema:
        """The schema, whose message is here."""
        if self._reader is None:
            reader = pa.ipc.open_stream(pa.PythonFile(self._messages, mode="r"))
            # Names are decoded late; those that are not UTF-8 are found here.
            _ = reader.schema.names
            if not any(_has_dictionary(field.type) for field in reader.schema):
                self._plain = reader.schema
            self._reader = reader
        return self._reader.schema

    def read(self) -> pa.RecordBatch:
        """The batch that is ready."""
        if self._batch is not None:
            batch, self._batch = self._batch, None
            # Half of what pyarrow's stream reader costs, which asks for each piece of the message by itself.
            return pa.ipc.read_record_batch(batch, self._plain)
        assert self._reader is not None
        batch = self._reader.read_next_batch()
        self._messages.hold_batch = False
        return batch


def _has_dictionary(data_type: pa.DataType) -> bool:
    if isinstance(data_type, pa.BaseExtensionType):
        return _has_dictionary(data_type.storage_type)
    if pa.types.is_dictionary(data_type):
        return True
    return any(_has_dictionary(data_type.field(index).type) for index in range(data_type.num_fields))
