import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { type FileDescriptorProto, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import type * as protobufjs from 'protobufjs';
import { ArrowlabError } from '../../errors.js';
import { builtInFile } from './built-in.js';
import { fileDescriptors } from './reflection.js';

const require = createRequire(import.meta.url);

/**
 * The bytes of a FileDescriptorSet of a .proto file and all that it imports. protobufjs parses them, which is loaded when it is needed.
 * @throws INVALID_ARGUMENT naming the file that is not there or cannot be parsed.
 */
export function descriptorSetOfFile(path: string, includePaths: readonly string[]): Uint8Array {
  const { Root } = require('protobufjs') as typeof protobufjs;
  const root = new Root();
  const folders = [dirname(resolve(path)), ...includePaths.map((folder) => resolve(folder))];
  const main = resolve(path);
  /** What each file is called in imports. */
  const names = new Map<string, string>();
  root.resolvePath = (_, target) => {
    if (target === main) return main;
    const found = locate(target, folders);
    names.set(found, target);
    return found;
  };
  let files: FileDescriptorProto[];
  try {
    readFileSync(main);
    root.loadSync(main, { keepCase: true }).resolveAll();
    files = fileDescriptors(root, (file) => names.get(file) ?? file);
  } catch (error) {
    throw new ArrowlabError(
      'INVALID_ARGUMENT',
      `expected a .proto file that can be read, found ${path}: ${(error as Error).message}`,
      { cause: error },
    );
  }
  return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: files }));
}

/** Where an imported file lies. What protobufjs has built in it takes by its name. */
function locate(name: string, folders: readonly string[]): string {
  const found = folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
  if (found) return found;
  if (!builtInFile(name))
    throw new Error(`${name} is imported, and not in ${folders.join(', ')} (includePaths adds folders)`);
  const shipped = join(dirname(require.resolve('protobufjs/package.json')), name);
  return existsSync(shipped) ? shipped : name;
}
