import { openModel } from "channelwise/models";
import { Tensor } from "onnxruntime-web/wasm";
import { product } from "../../matrix.js";
import type { Filling, Input } from "./protocol.js";

/** Random integers are from 0 up to this, like indices into a small table. */
const RANDOM_INTEGERS = 100;

type Data = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array | Int8Array;

/** The types that inputs may have. */
const types: Readonly<Record<string, (length: number, value: () => number) => Data>> = {
  float32: (length, value) => Float32Array.from({ length }, value),
  float64: (length, value) => Float64Array.from({ length }, value),
  int32: (length, value) => Int32Array.from({ length }, value),
  int64: (length, value) => BigInt64Array.from({ length }, () => BigInt(value())),
  uint8: (length, value) => Uint8Array.from({ length }, value),
  int8: (length, value) => Int8Array.from({ length }, value),
  bool: (length, value) => Uint8Array.from({ length }, () => value() % 2),
};

/**
 * The value of an input.
 *
 * @throws {Error} for a type that cannot be made, and a file of another type or size.
 */
export async function tensorFor({ name, type, shape }: Input, filling: Filling): Promise<Tensor> {
  const make = types[type];
  if (make === undefined) throw new Error(`Input ${name} is of ${type}, which this page cannot make.`);
  if ("file" in filling) return fromFile({ name, type, shape }, filling.file);
  const isInteger = !type.startsWith("float");
  const random = isInteger ? () => Math.floor(Math.random() * RANDOM_INTEGERS) : () => 2 * Math.random() - 1;
  return tensorOf(type, make(product(filling.shape), filling.kind === "ones" ? () => 1 : random), filling.shape);
}

async function fromFile({ name, type, shape }: Input, file: File): Promise<Tensor> {
  const { tensors } = await openModel(file);
  const [tensor] = tensors;
  const isWanted = tensor.dtype === type || (type === "float32" && tensor.dtype === "float64");
  if (tensors.length !== 1 || !isWanted) {
    throw new Error(
      `Input ${name} is of ${type}, and ${file.name} holds ${tensors.map(({ dtype }) => dtype).join(", ")}.`,
    );
  }
  const fits =
    shape.length === tensor.shape.length &&
    shape.every((size, i) => typeof size === "string" || size === tensor.shape[i]);
  if (!fits) {
    throw new Error(
      `Input ${name} has the shape [${shape.join(", ")}], and ${file.name} [${tensor.shape.join(", ")}].`,
    );
  }
  const { buffer } = await tensor.read(0, tensor.byteLength);
  if (tensor.dtype === "float64" && type === "float32") {
    return tensorOf(type, Float32Array.from(new Float64Array(buffer)), tensor.shape);
  }
  const arrays = {
    float32: Float32Array,
    float64: Float64Array,
    int32: Int32Array,
    int64: BigInt64Array,
    int8: Int8Array,
  };
  const Bytes = arrays[type as keyof typeof arrays] ?? Uint8Array;
  return tensorOf(type, new Bytes(buffer), tensor.shape);
}

function tensorOf(type: string, data: Data, shape: readonly number[]): Tensor {
  return new Tensor(type as "float32", data as Float32Array, shape);
}
