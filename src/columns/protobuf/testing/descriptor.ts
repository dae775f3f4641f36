import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DescMessage } from '@bufbuild/protobuf';
import { protobufRows } from '../format.js';

/** The descriptor of a message in what a .proto file may say after its syntax, which is proto3 unless it says another. */
export function descriptorOf(source: string, messageName: string): DescMessage {
  const folder = mkdtempSync(join(tmpdir(), 'arrowlab-proto-'));
  try {
    const file = join(folder, 'test.proto');
    writeFileSync(file, /^(syntax|edition)/.test(source) ? source : `syntax = "proto3";\n${source}`);
    return protobufRows(file, messageName).message;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
