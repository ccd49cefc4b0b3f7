import { openModel } from "channelwise/files";
import type { Context, Outcome } from "./context.js";
import { bytes, counted, shapeText } from "./format.js";
import type { Values } from "./options.js";
import { type Column, tableLines } from "./table.js";
import { styled, widthOf } from "./terminal.js";

const columns: readonly Column[] = [
  { title: "tensor", flexible: true },
  { title: "shape" },
  { title: "dtype" },
  { title: "size", number: true },
];

/** `channelwise inspect` */
export async function inspect(operands: readonly string[], { json }: Values, { stdout }: Context): Promise<Outcome> {
  const model = await openModel(operands);
  await model.close();
  const { format, name, metadata, tensors } = model;
  const total = tensors.reduce((sum, { byteLength }) => sum + byteLength, 0);
  if (!json) {
    const rows = tensors.map((tensor) => [
      tensor.name,
      shapeText(tensor.shape),
      tensor.dtype,
      bytes(tensor.byteLength),
    ]);
    const [titles, ...lines] = tableLines(columns, rows, widthOf(stdout));
    const facts = `${format}, ${counted(tensors.length, "tensor")}, ${bytes(total)}`;
    stdout.write(
      `${styled(stdout, "bold", name)}  ${facts}\n\n${styled(stdout, "dim", titles)}\n${lines.join("\n")}\n`,
    );
  }
  return {
    exitCode: 0,
    json: {
      name,
      format,
      metadata,
      byteLength: total,
      tensors: tensors.map(({ name, dtype, shape, byteLength }) => ({ name, dtype, shape, byteLength })),
    },
  };
}
