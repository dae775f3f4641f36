// The messages of `protobuf`: twelve fields, about 105 bytes.
import { create, createFileRegistry, fromJson, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';

export const NAME = 'bench.Order';

const field = (number, name, type, { isRepeated = false, typeName, isOptional = false } = {}) => ({
  ...{ name, number, type: `TYPE_${type}`, label: isRepeated ? 'LABEL_REPEATED' : 'LABEL_OPTIONAL' },
  ...(typeName && { typeName }),
  ...(isOptional && { proto3Optional: true, oneofIndex: 0 }),
});

const set = fromJson(FileDescriptorSetSchema, {
  file: [
    {
      name: 'bench.proto',
      package: 'bench',
      syntax: 'proto3',
      enumType: [{ name: 'Kind', value: ['NEW', 'USED', 'RETURNED'].map((name, number) => ({ name, number })) }],
      messageType: [
        { name: 'Place', field: [field(1, 'lat', 'DOUBLE'), field(2, 'lon', 'DOUBLE')] },
        {
          name: 'Order',
          field: [
            field(1, 'id', 'INT64'),
            field(2, 'name', 'STRING'),
            field(3, 'price', 'DOUBLE'),
            field(4, 'quantity', 'INT32'),
            field(5, 'open', 'BOOL'),
            field(6, 'kind', 'ENUM', { typeName: '.bench.Kind' }),
            field(7, 'note', 'STRING', { isOptional: true }),
            field(8, 'where', 'MESSAGE', { typeName: '.bench.Place' }),
            field(9, 'tags', 'STRING', { isRepeated: true }),
            field(10, 'sizes', 'INT32', { isRepeated: true }),
            field(11, 'at', 'FIXED64'),
            field(12, 'digest', 'BYTES'),
          ],
          oneofDecl: [{ name: '_note' }],
        },
      ],
    },
  ],
});

/** A FileDescriptorSet. */
export const descriptors = toBinary(FileDescriptorSetSchema, set);
/** What protobuf-es reads messages by. */
export const orderSchema = createFileRegistry(set).getMessage(NAME);

const TAGS = ['new', 'used', 'returned', 'on sale'];

/** `count` encoded messages. */
export function sampleMessages(count) {
  return Array.from({ length: count }, (_, i) =>
    toBinary(
      orderSchema,
      create(orderSchema, {
        ...{
          id: BigInt(1_000_000 + i),
          name: `item number ${i % 1_000}`,
          price: (i % 500) / 4 + 0.1,
          quantity: i % 97,
        },
        ...{ open: i % 3 !== 0, kind: i % 3, note: i % 4 === 0 ? `a note on item ${i % 100}` : undefined },
        ...{
          where: { lat: (i % 180) - 90.5, lon: (i % 360) - 180.5 },
          tags: TAGS.slice(0, i % 4),
          sizes: [i % 7, i % 300],
        },
        ...{ at: BigInt(1_700_000_000_000 + i), digest: new Uint8Array(20).fill(i) },
      }),
    ),
  );
}
