"""Features of photographs by torchvision's ResNet-50 at 224 px in float32: PIL decodes, resizes
(bicubic) and crops, as the authors' transfer_linear_eval.py does. Prints images per second of the
loop alone (without imports and making the network).
  python_embed.py THREADS WORKERS TAR PHOTOS
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


def main():
    torch.set_num_threads(int(sys.argv[1]))
    model = torchvision.models.resnet50(weights=None)
    model.fc = torch.nn.Identity()
    model.eval()
    loader = torch.utils.data.DataLoader(Photos(sys.argv[3], int(sys.argv[4])), BATCH, num_workers=int(sys.argv[2]))
    images, start = 0, time.monotonic()
    with torch.no_grad():
        for batch in loader:
            model(batch)
            images += len(batch)
    print("%.3f" % (images / (time.monotonic() - start)))


main()
