"""Reads quantized models with Python's standard library alone, and prints what it finds as JSON.

The weights come out as float64 numbers, code * scale, to be compared with those of the library.
"""

import ast
import json
import struct
import sys
import zipfile

STRUCTS = {"I8": "b", "U8": "B", "I16": "h", "I32": "i", "I64": "q", "F32": "f", "F64": "d", "F16": "e"}
SIZES = {"I8": 1, "U8": 1, "BOOL": 1, "I16": 2, "F16": 2, "BF16": 2, "I32": 4, "F32": 4, "I64": 8, "F64": 8}


def numbers(dtype, data):
    if dtype == "BF16":
        return [struct.unpack("<f", b"\0\0" + data[i : i + 2])[0] for i in range(0, len(data), 2)]
    return list(struct.unpack(f"<{len(data) // SIZES[dtype]}{STRUCTS[dtype]}", data))


def read_safetensors(path):
    with open(path, "rb") as file:
        contents = file.read()
    (length,) = struct.unpack("<Q", contents[:8])
    assert length <= 100_000_000 and length % 8 == 0

    def unique(pairs):
        assert len({name for name, _ in pairs}) == len(pairs)
        return dict(pairs)

    header = json.loads(contents[8 : 8 + length].decode("utf-8"), object_pairs_hook=unique)
    metadata = header.pop("__metadata__", {})
    data = contents[8 + length :]
    tensors = {}
    position = 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, end = entry["data_offsets"]
        count = 1
        for dimension in entry["shape"]:
            count *= dimension
        assert begin == position and end - begin == count * SIZES[entry["dtype"]], name
        assert begin % SIZES[entry["dtype"]] == 0, name
        tensors[name] = (entry["dtype"], entry["shape"], data[begin:end])
        position = end
    assert position == len(data)
    return metadata, tensors


def read_npz(path):
    tensors = {}
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        for name in archive.namelist():
            contents = archive.read(name)
            assert contents[:8] == b"\x93NUMPY\x01\x00"
            (length,) = struct.unpack("<H", contents[8:10])
            assert (10 + length) % 64 == 0
            header = ast.literal_eval(contents[10 : 10 + length].decode("latin1"))
            assert header["fortran_order"] is False
            dtype = {"|i1": "I8", "<i2": "I16", "<f4": "F32", "<f8": "F64"}[header["descr"]]
            tensors[name.removesuffix(".npy")] = (dtype, list(header["shape"]), contents[10 + length :])
    return {}, tensors


def unpacked(words, columns, bits):
    """Codes of rows of 32-bit words, least significant bits first."""
    per_row = (columns * bits + 31) // 32
    codes = []
    for row in range(0, len(words), per_row):
        bitstream = sum((word & 0xFFFFFFFF) << (32 * i) for i, word in enumerate(words[row : row + per_row]))
        for column in range(columns):
            codes.append(((bitstream >> (column * bits)) & (2**bits - 1)) - 2 ** (bits - 1))
    return codes


def times_scales(codes, shape, scales, scale_shape):
    """Each code times its scale, whose shape is that of the weights with dimensions divided or 1."""
    scale_shape = scale_shape or [1] * len(shape)
    weights = []
    for i, code in enumerate(codes):
        rest, place, stride = i, 0, 1
        for dimension, scale_dimension in zip(reversed(shape), reversed(scale_shape)):
            index = (rest % dimension) * scale_dimension // dimension
            place += index * stride
            stride *= scale_dimension
            rest //= dimension
        weights.append(code * scales[place])
    return weights


def weights_of(metadata, tensors):
    weights = {}
    for name, (dtype, shape, data) in tensors.items():
        if name.endswith(".weight_packed"):
            module = name.removesuffix(".weight_packed")
            shape = numbers("I64", tensors[f"{module}.weight_shape"][2])
            config = json.loads(metadata["quantization_config"])
            assert config["format"] == "pack-quantized"
            bits = config["config_groups"]["group_0"]["weights"]["num_bits"]
            codes = unpacked(numbers("I32", data), shape[1], bits)
            name, scale = f"{module}.weight", tensors[f"{module}.weight_scale"]
        elif f"{name}_scale" in tensors:
            codes, scale = numbers(dtype, data), tensors[f"{name}_scale"]
        elif name.endswith(".quantized"):
            name = name.removesuffix(".quantized")
            codes, scale = numbers(dtype, data), tensors[f"{name}.scale"]
        else:
            continue
        weights[name] = times_scales(codes, shape, numbers(scale[0], scale[2]), scale[1])
    return weights


def main(path):
    metadata, tensors = read_npz(path) if path.endswith(".npz") else read_safetensors(path)
    markers = {name: json.loads(data) for name, (_, _, data) in tensors.items() if name.endswith(".comfy_quant")}
    infos = {name: [dtype, shape] for name, (dtype, shape, _) in tensors.items()}
    print(json.dumps({"metadata": metadata, "tensors": infos, "markers": markers, "weights": weights_of(metadata, tensors)}))


main(sys.argv[1])
