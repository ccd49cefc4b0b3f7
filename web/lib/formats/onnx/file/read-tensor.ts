import { findHalves } from "./halves.js";
import { dataType, type Run, type Tensor } from "./proto.js";
import { addRun, fewFloatsOf, MAX_INTEGERS, rawIntegers, shortList } from "./read-numbers.js";
import { type Field, type Message, type Span, type WireReader, wireType } from "./wire.js";

/** @param what names the tensor in messages until it has a name. */
export async function readTensor(reader: WireReader, message: Message, what: string): Promise<Tensor> {
  let type = 0;
  const shape: number[] = [];
  const runs: Run[] = [];
  const integerFields: Field[] = [];
  let integers: number[] | undefined = [];
  let raw: Span | undefined;
  let isExternal = false;
  let segmented = false;
  let typed: string | undefined;
  const entries: { key: string; value: string; field: Field }[] = [];
  const fields = await reader.fields(message, what);
  const name = await nameAmong(reader, fields, 8, what);
  const tensor = name === "" ? what : `tensor "${name}"`;
  for (const field of fields) {
    const isEmpty = field.type === wireType.bytes && field.start === field.end;
    if (!isEmpty) typed ??= typedData[field.id];
    if (field.id === 1) {
      if ((await shortList(reader, field, shape, tensor)) === undefined) {
        reader.fail(
          field.at,
          `${tensor} has more than ${MAX_INTEGERS} dimensions, which is the limit: export it again`,
        );
      }
    } else if (field.id === 2) type = reader.integer(field, `the type of ${tensor}`);
    else if (field.id === 3) segmented = true;
    else if (field.id === 4) addRun(reader, runs, field, `float_data of ${tensor}`);
    else if (field.id === 5) integerFields.push(field);
    else if (field.id === 7 && integers) integers = await shortList(reader, field, integers, tensor);
    else if (field.id === 9) raw = reader.message(field, message, `raw_data of ${tensor}`);
    else if (field.id === 13) {
      const what = `external_data of ${tensor}`;
      const entry = await readEntry(reader, reader.message(field, message, what), what);
      entries.push({ ...entry, field });
    } else if (field.id === 14) isExternal = reader.integer(field, `data_location of ${tensor}`) === 1;
  }
  if (typed !== undefined && raw && raw.end > raw.start) {
    reader.fail(message.at, `${tensor} has both raw_data and ${typed}: export it again`);
  }
  if (type !== dataType.int64) integers = undefined;
  else if (raw) integers = await rawIntegers(reader, raw);
  const entryOf = (key: string) => entries.find((entry) => entry.key === key)?.value;
  const external = isExternal
    ? { location: entryOf("location"), offset: entryOf("offset"), length: entryOf("length"), entries }
    : undefined;
  const ofRaw =
    raw && (raw.end - raw.start) % 4 === 0 ? [{ start: raw.start, count: (raw.end - raw.start) / 4, stride: 4 }] : runs;
  const fewFloats =
    type === dataType.float && shape.length === 1 && !isExternal ? await fewFloatsOf(reader, ofRaw) : undefined;
  const isInFields = type === dataType.float16 && raw === undefined && !isExternal;
  const halves = isInFields ? await findHalves(reader, integerFields, tensor) : undefined;
  return {
    ...{ message, name: name || what, type, shape, raw, floats: runs, halves },
    ...{ integers, fewFloats, integerFields, external, segmented },
  };
}

/** The fields of a tensor that have data by type, in place of raw_data. */
const typedData: Readonly<Record<number, string>> = {
  ...{ 4: "float_data", 5: "int32_data", 6: "string_data", 7: "int64_data", 10: "double_data", 11: "uint64_data" },
};

async function readEntry(reader: WireReader, message: Message, what: string): Promise<{ key: string; value: string }> {
  let [key, value] = ["", ""];
  for (const field of await reader.fields(message, what)) {
    if (field.id === 1) key = await reader.text(field, `a key of ${what}`);
    else if (field.id === 2) value = await reader.text(field, `a value of ${what}`);
  }
  return { key, value };
}

/** Finds the name of a message among its fields. */
export async function nameAmong(
  reader: WireReader,
  fields: readonly Field[],
  id: number,
  what: string,
): Promise<string> {
  const field = fields.filter((each) => each.id === id).at(-1);
  return field === undefined ? "" : reader.text(field, `the name of ${what}`);
}
