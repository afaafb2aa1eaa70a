"""Shards, views and embeddings with NumPy alone (docs/formats.md). A number that is 0 is absent from a record.

    for image in records("photos", "train", "ImageRecord"): image["key"], image["encoded"], image.get("label")
    for view in records("views", "views", "ViewRecord"): view["crop"], view.get("color_jitter")
    tensors, keys, metadata = embeddings("features")    # keys[i]: the name of the image of features[i]"""
import glob, json, os, re, struct
import numpy as np
# {message: {number: (name, type, repeated)}}, of the .proto files in this checkout.
FIELDS = {}
for path in glob.glob(os.path.dirname(os.path.abspath(__file__)) + "/../../cassle/data/records/*_record.proto"):
    for found in re.finditer(r"message (\w+) {|(repeated )?(\w+) (\w+) = (\d+);", open(path, encoding="utf-8").read()):
        if found[1]: message = FIELDS.setdefault(found[1], {})
        else: message[int(found[5])] = (found[4], found[3], bool(found[2]))

def varints(data):  # the numbers that fill the bytes, each with where it ends
    value = shift = 0
    for end, byte in enumerate(data, 1):
        value, shift = value | (byte & 127) << shift, shift + 7
        if byte < 128:
            yield value, end
            value = shift = 0

def decode(data, kind):  # a message becomes a dict, packed numbers a list
    if kind not in FIELDS:
        return {"string": bytes.decode, "bytes": bytes, "float": lambda b: np.frombuffer(b, "<f4").tolist()}.get(
            kind, lambda b: [value for value, _ in varints(b)])(data)
    fields = {}
    while data:
        tag, end = next(varints(data))
        name, inner, repeated = FIELDS[kind].get(tag >> 3, (tag >> 3, "bytes", False))
        size, skip = {1: (8, 0), 5: (4, 0)}.get(tag & 7) or next(varints(data[end:end + 10]))
        begin, end = end + skip, end + skip + (size if tag & 7 else 0)
        value = decode(data[begin:end], inner) if tag & 7 else size
        value = value[0] if tag & 7 == 5 else value
        fields[name] = fields.get(name, []) + (value if isinstance(value, list) else [value]) if repeated else value
        data = data[end:]
    return fields

def records(folder, split, message):  # TFRecord framing: length, checksum, bytes, checksum
    for path in sorted(glob.glob(f"{folder}/{split}-*.tfrecord")):
        with open(path, "rb") as file:
            while head := file.read(12):
                yield decode(file.read(struct.unpack("<Q", head[:8])[0]), message)
                file.read(4)

def safetensors(path):
    data = np.memmap(path, np.uint8, "r")
    begin = 8 + int(data[:8].view("<u8")[0])
    header = json.loads(bytes(data[8:begin]))
    metadata, types = header.pop("__metadata__", {}), {"F32": "<f4", "F64": "<f8", "I64": "<i8", "U8": "u1"}
    return {name: data[begin:][slice(*t["data_offsets"])].view(types[t["dtype"]]).reshape(t["shape"])
            for name, t in header.items()}, metadata

def embeddings(folder):
    tensors, metadata = safetensors(f"{folder}/embeddings.safetensors")
    images, _ = safetensors(f"{folder}/images.safetensors")
    ends, text = images["key_ends"].tolist(), bytes(images["keys"])
    names = {i: text[a:b].decode() for i, a, b in zip(images["ids"].tolist(), [0] + ends, ends)}
    return tensors, [names[i] for i in tensors["ids"].tolist()], metadata
