"""The Python side of torchvision_test.sh.

    save FOLDER                                     images, and weights in every way torch.save has
    same FILE.pth MODEL                             an imported model holds exactly these values
    compare IMAGES MODEL PYTHON EXPORTED EMBEDDINGS an exported backbone gives embed's features
"""
import collections
import os
import re
import sys

import numpy
import PIL.Image
import torch
import torchvision

import cassle_read


def read_safetensors(path):
    tensors, _ = cassle_read.safetensors(path)
    return {name: torch.from_numpy(numpy.array(values)) for name, values in tensors.items()}


def randomize(model, seed):
    """Weights and running statistics that are no defaults, as after training."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in model.state_dict().items():
        if not tensor.is_floating_point():
            tensor.fill_(7)
            continue
        noise = torch.rand(tensor.shape, generator=generator)
        if name.endswith("running_var") or (name.endswith("weight") and tensor.dim() == 1):
            tensor.copy_(0.75 + 0.5 * noise)
        elif tensor.dim() > 1 and "pos_embedding" not in name:
            bound = (6 / tensor[0].numel()) ** 0.5
            tensor.copy_((2 * noise - 1) * bound)
        else:
            tensor.copy_(0.2 * noise - 0.1)
    return model


def save(folder):
    generator = numpy.random.Generator(numpy.random.PCG64(1))
    os.makedirs("pngs/class")
    for i in range(40):
        coarse = generator.integers(0, 256, (8, 8, 3), dtype=numpy.uint8)
        image = PIL.Image.fromarray(coarse).resize((32, 32), PIL.Image.BILINEAR)
        image.save("pngs/class/%03d.png" % i)

    model = randomize(torchvision.models.resnet18(), 1)
    state = model.state_dict()
    torch.save(state, "resnet18_zip.pth")
    torch.save(state, "resnet18_legacy.pth", _use_new_zipfile_serialization=False)
    half = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
    torch.save(half, "resnet18_half.pth")
    # Transposed in memory: strides that are not those of rows.
    strided = {k: v.t().contiguous().t() if v.dim() == 2 else v for k, v in state.items()}
    strided["conv1.weight"] = state["conv1.weight"].contiguous(memory_format=torch.channels_last)
    torch.save(strided, "resnet18_strided.pth")
    # All parameters are views of one storage.
    flat = torch.cat([v.flatten() for v in state.values() if v.is_floating_point()])
    shared, at = collections.OrderedDict(), 0
    for name, value in state.items():
        shared[name] = value
        if value.is_floating_point():
            shared[name] = flat[at : at + value.numel()].view(value.shape)
            at += value.numel()
    torch.save(shared, "resnet18_shared.pth")
    torch.save(model, "resnet18_object.pth")
    module = randomize(torchvision.models.resnet34(), 2).state_dict()
    torch.save({"epoch": 3, "state_dict": {"module." + k: v for k, v in module.items()}},
               "resnet34_module.pth")
    vit = torchvision.models.VisionTransformer(32, 8, 12, 3, 192, 768)
    torch.save(randomize(vit, 3).state_dict(), "vit_torchvision.pth")


def same(file, model):
    imported = read_safetensors(os.path.join(model, "weights.safetensors"))
    state = torch.load(file)
    state = state.get("state_dict", state)
    compared = 0
    for name, value in state.items():
        name = "backbone." + re.sub("^module\\.", "", name)
        if name in imported:
            assert torch.equal(imported[name].double(), value.double()), name
            compared += 1
    assert compared == len(imported) > 100, (compared, len(imported))


def numbers(model, field):
    """A repeated field of model.textproto: `mean: [0.5, 0.5, 0.5]`."""
    with open(os.path.join(model, "model.textproto")) as file:
        (values,) = re.findall(r"^%s: \[(.*)\]$" % field, file.read(), re.M)
    return [float(value) for value in values.split(",")]


def compare(images, model_folder, python, exported, embeddings):
    names = {"torch": torch, "torchvision": torchvision}
    with open(python) as file:
        exec(file.read(), names)
    model = names["model"]
    state = torch.load(os.path.join(exported, "backbone.pth"))
    model.load_state_dict(state, strict=True)
    model.eval()
    again = read_safetensors(os.path.join(exported, "backbone.safetensors"))
    assert again.keys() == state.keys()
    assert all(torch.equal(again[name], state[name]) for name in state)
    mean = torch.tensor(numbers(model_folder, "mean")).view(3, 1, 1)
    std = torch.tensor(numbers(model_folder, "std")).view(3, 1, 1)
    paths = sorted(os.listdir(images))
    pixels = [numpy.asarray(PIL.Image.open(os.path.join(images, path))) for path in paths]
    scaled = [torch.from_numpy(p.copy()).permute(2, 0, 1) / 255.0 for p in pixels]
    batch = torch.stack([(image - mean) / std for image in scaled])
    with torch.no_grad():
        features = model(batch)
    expected = read_safetensors(os.path.join(embeddings, "embeddings.safetensors"))["features"]
    # The same operations in float32, by other kernels and in other batches.
    difference = (features - expected).abs().max() / expected.abs().max()
    spread = expected.std(0).mean() / expected.abs().max()
    print("%s: largest difference %.2g of the largest feature" % (model_folder, difference))
    assert features.shape == expected.shape and difference < 1e-5, difference
    assert spread > 1e-3, "all images look alike: nothing was tested"


if __name__ == "__main__":
    torch.set_num_threads(1)
    {"save": save, "same": same, "compare": compare}[sys.argv[1]](*sys.argv[2:])
