"""torchvision's transforms v2 on uint8 tensors, as its documentation recommends: decode_jpeg, uint8
until the end, then float32. The blur is the faster one: torchvision's at 32 px, PIL's at 224 px.
"""
import itertools

import torch
from peers import torchvision_pil
from torchvision.io import ImageReadMode, decode_jpeg
from torchvision.transforms import v2

VERSIONS = "%s, torch %s" % (torchvision_pil.VERSIONS, torch.__version__)


def pairs(work):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    if work.side == 32:
        blur = v2.GaussianBlur(work.taps, sigma=(0.1, 2.0))
    else:
        blur = v2.Compose([v2.ToPILImage(), torchvision_pil.PilBlur(), v2.PILToTensor()])
    view = v2.Compose([
        v2.RandomResizedCrop(work.side, scale=(0.2, 1.0), antialias=True),
        v2.RandomHorizontalFlip(),
        v2.RandomApply([v2.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
        v2.RandomGrayscale(p=0.2),
        v2.RandomApply([blur], p=0.5),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(work.mean, work.std),
    ])
    files = [torch.frombuffer(bytearray(file), dtype=torch.uint8) for file in work.files]
    if work.decoded:
        images = itertools.cycle([decode_jpeg(file, ImageReadMode.RGB) for file in files])
    else:
        images = (decode_jpeg(file, ImageReadMode.RGB) for file in itertools.cycle(files))
    for image in images:
        yield [(view(image), view(image))]
