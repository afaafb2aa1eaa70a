"""onnx_check.py PAGE.py IMAGE...: runs the page's Python on the images of the split test, in their order, and compares what
it computes with test/embeddings.safetensors and probe/classifier.safetensors of the current folder."""
import contextlib
import io
import json
import struct
import sys

import numpy


def read_safetensors(path):
    with open(path, "rb") as file:
        data = file.read()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + size])
    types = {"F32": numpy.float32, "I64": numpy.int64}
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = (8 + size + offset for offset in entry["data_offsets"])
            tensors[name] = numpy.frombuffer(data[begin:end], types[entry["dtype"]]).reshape(entry["shape"])
    return tensors


page, images = sys.argv[1], sys.argv[2:]
sys.argv = [page] + images
names = {}
with open(page) as file, contextlib.redirect_stdout(io.StringIO()) as said:
    exec(file.read(), names)

expected = read_safetensors("test/embeddings.safetensors")["features"]
features = names["features"]
assert features.shape == expected.shape, (features.shape, expected.shape)
largest = abs(expected).max()
difference = abs(features - expected).max() / largest
print("largest difference %.2g of the largest feature" % difference)
# The same operations in float32, by other kernels.
assert difference < 1e-4, difference
assert expected.std(0).mean() > 1e-3 * largest, "all images look alike: nothing was tested"

predictions = read_safetensors("probe/classifier.safetensors")["prediction.label"]
assert (names["logits"].argmax(1) == predictions).all()
classes = [["cat", "dog"][prediction] for prediction in predictions]
assert [line.split()[-1] for line in said.getvalue().splitlines()] == classes, said.getvalue()
assert len(set(classes)) == 2, "one class only: nothing was tested"

# Any number of images.
one = names["session"].run(["features"], {"images": names["images"][:1]})[0]
assert abs(one - features[:1]).max() < 1e-4 * largest
