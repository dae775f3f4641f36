import type { DescEnum, DescField, DescMessage } from '@bufbuild/protobuf';

/** Everything of a message that columns or decoding depend on, and of all that it refers to, by full name. */
export function outlineOf(desc: DescMessage, outlines: Record<string, unknown> = {}): Record<string, unknown> {
  if (desc.typeName in outlines) return outlines;
  outlines[desc.typeName] = desc.fields.map(fieldOutline);
  for (const field of desc.fields) {
    if (field.message) outlineOf(field.message, outlines);
    if (field.enum) outlines[field.enum.typeName] = enumOutline(field.enum);
  }
  return outlines;
}

function fieldOutline(field: DescField): unknown {
  const { name, number, fieldKind, scalar, presence, utf8Validation } = field;
  return {
    ...{ name, number, fieldKind, scalar, presence, utf8Validation },
    listKind: 'listKind' in field ? field.listKind : undefined,
    mapKind: 'mapKind' in field ? field.mapKind : undefined,
    mapKey: 'mapKey' in field ? field.mapKey : undefined,
    isPacked: fieldKind === 'list' && field.listKind !== 'message' ? field.packed : undefined,
    isDelimited: 'delimitedEncoding' in field && field.delimitedEncoding === true,
    oneof: field.oneof?.name,
    message: field.message?.typeName,
    enum: field.enum?.typeName,
    initial: 'getDefaultValue' in field ? field.getDefaultValue?.() : undefined,
  };
}

function enumOutline({ open, values }: DescEnum): unknown {
  return { open, values: values.map(({ name, number }) => ({ name, number })) };
}
