"""Side (a) of tools/bench_augment.sh: torchvision's transforms on PIL images. One thread.

The blur is PIL's, as MoCo v2, SimSiam, SwAV and DINO have it: torchvision's own (a convolution of
a tensor, --torchvision_blur) takes 20 times as long at 224 px and would flatter the engine.
"""
import io
import random

import numpy
import timing
import torch
from PIL import Image, ImageFilter
from torchvision import transforms


class PilBlur:
    """MoCo v2's GaussianBlur. PIL chooses the taps."""

    def __call__(self, image):
        return image.filter(ImageFilter.GaussianBlur(radius=random.uniform(0.1, 2.0)))


def main():
    settings = timing.arguments("torchvision_blur",
                                "torchvision's own GaussianBlur, which is slower")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    random.seed(0)
    side, taps, mean, std = timing.policy(settings.workload)
    blur = PilBlur()
    if settings.torchvision_blur:
        blur = transforms.GaussianBlur(taps, sigma=(0.1, 2.0))
    view = transforms.Compose([
        transforms.RandomResizedCrop(side, scale=(0.2, 1.0)),
        transforms.RandomHorizontalFlip(),
        transforms.RandomApply([transforms.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
        transforms.RandomGrayscale(p=0.2),
        transforms.RandomApply([blur], p=0.5),
        transforms.ToTensor(),
        transforms.Normalize(mean, std),
    ])
    files = timing.read_files(settings.images)

    if settings.workload == "32":
        # Decoded arrays in memory, as torchvision.datasets.CIFAR10 holds them.
        images = [numpy.asarray(Image.open(io.BytesIO(file)).convert("RGB")) for file in files]

        def make_pair(array):
            image = Image.fromarray(array)
            return view(image), view(image)
    else:
        images = files

        def make_pair(file):
            # Image.open reads only the header; convert() decodes, once for both views.
            image = Image.open(io.BytesIO(file)).convert("RGB")
            return view(image), view(image)

    if settings.contact_sheet:
        timing.write_contact_sheet(make_pair, images, settings)
    else:
        timing.measure(make_pair, images, settings)


if __name__ == "__main__":
    main()
