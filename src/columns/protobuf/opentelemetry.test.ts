import { join } from 'node:path';
import {
  create,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonValue,
  type Message,
  toBinary,
} from '@bufbuild/protobuf';
import { beforeAll, describe, expect, test } from 'vitest';
import { protobufRows } from './format.js';
import { bindRows } from './testing/batches.js';
import { outlineOf } from './testing/outline.js';
import { type PlainOptions, plainOfMessage } from './testing/plain.js';
import { pythonDescriptors, pythonPackages } from './testing/python-descriptors.js';
import { Random } from './testing/random.js';
import { randomWire } from './testing/random-wire.js';

const OPTIONS: PlainOptions = { enums: 'dictionary', oneofCase: true, timestampUnit: 'ns' };

const attribute = (key: string, value: JsonValue) => ({ key, value });
const RESOURCE = {
  attributes: [
    attribute('service.name', { string_value: 'checkout' }),
    attribute('process.pid', { int_value: '4711' }),
    attribute('host.ips', { array_value: { values: [{ string_value: '10.0.0.1' }, { string_value: '10.0.0.2' }] } }),
  ],
};
const SCOPE = { name: 'io.opentelemetry.http', version: '2.1.0' };

/** Of one message of each kind, what instruments send. */
const SIGNALS = {
  metrics: {
    resource_metrics: [
      {
        resource: RESOURCE,
        scope_metrics: [
          {
            scope: SCOPE,
            metrics: [
              {
                name: 'http.server.duration',
                unit: 'ms',
                histogram: {
                  aggregation_temporality: 'AGGREGATION_TEMPORALITY_CUMULATIVE',
                  data_points: [
                    {
                      start_time_unix_nano: '1700000000000000000',
                      time_unix_nano: '1700000060000000000',
                      count: '42',
                      sum: 1234.5,
                      bucket_counts: ['1', '2', '39', '0'],
                      explicit_bounds: [5, 10, 100],
                      attributes: [attribute('http.method', { string_value: 'GET' })],
                      exemplars: [
                        { time_unix_nano: '1700000059000000000', as_double: 3.5, trace_id: 'AAECAwQFBgcICQoLDA0ODw==' },
                      ],
                    },
                  ],
                },
              },
              {
                name: 'memory',
                gauge: { data_points: [{ as_int: '-5', time_unix_nano: '1700000060000000000' }, { as_double: 0.25 }] },
              },
            ],
          },
        ],
      },
    ],
  },
  trace: {
    resource_spans: [
      {
        resource: RESOURCE,
        scope_spans: [
          {
            scope: SCOPE,
            spans: [
              {
                trace_id: 'AAECAwQFBgcICQoLDA0ODw==',
                span_id: 'AAECAwQFBgc=',
                name: 'GET /größe',
                kind: 'SPAN_KIND_SERVER',
                start_time_unix_nano: '1700000000000000000',
                end_time_unix_nano: '1700000000500000000',
                attributes: [
                  attribute('http.status_code', { int_value: '200' }),
                  attribute('cached', { bool_value: true }),
                ],
                events: [
                  {
                    name: 'retry',
                    time_unix_nano: '1700000000100000000',
                    attributes: [attribute('n', { double_value: 1 })],
                  },
                ],
                links: [{ trace_id: 'AAECAwQFBgcICQoLDA0ODw==', span_id: 'AAECAwQFBgc=' }],
                status: { code: 'STATUS_CODE_ERROR', message: 'no' },
              },
            ],
          },
        ],
        schema_url: 'https://opentelemetry.io/schemas/1.24.0',
      },
    ],
  },
  logs: {
    resource_logs: [
      {
        resource: RESOURCE,
        scope_logs: [
          {
            scope: SCOPE,
            log_records: [
              {
                time_unix_nano: '1700000000000000000',
                severity_number: 'SEVERITY_NUMBER_WARN',
                severity_text: 'WARN',
                body: {
                  kvlist_value: {
                    values: [
                      attribute('deep', {
                        kvlist_value: {
                          values: [attribute('deeper', { array_value: { values: [{ int_value: '1' }] } })],
                        },
                      }),
                    ],
                  },
                },
                attributes: [attribute('error', { bool_value: false }), attribute('raw', { bytes_value: 'AP8=' })],
                flags: 1,
              },
            ],
          },
        ],
      },
    ],
  },
} satisfies Record<string, JsonValue>;

const TYPES = {
  metrics: 'opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest',
  trace: 'opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest',
  logs: 'opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest',
};

describe('the schemas of OpenTelemetry', () => {
  let set: Uint8Array;
  beforeAll(() => {
    const modules = Object.keys(TYPES).map(
      (signal) => `opentelemetry.proto.collector.${signal}.v1.${signal}_service_pb2`,
    );
    set = pythonDescriptors(...modules);
  });

  const expectSame = (desc: DescMessage, messages: readonly Uint8Array[], maxDepth: number) => {
    const format = protobufRows(desc, { ...OPTIONS, maxDepth });
    const expected = messages.map((bytes) => plainOfMessage(desc, fromBinary(desc, bytes), OPTIONS));
    expect(bindRows(format, messages, OPTIONS)).toEqual(expected);
  };

  test.each(['metrics', 'trace', 'logs'] as const)('%s that instruments send', (signal) => {
    const desc = protobufRows(set, TYPES[signal]).message;
    const message: Message = fromJson(desc, SIGNALS[signal]);
    const bytes = toBinary(desc, message);
    const empty = toBinary(desc, create(desc));
    for (const maxDepth of [1, 2, 3]) expectSame(desc, [bytes, empty, bytes, Buffer.concat([bytes, bytes])], maxDepth);
  });

  test.each(['metrics', 'trace', 'logs'] as const)('%s as no instrument sends them', (signal) => {
    const desc = protobufRows(set, TYPES[signal]).message;
    const random = new Random(7);
    expectSame(
      desc,
      Array.from({ length: 200 }, () => randomWire(random, desc)),
      2,
    );
  });
});

test.each([
  ['google.rpc.error_details_pb2', 'google/rpc/error_details.proto', 'google.rpc.BadRequest'],
  ['google.rpc.status_pb2', 'google/rpc/status.proto', 'google.rpc.Status'],
  [
    'google.rpc.context.attribute_context_pb2',
    'google/rpc/context/attribute_context.proto',
    'google.rpc.context.AttributeContext',
  ],
  ['google.api.service_pb2', 'google/api/service.proto', 'google.api.Service'],
  ['google.api.client_pb2', 'google/api/client.proto', 'google.api.Publishing'],
  ['google.type.money_pb2', 'google/type/money.proto', 'google.type.Money'],
  ['google.logging.type.http_request_pb2', 'google/logging/type/http_request.proto', 'google.logging.type.HttpRequest'],
])('%s: the .proto file means what protoc made of it', (module, file, messageName) => {
  const packages = pythonPackages();
  const compiled = protobufRows(pythonDescriptors(module), messageName).message;
  const parsed = protobufRows(join(packages, file), messageName, { includePaths: [packages] }).message;
  expect(outlineOf(parsed)).toEqual(outlineOf(compiled));
});
