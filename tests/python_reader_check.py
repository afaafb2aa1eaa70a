"""For python_reader_test.sh: what examples/python/cassle_read.py reads, against what the stages say."""
import csv, json, os, sys
sys.path.insert(0, os.path.dirname(sys.argv[1]))
import cassle_read as read
import numpy as np

images = list(read.records("images", "train", "ImageRecord"))
assert len(images) == 64, len(images)
assert [image.get("id", 0) for image in images] == list(range(64))
assert all(len(image["encoded"]) == 3 * image["height"] * image["width"] for image in images), "raw pixels"
targets = [{target["name"]: target for target in image["targets"]} for image in images]


def same(value, shown):
    """Is what was read what shard-cat shows as JSON? There 64-bit numbers are texts, and floats have fewer digits."""
    if isinstance(value, dict):
        return all(name in shown and same(inside, shown[name]) for name, inside in value.items() if name != "encoded")
    if isinstance(value, list):
        return len(value) == len(shown) and all(map(same, value, shown))
    if isinstance(value, float):
        return abs(value - float(shown)) <= 1e-6 * abs(value)
    # The value of an enum by its name.
    return value == shown or str(value) == shown or isinstance(value, int) and str(shown).isupper()


def shown(folder, split):
    with open(f"{folder}.{split}.json", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


assert all(map(same, images, shown("images", "train")))
views = list(read.records("views", "views", "ViewRecord"))
assert len(views) == 2 * 64, len(views)
assert [view.get("image_id", 0) for view in views[:4]] == [0, 0, 1, 1]
jittered = [view["color_jitter"] for view in views if "color_jitter" in view]
assert 64 < len(jittered) < 128, len(jittered)  # in four of five views
assert all(sorted(jitter["order"]) == [0, 1, 2, 3] and 0.2 <= jitter["brightness"] <= 1.8 for jitter in jittered)
assert all(len(jitter["color_difference"]) == 3 for jitter in jittered)
assert len(views) == len(shown("views", "views")) and all(map(same, views, shown("views", "views")))
assert all(1 <= view["crop"]["height"] <= view["source_height"] for view in views)

tensors, keys, metadata = read.embeddings("train")
assert tensors["features"].shape[0] == 64 and np.isfinite(tensors["features"]).all()
assert keys == [image["key"] for image in images]
assert metadata["split"] == "train"
hue = [target["hue"].get("class_index", 0) for target in targets]
assert tensors["target.hue"].tolist() == hue

with np.load("train/embeddings.npz") as npz:
    assert set(npz.files) == set(tensors) | {"keys", "classes"} | {key for key in metadata if key.startswith("classes.")}
    assert all((npz[name] == tensor).all() and npz[name].dtype == tensor.dtype for name, tensor in tensors.items())
    assert npz["keys"].tolist() == keys
    names = npz["classes.hue"].tolist()

with open("train_as_csv/embeddings.csv", newline="", encoding="utf-8") as file:
    rows = list(csv.DictReader(file))
width = tensors["features"].shape[1]
features = np.array([[float(row[f"f{c}"]) for c in range(width)] for row in rows], "<f4")
assert (features == tensors["features"]).all()
assert [row["image"] for row in rows] == keys
assert [row["hue"] for row in rows] == [names[c] for c in hue]
position = np.array([[float(row["position_xy_0"]), float(row["position_xy_1"])] for row in rows], "<f4")
assert (position == tensors["target.position_xy"]).all()
