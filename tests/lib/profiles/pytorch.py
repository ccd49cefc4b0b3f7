"""Compares PyTorch itself (Debian's python3-torch) with the golden values of its profile."""

import json
import os
import struct

import torch
from torch.ao.quantization.observer import default_per_channel_weight_observer

golden = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden.jsonl")
answers = [answer for answer in map(json.loads, open(golden)) if answer["profile"] == "torch"]
differing = []
for answer in answers:
    row = [struct.unpack(">f", bytes.fromhex(digits))[0] for digits in answer["weights"]]
    weights = torch.tensor([row], dtype=torch.float32)
    observer = default_per_channel_weight_observer()
    observer(weights)
    scales, zeros = observer.calculate_qparams()
    codes = torch.quantize_per_channel(weights, scales, zeros, 0, torch.qint8).int_repr()[0].tolist()
    if struct.pack(">f", float(scales[0])).hex() != answer["scale"] or codes != answer["codes"]:
        differing.append(row)
print(json.dumps({"rows": len(answers), "differing": differing}))
