"""Computes the codes of sentence-transformers' quantize_embeddings for float32 vectors, in numpy.

Reads JSON lines { "dimensions", "ranges": hex | null, "vectors": hex }, float32 in hex, little-endian; without ranges,
those of the vectors are used. Writes JSON lines { "ranges", "int8", "uint8", "binary", "ubinary" } in hex.
"""

import json
import sys

import numpy as np


def floats(text, dimensions):
    return np.frombuffer(bytes.fromhex(text), "<f4").reshape(-1, dimensions)


for line in sys.stdin:
    job = json.loads(line)
    vectors = floats(job["vectors"], job["dimensions"])
    if job["ranges"] is None:
        ranges = np.stack([vectors.min(axis=0), vectors.max(axis=0)])
    else:
        ranges = floats(job["ranges"], job["dimensions"])
    steps = (ranges[1] - ranges[0]) / 255
    steps[steps == 0] = 1
    levels = np.clip(np.floor((vectors - ranges[0]) / steps), 0, 255)
    bits = np.packbits(vectors > 0, axis=-1)
    answer = {
        "ranges": ranges,
        "int8": (levels - 128).astype(np.int8),
        "uint8": levels.astype(np.uint8),
        "binary": (bits - 128).astype(np.int8),
        "ubinary": bits,
    }
    assert ranges.dtype == steps.dtype == levels.dtype == np.float32
    print(json.dumps({name: array.tobytes().hex() for name, array in answer.items()}))
