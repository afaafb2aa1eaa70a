"""torchvision's transforms on PIL images, as the authors of the methods use them.

The blur is PIL's, as MoCo v2, SimSiam, SwAV and DINO have it: torchvision's own takes many times as
long and would flatter the engine.
"""
import io
import itertools
import random

import numpy
import PIL
import torch
import torchvision
from PIL import Image, ImageFilter
from torchvision import transforms

VERSIONS = "torchvision %s, Pillow %s" % (torchvision.__version__, PIL.__version__)


class PilBlur:
    """MoCo v2's GaussianBlur. PIL chooses the taps."""

    def __call__(self, image):
        return image.filter(ImageFilter.GaussianBlur(radius=random.uniform(0.1, 2.0)))


def pairs_of(work, view):
    """Pairs of view(PIL image)."""
    if work.decoded:
        # Decoded arrays in memory, as torchvision.datasets.CIFAR10 holds them.
        images = [numpy.asarray(Image.open(io.BytesIO(file)).convert("RGB")) for file in work.files]
        for array in itertools.cycle(images):
            image = Image.fromarray(array)
            yield [(view(image), view(image))]
    for file in itertools.cycle(work.files):
        # Image.open reads only the header; convert() decodes, once for both views.
        image = Image.open(io.BytesIO(file)).convert("RGB")
        yield [(view(image), view(image))]


def pairs(work):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    return pairs_of(work, transforms.Compose([
        transforms.RandomResizedCrop(work.side, scale=(0.2, 1.0)),
        transforms.RandomHorizontalFlip(),
        transforms.RandomApply([transforms.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
        transforms.RandomGrayscale(p=0.2),
        transforms.RandomApply([PilBlur()], p=0.5),
        transforms.ToTensor(),
        transforms.Normalize(work.mean, work.std),
    ]))
