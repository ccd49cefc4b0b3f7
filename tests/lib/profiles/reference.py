"""How other tools quantize, written on its own from their sources, with the standard library only.

    python3 tests/lib/profiles/reference.py > tests/lib/profiles/golden.jsonl

writes a line for each profile, number of bits and row: the weights, the scale, the zero point and the codes, all counted
as the library counts them (signed). float32 numbers are the hexadecimal digits of their bits.
"""

import json
import math
import random
import struct


def f32(x):
    try:
        return struct.unpack("<f", struct.pack("<f", x))[0]
    except OverflowError:
        return math.copysign(math.inf, x)


def to_hex(x):
    return struct.pack(">f", x).hex()


def from_hex(digits):
    return struct.unpack(">f", bytes.fromhex(digits))[0]


def away(x):
    """C's roundf."""
    return math.floor(x + 0.5) if x >= 0 else -math.floor(-x + 0.5)


def clamp(x, least, most):
    return max(least, min(most, x))


def over(a, b):
    """A quotient in float32."""
    return f32(a / b)


def onnxruntime(row, bits, symmetric, unsigned):
    low, high = (0, 255) if unsigned else (-127, 127) if symmetric else (-128, 127)
    rmin, rmax = min(0.0, min(row)), max(0.0, max(row))
    if symmetric:
        rmax = max(-rmin, rmax)
        rmin = -rmax
    scale, zero = f32(rmax - rmin) / (high - low), 0
    if scale < 2.0**-126:
        scale = 1.0
    else:
        if not symmetric:
            zero = round(low - rmin / scale)
        scale = f32(scale)
    codes = [clamp(round(over(w, scale)) + zero, 0 if unsigned else -128, high) for w in row]
    offset = 128 if unsigned else 0
    return scale, zero - offset, [code - offset for code in codes]


def matmulnbits(row, bits, symmetric):
    most, middle = 2**bits - 1, 2 ** (bits - 1)
    least, largest = min(row), max(row)
    if symmetric:
        scale = -(largest if abs(largest) > abs(least) else least) / middle
        zero = middle
    else:
        least, largest = min(least, 0.0), max(largest, 0.0)
        scale = over(f32(largest - least), most)
        zero = away(clamp(f32(0.0 - over(least, scale)), 0, most)) if scale != 0 else 0
    inverse = over(1.0, scale) if scale != 0 else 0.0
    codes = [away(clamp(f32(f32(w * inverse) + zero), 0.0, most)) for w in row]
    return scale, zero - middle, [code - middle for code in codes]


def torch(row):
    scale = max(over(max(map(abs, row)), 127.5), 2.0**-23)
    inverse = over(1.0, scale)
    return scale, 0, [clamp(round(f32(w * inverse)), -128, 127) for w in row]


def compressed_tensors(row, bits):
    scale = over(max(map(abs, row)), (2**bits - 1) / 2) or 2.0**-23
    limit = 2 ** (bits - 1)
    return scale, 0, [round(clamp(over(w, scale), -limit, limit - 1)) for w in row]


def comfyui(row):
    scale = max(over(max(map(abs, row)), 127.0), f32(1e-30))
    return scale, 0, [clamp(round(over(w, scale)), -128, 127) for w in row]


def litert(row, bits):
    most = 2 ** (bits - 1) - 1
    scale = over(max(max(map(abs, row)), f32(1e-9)), most)
    least = -most if bits >= 8 else -most - 1
    return scale, 0, [clamp(round(over(w, scale)), least, most) for w in row]


PROFILES = [
    ("onnxruntime-int8", [8], lambda row, bits: onnxruntime(row, bits, True, False)),
    ("onnxruntime-uint8", [8], lambda row, bits: onnxruntime(row, bits, False, True)),
    ("onnxruntime-int8-asymmetric", [8], lambda row, bits: onnxruntime(row, bits, False, False)),
    ("matmulnbits", [4, 8, 2], lambda row, bits: matmulnbits(row, bits, True)),
    ("matmulnbits-asymmetric", [4, 8, 2], lambda row, bits: matmulnbits(row, bits, False)),
    ("torch", [8], lambda row, bits: torch(row)),
    ("compressed-tensors", [8, 4], compressed_tensors),
    ("comfyui", [8], lambda row, bits: comfyui(row)),
    ("litert", [8, 4], litert),
]


def rows():
    yield [127.0, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, -127.0]  # ties
    yield list(map(from_hex, ["400356ba", "3fd823e4", "bfd823e4"]))  # a quotient and a product differ
    yield [0.0, 0.0, 0.0]
    yield [3.0, -3.0, 1.0]
    yield [0.25, 0.25, 1.0, 7.0]
    yield [-0.5, -0.125, -7.5]
    yield [f32(1e-9), f32(-3e-10), 0.0]
    yield [f32(2e-20), f32(-1e-20), 0.0]
    yield [f32(3e-37), f32(-1e-37)]
    yield [f32(1.5e38), f32(-1e38), 1.0]
    draw = random.Random(1)
    for length in (1, 2, 5, 33, 64):
        for spread in (0.02, 3.0):
            yield [f32(draw.gauss(0.3 * spread, spread)) for _ in range(length)]
    # Multiples of a power of two have ties.
    for bits in (2, 4, 8):
        steps = 2 ** (bits + 2)
        yield [draw.randrange(-steps, steps) / 2**bits for _ in range(32)]


for name, all_bits, quantize in PROFILES:
    for bits in all_bits:
        for row in rows():
            scale, zero, codes = quantize(row, bits)
            answer = {"profile": name, "bits": bits, "weights": [to_hex(w) for w in row]}
            print(json.dumps({**answer, "scale": to_hex(scale), "zeroPoint": zero, "codes": codes}))
