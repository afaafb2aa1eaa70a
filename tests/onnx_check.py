"""onnx_check.py PAGE.py IMAGE...: runs the page's Python on the images of the split test, in their order, and compares what
it computes with test/embeddings.safetensors and probe/classifier.safetensors of the current folder."""
import contextlib
import io
import sys

import cassle_read

page, images = sys.argv[1], sys.argv[2:]
sys.argv = [page] + images
names = {}
with open(page) as file, contextlib.redirect_stdout(io.StringIO()) as said:
    exec(file.read(), names)

expected = cassle_read.safetensors("test/embeddings.safetensors")[0]["features"]
features = names["features"]
assert features.shape == expected.shape, (features.shape, expected.shape)
largest = abs(expected).max()
difference = abs(features - expected).max() / largest
print("largest difference %.2g of the largest feature" % difference)
# The same operations in float32, by other kernels.
assert difference < 1e-4, difference
assert expected.std(0).mean() > 1e-3 * largest, "all images look alike: nothing was tested"

predictions = cassle_read.safetensors("probe/classifier.safetensors")[0]["prediction.label"]
assert (names["logits"].argmax(1) == predictions).all()
classes = [["cat", "dog"][prediction] for prediction in predictions]
assert [line.split()[-1] for line in said.getvalue().splitlines()] == classes, said.getvalue()
assert len(set(classes)) == 2, "one class only: nothing was tested"

# Any number of images.
one = names["session"].run(["features"], {"images": names["images"][:1]})[0]
assert abs(one - features[:1]).max() < 1e-4 * largest
