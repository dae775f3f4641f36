import { mkdirSync } from 'node:fs';
import { create, toBinary } from '@bufbuild/protobuf';
import {
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  file_google_protobuf_descriptor,
} from '@bufbuild/protobuf/wkt';
import protobufjs from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { rowsOf, typesOf, useColumns } from './columns-cli.js';

const { at, run, file, partials } = useColumns('from-protobuf');

const FLIGHT = `syntax = "proto3";
package air;
import "kind.proto";
import "google/protobuf/timestamp.proto";
message Flight {
  uint64 id = 1;
  optional double delay = 2;
  repeated string tags = 3;
  Kind kind = 4;
  google.protobuf.Timestamp at = 5;
  oneof who { string airline = 6; int32 owner = 7; }
}`;
const KIND = 'syntax = "proto3"; package air; enum Kind { UNKNOWN = 0; ARRIVAL = 1; }';

/** The .proto files, and what encodes their messages. */
function flights() {
  const proto = file('flight.proto', FLIGHT);
  file('kind.proto', KIND);
  const type = protobufjs.parse(FLIGHT.replace(/import .*/g, '').replace('google.protobuf.Timestamp', 'Stamp'), {
    keepCase: true,
  }).root;
  protobufjs.parse(KIND, type);
  protobufjs.parse('syntax = "proto3"; package air; message Stamp { int64 seconds = 1; int32 nanos = 2; }', type);
  const Flight = type.lookupType('air.Flight');
  return { proto, encode: (flight: object) => Flight.encode(Flight.fromObject(flight)).finish() };
}

const delimited = (messages: Uint8Array[]) =>
  Buffer.concat(messages.flatMap((message) => [Buffer.from([message.length]), message]));
const ofGrpc = (messages: Uint8Array[]) =>
  Buffer.concat(messages.flatMap((message) => [Buffer.from([0, 0, 0, 0, message.length]), message]));

const FLIGHTS = [
  { id: 1, delay: 0, tags: ['a', 'b'], kind: 1, at: { seconds: 1, nanos: 5_000_000 }, airline: 'LH' },
  { id: 2, kind: 7, owner: 5 },
];

describe('alab columns from-protobuf', () => {
  it('takes the message of a .proto file, with what that imports', async () => {
    const { proto, encode } = flights();
    const args = ['--proto', proto, '--message', 'air.Flight', '--json'];
    const { exitCode, stdout, table } = await run(delimited(FLIGHTS.map(encode)), ...args);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ rows: 2, malformed: 0 });
    expect(rowsOf(table)).toEqual([
      { id: '1n', delay: 0, tags: ['a', 'b'], kind: 1, at: 1005, airline: 'LH', owner: null },
      { id: '2n', delay: null, tags: [], kind: 7, at: null, airline: null, owner: 5 },
    ]);
  });

  it('takes other framing, names of enums, cases of oneofs and units, as it is told', async () => {
    const { proto, encode } = flights();
    const args = ['--framing', 'grpc', '--enums', 'dictionary', '--oneof-case', '--timestamp-unit', 'ms'];
    const { table } = await run(ofGrpc(FLIGHTS.map(encode)), '--proto', proto, '--message', 'air.Flight', ...args);
    expect(typesOf(table)).toMatchObject({ at: 'Timestamp<MILLISECOND, UTC>' });
    expect(rowsOf(table)).toMatchObject([
      { kind: 'ARRIVAL', who: 'airline' },
      { kind: '7', who: 'owner' },
    ]);
  });

  it('takes the message of a FileDescriptorSet', async () => {
    const { proto } = file_google_protobuf_descriptor;
    const set = toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [proto] }));
    const message = toBinary(FileDescriptorProtoSchema, create(FileDescriptorProtoSchema, { name: 'x.proto' }));
    const args = ['--descriptor-set', file('set.pb', set), '--message', 'google.protobuf.FileDescriptorProto'];
    const { exitCode, table } = await run(delimited([message]), ...args);
    expect(exitCode).toBe(0);
    expect(table!.getChild('name')!.get(0)).toBe('x.proto');
  });

  it('names the message, the byte and the field of what is malformed, or skips and counts it', async () => {
    const { proto, encode } = flights();
    const args = ['--proto', proto, '--message', 'air.Flight'];
    const bad = Buffer.concat([encode(FLIGHTS[0]!), Buffer.from([0x1a, 0x05, 0x61])]);
    const input = delimited([encode(FLIGHTS[0]!), bad, ...Array(9).fill(encode(FLIGHTS[1]!)), bad]);
    const failed = await run(input, ...args);
    expect(failed).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/message 1: byte \d+: tags/) });
    expect(failed.table).toBe(undefined);
    expect(partials()).toEqual([]);
    const { stdout, table } = await run(input, ...args, '--malformed', 'skip', '--batch-rows', '3', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ rows: 10, batches: 4, malformed: 2 });
    expect(table!.numRows).toBe(10);
  });

  it('refuses an input that is cut off, whatever is skipped', async () => {
    const { proto, encode } = flights();
    const input = delimited(FLIGHTS.map(encode)).subarray(0, -1);
    const { exitCode, stderr } = await run(input, '--proto', proto, '--message', 'air.Flight', '--malformed', 'skip');
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: expect.stringMatching(/byte \d+: expected a message of/),
    });
  });

  it('says what is wrong with a descriptor', async () => {
    const { proto } = flights();
    expect(await run('', '--proto', proto, '--message', 'air.Fright')).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('ERR_ARROWLAB_INVALID_ARGUMENT'),
    });
    expect(await run('', '--proto', 'nowhere.proto', '--message', 'a.B')).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('nowhere.proto'),
    });
    expect(await run('', '--message', 'a.B')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('expected --proto or --descriptor-set, found neither'),
    });
    expect(await run('', '--proto', proto, '--descriptor-set', proto, '--message', 'a.B')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('expected --proto or --descriptor-set, found both'),
    });
  });

  it('names --include where an import is not found, and that helps', async () => {
    const proto = file('main.proto', 'syntax = "proto3"; import "shared/kind.proto"; message M { air.Kind kind = 1; }');
    const failed = await run('', '--proto', proto, '--message', 'M');
    expect(failed).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/shared\/kind\.proto is imported, and not in .* \(--include FOLDER adds folders\)/),
    });
    mkdirSync(at('elsewhere/shared'), { recursive: true });
    file('elsewhere/shared/kind.proto', KIND);
    const { exitCode } = await run('', '--proto', proto, '--message', 'M', '--include', at('elsewhere'));
    expect(exitCode).toBe(0);
  });
});
