"""Reads what embed writes: safetensors are a length, a JSON header, and the bytes."""
import json
import struct

import numpy

TYPES = {"F32": numpy.float32, "I64": numpy.int64}


def read(folder):
    """{"features": [n, d] float32, "labels": [n] int64, ...}"""
    with open(folder + "/embeddings.safetensors", "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = numpy.frombuffer(data[begin:end], TYPES[entry["dtype"]])
        tensors[name] = values.reshape(entry["shape"]).copy()
    return tensors
