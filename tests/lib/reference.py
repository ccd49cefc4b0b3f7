"""The reference algorithm: symmetric quantization with one scale per row, in Python floats.

Written on its own, from the definition, with the standard library only; the library's float64 results must equal these
to the last bit (and the mean squared error to 1e-12, because only the order of summation differs).

    python3 tests/lib/reference.py < jobs                            an answer for each line of jobs,
                                                                     {"bits": 8, "rows": [["3ff0000000000000", ...], ...]}
    python3 tests/lib/reference.py golden > tests/lib/golden.jsonl   writes the golden values again

Floats are written as the hexadecimal digits of their 64 bits, so that nothing is lost.
"""

import json
import math
import random
import struct
import sys


def quantize(matrix, bits=8):
    qmax = 2 ** (bits - 1) - 1
    qmin = -(2 ** (bits - 1))
    scales, quantized, dequantized, errors = [], [], [], []
    for row in matrix:
        scale = max(abs(v) for v in row) / qmax or 1.0
        codes = [max(qmin, min(qmax, round(v / scale))) for v in row]
        back = [q * scale for q in codes]
        scales.append(scale)
        quantized.append(codes)
        dequantized.append(back)
        errors += [abs(v - b) for v, b in zip(row, back)]
    return {
        "scales": scales,
        "quantized": quantized,
        "dequantized": dequantized,
        "mse": sum(e * e for e in errors) / len(errors),
        "max_error": max(errors),
        "errors": errors,
    }


def dictionary(result):
    """The result of the reference program, with scales and figures rounded for reading."""
    return {
        "scales": [round(s, 8) for s in result["scales"]],
        "quantized": result["quantized"],
        "dequantized": result["dequantized"],
        "mse": round(result["mse"], 8),
        "max_error": round(result["max_error"], 8),
    }


def to_hex(value):
    return struct.pack(">d", value).hex()


def from_hex(digits):
    return struct.unpack(">d", bytes.fromhex(digits))[0]


def answer(job):
    result = quantize([[from_hex(v) for v in row] for row in job["rows"]], job["bits"])
    errors = result["errors"]
    return {
        "scales": [to_hex(s) for s in result["scales"]],
        "quantized": result["quantized"],
        "dequantized": [[to_hex(v) for v in row] for row in result["dequantized"]],
        "mse": to_hex(math.fsum(e * e for e in errors) / len(errors)),
        "max_error": to_hex(result["max_error"]),
        "dictionary": dictionary(result),
    }


def golden_matrices(bits):
    """Small matrices on which errors show first: ties, wide magnitudes, a lone outlier, zeros among weights."""
    qmax = 2 ** (bits - 1) - 1
    generator = random.Random(bits)

    def below(limit):
        # In the random module, only random() is promised to give the same numbers in every version of Python.
        return math.floor(generator.random() * limit)

    def uniform():
        return 2 * generator.random() - 1

    yield [[uniform() for _ in range(11)] for _ in range(3)]
    yield [[uniform() * 2.0 ** (below(19) - 9) * 10.0**power for _ in range(9)] for power in (-200, -30, 0)]
    yield [[qmax * unit] + [(below(qmax) + 0.5) * unit * (1 - 2 * below(2)) for _ in range(8)] for unit in (1.0, 2.0**-7)]
    yield [[0.0, 1000.0, -0.25, 0.3, -0.0], [0.001, -0.002, 0.0, 0.0005, 0.0015]]


def golden_jobs():
    for bits in (2, 3, 4, 7, 8, 9, 12, 16):
        for matrix in golden_matrices(bits):
            yield {"bits": bits, "rows": [[to_hex(v) for v in row] for row in matrix]}


if __name__ == "__main__":
    golden = sys.argv[1:] == ["golden"]
    for job in golden_jobs() if golden else map(json.loads, sys.stdin):
        print(json.dumps({**job, **answer(job)}))
