/** A .safetensors file put together by hand, so that any part of it can be wrong. */
export function safetensorsFile(header: string | object, data: Uint8Array = new Uint8Array(), said?: number | bigint) {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const file = new Uint8Array(8 + json.length + data.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(said ?? json.length), true);
  file.set(json, 8);
  file.set(data, 8 + json.length);
  return file;
}

export interface TensorToWrite {
  name: string;
  dtype: string;
  shape: number[];
  data: ArrayBufferView;
}

/** A valid file of tensors, one after the other. */
export function fileOf(tensors: readonly TensorToWrite[], metadata?: Record<string, string>): Uint8Array<ArrayBuffer> {
  const header: Record<string, object> = metadata ? { __metadata__: metadata } : {};
  const data = new Uint8Array(tensors.reduce((length, { data: view }) => length + view.byteLength, 0));
  let position = 0;
  for (const { name, dtype, shape, data: view } of tensors) {
    const end = position + view.byteLength;
    header[name] = { dtype, shape, data_offsets: [position, end] };
    data.set(bytesOf(view), position);
    position = end;
  }
  return safetensorsFile(header, data);
}

export function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** The header of a file and its data by name, read in the simplest way. */
export function parseSafetensors(file: Uint8Array) {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length)));
  const { __metadata__: metadata = {}, ...tensors } = header as Record<string, never>;
  const data = Object.fromEntries(
    Object.entries<{ data_offsets: [number, number] }>(tensors).map(
      ([
        name,
        {
          data_offsets: [begin, end],
        },
      ]) => [name, file.slice(8 + length + begin, 8 + length + end)],
    ),
  );
  return {
    length,
    metadata: metadata as Record<string, string>,
    tensors: tensors as Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>,
    data,
  };
}
