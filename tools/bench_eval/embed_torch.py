"""Features of photographs by torchvision's ResNet-50 at 224 px: PIL decodes, resizes (bicubic) and
crops, as the authors' transfer_linear_eval.py does. Prints images per second of the loop alone
(without imports, making and compiling the network), the better of no and one loader process.
  embed_torch.py THREADS plain|channels_last|compile float32|bf16 TAR PHOTOS
compile is channels_last too; bf16 casts the whole network.
"""
import io
import sys
import tarfile
import time

import torch
import torchvision
from PIL import Image
from torchvision import transforms

BATCH = 32


class Photos(torch.utils.data.Dataset):
    def __init__(self, path, count):
        with tarfile.open(path) as tar:
            self.jpegs = [tar.extractfile(member).read() for member in tar
                          if member.name.endswith(".jpg")][:count]
        self.transform = transforms.Compose([
            transforms.Resize(224, transforms.InterpolationMode.BICUBIC), transforms.CenterCrop(224),
            transforms.ToTensor(), transforms.Normalize((.485, .456, .406), (.229, .224, .225))])

    def __len__(self):
        return len(self.jpegs)

    def __getitem__(self, index):
        return self.transform(Image.open(io.BytesIO(self.jpegs[index])).convert("RGB"))


def rate(model, photos, workers, dtype, layout):
    loader = torch.utils.data.DataLoader(photos, BATCH, num_workers=workers)
    images, start = 0, time.monotonic()
    for batch in loader:
        model(batch.to(dtype, memory_format=layout))
        images += len(batch)
    return images / (time.monotonic() - start)


def main():
    threads, variant, precision, tar, count = sys.argv[1:]
    torch.set_num_threads(int(threads))
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    layout = torch.channels_last if variant != "plain" else torch.contiguous_format
    model = torchvision.models.resnet50(weights=None)
    model.fc = torch.nn.Identity()
    model.eval().to(dtype=dtype, memory_format=layout)
    if variant == "compile":
        model = torch.compile(model)
    photos = Photos(tar, int(count))
    with torch.no_grad():
        # Kernels are made, memory is taken.
        model(torch.zeros(BATCH, 3, 224, 224).to(dtype, memory_format=layout))
        print("%.3f" % max(rate(model, photos, workers, dtype, layout) for workers in (0, 1)))


main()
