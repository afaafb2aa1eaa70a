"""make_original_features.py OUTPUT.safetensors: what the originals compute, for original_features_test.

Runs torchvision's, timm's and transformers' own networks (torch 2.15, torchvision 0.29, timm 1.0, transformers 5.24; on
a CPU with one thread) and keeps their features. Nothing is downloaded, and no weights are kept: every tensor, batch norm's
statistics, layer scales and biases included, is filled by the rule of cassle/models/testing/golden_model.h, whose seed is
the tensor's name, on both sides. So the file holds names, shapes and features only; networks are narrow or small.

DINO's and DINOv2's own code is in no package: it has timm's layers and its own way of resizing positions, which is
PyTorch's bicubic interpolation with a scale factor in place of a size.
"""

import json
import sys
import tempfile

import numpy
import safetensors.torch
import timm
import torch
import torch.nn.functional as F
import torchvision
import transformers
from timm.models.convnext import ConvNeXt
from timm.models.vision_transformer import VisionTransformer
from torchvision.models.convnext import CNBlockConfig
from torchvision.models.vision_transformer import interpolate_embeddings

IMAGES = 2


def uniform(name, count):
    """Elements 0..count-1 of the stream of a name, in [-1, 1)."""
    key = 0xCBF29CE484222325
    for byte in name.encode():
        key = (key ^ byte) * 0x100000001B3 % 2**64
    with numpy.errstate(over="ignore"):
        z = numpy.uint64(key) + numpy.arange(1, count + 1, dtype=numpy.uint64) * numpy.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        z ^= z >> numpy.uint64(31)
    return (z >> numpy.uint64(40)).astype(numpy.float64) * 2.0**-23 - 1


def by_rule(name, shape):
    offset, scale = 0, 0.1
    if name.startswith("input"):
        scale = 1
    elif len(shape) == 4:
        scale = (6 / (shape[1] * shape[2] * shape[3])) ** 0.5
    elif len(shape) == 2:
        scale = (3 / shape[1]) ** 0.5
    elif name.endswith("running_var"):
        offset, scale = 1, 0.5
    elif name.endswith("weight"):
        offset, scale = 1, 0.25
    values = offset + scale * uniform(name, int(numpy.prod(shape)))
    return torch.from_numpy(values.astype(numpy.float32)).reshape(shape)


def images(side):
    return by_rule("input%d" % side, (IMAGES, 3, side, side))


class Case:
    """A network, filled.

    compute   makes features of images
    renamed   gives the name that the file has of a tensor
    extra     names and shapes of tensors that the file has beside the network
    """

    def __init__(self, model, compute, sides, renamed=lambda name: name, extra=(), filled=False):
        self.model, self.compute, self.sides = model.eval(), compute, sides
        self.tensors = [(name, list(shape)) for name, shape in extra]
        for name, tensor in model.state_dict().items():
            if filled or not tensor.is_floating_point():
                continue
            self.tensors.append((renamed(name), list(tensor.shape)))
            tensor.copy_(by_rule(renamed(name), tuple(tensor.shape)))

    def features(self, side):
        with torch.no_grad():
            return self.compute(self.model, images(side)).contiguous()


