"""Loads a file as Detectron2's checkpointer does; prints one line per tensor: name, type, shape, sum."""
import pickle
import sys

import numpy

with open(sys.argv[1], "rb") as f:
    data = pickle.load(f, encoding="latin1")
assert set(data) == {"model", "__author__", "matching_heuristics"}, sorted(data)
assert data["matching_heuristics"] is True
for name, array in data["model"].items():
    assert isinstance(array, numpy.ndarray), name
    shape = ",".join(str(size) for size in array.shape)
    print(name, array.dtype.str, shape, repr(float(array.astype(numpy.float64).sum())))
