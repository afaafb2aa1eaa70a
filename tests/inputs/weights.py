"""weights.py FORM BACKBONE.safetensors OUTPUT: a residual network in the form in which another tool keeps it.

    checkpoint    what a training script saves: epoch, arguments, the network below "module."
    dino          teacher, and a student of other weights, in one checkpoint
    sequential    what nn.Sequential(*list(resnet.children())[:-1]) calls its layers
    hugging_face  a folder with config.json and model.safetensors
    parts         a folder with two files and the index of both
    half          float16
"""

import argparse
import collections
import io
import json
import os
import pickle
import re
import struct
import sys
import types
import zipfile

Array = collections.namedtuple("Array", "type shape data")


def read_safetensors(path):
    with open(path, "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
        data = file.read()
    header.pop("__metadata__", None)
    return {
        name: Array(entry["dtype"], entry["shape"], data[slice(*entry["data_offsets"])])
        for name, entry in header.items()
    }


def write_safetensors(path, arrays):
    header, end = {}, 0
    for name, array in arrays.items():
        begin, end = end, end + len(array.data)
        header[name] = {"dtype": array.type, "shape": array.shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(a.data for a in arrays.values()))


def half(array):
    if array.type != "F32":
        return array
    count = len(array.data) // 4
    return Array("F16", array.shape, struct.pack(f"<{count}e", *struct.unpack(f"<{count}f", array.data)))


def hugging_face_name(name):
    """layer1.0.conv2.weight -> encoder.stages.0.layers.0.layer.1.convolution.weight"""
    kinds = {"conv": "convolution", "bn": "normalization", "0": "convolution", "1": "normalization"}
    inner = re.match(r"layer(\d)\.(\d)\.(?:(conv|bn)(\d)|downsample\.(\d))\.(.*)", name)
    if not inner:
        kind, rest = re.match(r"(conv|bn)1\.(.*)", name).groups()
        return f"embedder.embedder.{kinds[kind]}.{rest}"
    stage, layer, kind, number, shortcut, rest = inner.groups()
    place = f"layer.{int(number) - 1}.{kinds[kind]}" if kind else f"shortcut.{kinds[shortcut]}"
    return f"encoder.stages.{int(stage) - 1}.layers.{layer}.{place}.{rest}"


# What torch.save writes, without torch: the names that the pickle mentions are enough.
torch, torch_utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
sys.modules.update({"torch": torch, "torch._utils": torch_utils})
for name in ("FloatStorage", "LongStorage"):
    setattr(torch, name, type(name, (), {"__module__": "torch"}))


def rebuild(*_):
    pass


rebuild.__name__ = rebuild.__qualname__ = "_rebuild_tensor_v2"
rebuild.__module__ = "torch._utils"
torch_utils._rebuild_tensor_v2 = rebuild


class Storage:
    def __init__(self, array):
        self.array = array


class Tensor:
    def __init__(self, array):
        self.storage = Storage(array)

    def __reduce__(self):
        shape, strides, stride = self.storage.array.shape, [], 1
        for extent in reversed(shape):
            strides.insert(0, stride)
            stride *= extent
        return rebuild, (self.storage, 0, tuple(shape), tuple(strides), False, collections.OrderedDict())


class Pickler(pickle.Pickler):
    def __init__(self, file, storages):
        super().__init__(file, protocol=2)
        self.storages = storages

    def persistent_id(self, thing):
        if not isinstance(thing, Storage):
            return None
        kind, size = {"F32": (torch.FloatStorage, 4), "I64": (torch.LongStorage, 8)}[thing.array.type]
        self.storages.append(thing.array.data)
        return "storage", kind, str(len(self.storages) - 1), "cpu", len(thing.array.data) // size


def write_pth(path, checkpoint):
    file, storages = io.BytesIO(), []
    Pickler(file, storages).dump(checkpoint)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", file.getvalue())
        for number, data in enumerate(storages):
            archive.writestr(f"archive/data/{number}", data)
        archive.writestr("archive/version", "3\n")


form, source, output = sys.argv[1:]
arrays = read_safetensors(source)


def network(prefix, of=arrays):
    return {prefix + name: Tensor(array) for name, array in of.items()}


if form == "checkpoint":
    arguments = argparse.Namespace(arch="resnet18", lr=0.03)
    write_pth(output, {"epoch": 200, "args": arguments, "state_dict": network("module.")})
elif form == "dino":
    student = {name: array._replace(data=bytes(len(array.data))) for name, array in arrays.items()}
    write_pth(output, {"student": network("module.backbone.", student), "teacher": network("backbone.")})
elif form == "sequential":
    numbers = {"conv1": "0", "bn1": "1", "layer1": "4", "layer2": "5", "layer3": "6", "layer4": "7"}
    renamed = {re.sub(r"^\w+", lambda first: numbers[first[0]], name): array for name, array in arrays.items()}
    write_pth(output, network("", renamed))
elif form == "hugging_face":
    os.mkdir(output)
    renamed = {"resnet." + hugging_face_name(name): array for name, array in arrays.items()}
    write_safetensors(output + "/model.safetensors", renamed)
    with open(output + "/config.json", "w") as file:
        json.dump({"model_type": "resnet", "layer_type": "basic"}, file)
elif form == "parts":
    os.mkdir(output)
    names = list(arrays)
    parts = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    for part, held in parts.items():
        write_safetensors(output + "/" + part, {name: arrays[name] for name in held})
    with open(output + "/model.safetensors.index.json", "w") as file:
        json.dump({"weight_map": {name: part for part, held in parts.items() for name in held}}, file)
elif form == "half":
    write_safetensors(output, {name: half(array) for name, array in arrays.items()})
else:
    sys.exit(f"no form {form}")
