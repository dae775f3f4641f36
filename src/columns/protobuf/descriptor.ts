import { createFileRegistry, type DescMessage, type FileRegistry, fromBinary } from '@bufbuild/protobuf';
import { type FileDescriptorProto, type FileDescriptorSet, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { ArrowlabError } from '../../errors.js';
import { builtInFile } from './built-in.js';

/** The message of this full name in a set of descriptors, whose files may come in any order. @throws INVALID_ARGUMENT. */
export function messageOfSet(bytes: Uint8Array, messageName: string): DescMessage {
  return messageIn(registryOf(bytes), messageName);
}

function registryOf(bytes: Uint8Array): FileRegistry {
  try {
    const set = fromBinary(FileDescriptorSetSchema, bytes);
    return createFileRegistry({ ...set, file: inOrder(set) });
  } catch (error) {
    throw new ArrowlabError(
      'INVALID_ARGUMENT',
      `expected a FileDescriptorSet with all that its files import, found other bytes: ${(error as Error).message}. Make it with \`protoc --include_imports --descriptor_set_out=FILE\``,
      { cause: error },
    );
  }
}

function messageIn(registry: FileRegistry, messageName: string): DescMessage {
  const message = registry.getMessage(messageName.replace(/^\./, ''));
  if (message) return message;
  const names = [...registry].filter(({ kind }) => kind === 'message').map(({ typeName }) => typeName);
  const some = names.slice(0, 10).join(', ');
  const others = names.length > 10 ? ` and ${names.length - 10} others` : '';
  throw new ArrowlabError(
    'INVALID_ARGUMENT',
    `expected the full name of a message, found ${JSON.stringify(messageName)}: there is ${some === '' ? 'none' : some}${others}`,
  );
}

/** Each file after those that it imports. What is imported of google/protobuf/ and not in the set is added. */
function inOrder({ file }: FileDescriptorSet): FileDescriptorProto[] {
  const files = new Map(file.map((proto) => [proto.name, proto]));
  const ordered = new Set<FileDescriptorProto>();
  const visiting = new Set<string>();
  const visit = (name: string) => {
    const proto = files.get(name) ?? builtInFile(name);
    if (!proto || ordered.has(proto) || visiting.has(name)) return;
    visiting.add(name);
    for (const imported of proto.dependency) visit(imported);
    ordered.add(proto);
  };
  for (const { name } of file) visit(name);
  return [...ordered];
}