def narrow_resnet(block, layers, **options):
    """torchvision's own blocks, a quarter as wide."""

    class Narrow(torchvision.models.ResNet):
        def _make_layer(self, block, planes, *args, **kwargs):
            if planes == 64:
                self.inplanes = 16
            return super()._make_layer(block, planes // 4, *args, **kwargs)

    model = Narrow(block, layers, **options)
    model.conv1 = torch.nn.Conv2d(3, 16, 7, 2, 3, bias=False)
    model.bn1 = torch.nn.BatchNorm2d(16)
    model.fc = torch.nn.Identity()
    return Case(model, lambda model, x: model(x), [96])


def timm_vit(side, patch, **options):
    # The sizes of vit_tiny.
    return VisionTransformer(img_size=side, patch_size=patch, embed_dim=192, depth=12, num_heads=3, num_classes=0,
                             dynamic_img_size=True, **options)


def call(model, x):
    return model(x)


def by_factor(model, x):
    """As DINO resizes: every other step is timm's."""
    table, patch = model.pos_embed, model.patch_embed.patch_size[0]
    own, grid = int((table.shape[1] - 1) ** 0.5), x.shape[2] // patch
    if own == grid:
        return model(x)
    rows = table[:, 1:].reshape(1, own, own, -1).permute(0, 3, 1, 2)
    rows = F.interpolate(rows, scale_factor=((grid + 0.1) / own,) * 2, mode="bicubic").flatten(2).transpose(1, 2)
    other = timm_vit(x.shape[2], patch, **model.made_with).eval()
    other.load_state_dict({**model.state_dict(), "pos_embed": torch.cat([table[:, :1], rows], 1)})
    return other(x)


def facebook_vit(side, patch, sides, renamed, extra=(), **options):
    model = timm_vit(side, patch, **options)
    model.made_with = options
    return Case(model, by_factor, sides, renamed, extra=extra)


SWIGLU = dict(mlp_ratio=2.66667 * 2, mlp_layer=timm.layers.SwiGLUPacked, act_layer=torch.nn.SiLU)


def facebook_swiglu(name):
    return name.replace("mlp.fc1", "mlp.w12").replace("mlp.fc2", "mlp.w3")


def token(model, x):
    return model(pixel_values=x).last_hidden_state[:, 0]


def hugging_face(kind, config, compute, sides):
    """Filled by the names of its files, which are not those of state_dict()."""
    with tempfile.TemporaryDirectory() as folder:
        kind(config).save_pretrained(folder)
        path = folder + "/model.safetensors"
        arrays = {name: by_rule(name, tuple(tensor.shape)) for name, tensor in safetensors.torch.load_file(path).items()}
        safetensors.torch.save_file(arrays, path, metadata={"format": "pt"})
        model = kind.from_pretrained(folder)
    case = Case(model, compute, sides, filled=True)
    case.tensors = [(name, list(tensor.shape)) for name, tensor in arrays.items()]
    return case


HF_TINY = dict(hidden_size=192, num_hidden_layers=12, num_attention_heads=3)


def mae(model, x):
    # Nothing masked, and the patches in their order.
    patches = (x.shape[2] // 16) ** 2
    noise = torch.arange(patches, dtype=torch.float32).expand(x.shape[0], patches)
    return model(pixel_values=x, noise=noise, interpolate_pos_encoding=x.shape[2] != 64).last_hidden_state[:, 0]


def torchvision_vit(side):
    model = torchvision.models.VisionTransformer(side, 32, 12, 3, 192, 768)
    model.heads = torch.nn.Identity()
    return model


def from_corner_to_corner(model, x):
    if x.shape[2] == 96:
        return model(x)
    other = torchvision_vit(x.shape[2]).eval()
    other.load_state_dict(interpolate_embeddings(x.shape[2], 32, dict(model.state_dict())))
    return other(x)


# Stages of a convnext_tiny, a quarter as wide.
DEPTHS, WIDTHS = (3, 3, 9, 3), (24, 48, 96, 192)


def torchvision_convnext():
    blocks = [CNBlockConfig(*of) for of in zip(WIDTHS, WIDTHS[1:] + (None,), DEPTHS)]
    model = torchvision.models.ConvNeXt(blocks)
    model.classifier[2] = torch.nn.Identity()
    return Case(model, call, [64, 72], extra=[("classifier.2.weight", (10, WIDTHS[3]))])


def facebook_convnext(name):
    """The inverse of timm's conversion."""
    parts = name.split(".")
    if parts[0] == "stem":
        return "downsample_layers.0." + ".".join(parts[1:])
    if parts[0] == "head":
        return ".".join(parts[1:])
    if parts[2] == "downsample":
        return "downsample_layers.%s." % parts[1] + ".".join(parts[3:])
    inner = ".".join(parts[4:]).replace("conv_dw", "dwconv").replace("mlp.fc", "pwconv")
    return "stages.%s.%s.%s" % (parts[1], parts[3], inner)


def timm_convnext(classifier, renamed=lambda name: name):
    model = ConvNeXt(depths=DEPTHS, dims=WIDTHS, num_classes=0)
    return Case(model, call, [64, 72], renamed, extra=[(classifier, (10, WIDTHS[3]))])


def pooled(model, x):
    return model(pixel_values=x).pooler_output


def cases():
    bottleneck = torchvision.models.resnet.Bottleneck
    yield "torchvision_resnet101", narrow_resnet(bottleneck, [3, 4, 23, 3])
    yield "torchvision_resnet152", narrow_resnet(bottleneck, [3, 8, 36, 3])
    yield "torchvision_wide_resnet50_2", narrow_resnet(bottleneck, [3, 4, 6, 3], width_per_group=128)
    yield "timm_patch8", Case(timm_vit(48, 8), call, [48, 32])
    yield "timm_dinov2", Case(timm_vit(56, 14, init_values=1e-5), call, [56, 42, 84])
    yield "timm_dinov2_registers", Case(
        timm_vit(56, 14, init_values=1e-5, reg_tokens=4, no_embed_class=True), call, [56, 42])
    yield "timm_dinov2_swiglu", Case(timm_vit(64, 16, init_values=1e-5, **SWIGLU), call, [64])
    yield "timm_deit3", Case(timm_vit(64, 16, init_values=1e-6, no_embed_class=True), call, [64, 96])
    yield "facebook_dino", facebook_vit(48, 8, [48, 32, 64], lambda name: "teacher.backbone." + name)
    yield "facebook_dinov2", facebook_vit(56, 14, [56, 42, 84], facebook_swiglu, [("mask_token", (1, 192))],
                                          init_values=1e-5, **SWIGLU)
    yield "hugging_face_dinov2", hugging_face(
        transformers.Dinov2Model,
        transformers.Dinov2Config(image_size=56, patch_size=14, use_swiglu_ffn=True, **HF_TINY), token, [56, 42])
    yield "hugging_face_dinov2_registers", hugging_face(
        transformers.Dinov2WithRegistersModel,
        transformers.Dinov2WithRegistersConfig(image_size=56, patch_size=14, **HF_TINY), token, [56, 42])
    yield "hugging_face_mae", hugging_face(
        transformers.ViTMAEModel,
        transformers.ViTMAEConfig(image_size=64, patch_size=16, mask_ratio=0.0, intermediate_size=768, **HF_TINY),
        mae, [64, 96])
    yield "torchvision_vit", Case(torchvision_vit(96), from_corner_to_corner, [96, 64])
    yield "torchvision_convnext", torchvision_convnext()
    yield "timm_convnext", timm_convnext("head.fc.weight")
    yield "facebook_convnext", timm_convnext("head.weight", facebook_convnext)
    yield "hugging_face_convnext", hugging_face(
        transformers.ConvNextModel, transformers.ConvNextConfig(depths=list(DEPTHS), hidden_sizes=list(WIDTHS)),
        pooled, [64, 72])


def main(output):
    torch.set_num_threads(1)
    features, names = {}, {}
    for name, case in cases():
        for side in case.sides:
            features["%s.%d" % (name, side)] = case.features(side)
        names[name] = json.dumps(case.tensors, separators=(",", ":"))
        print(name, len(case.tensors), "tensors")
    safetensors.torch.save_file(features, output, metadata=names)


if __name__ == "__main__":
    main(sys.argv[1])
