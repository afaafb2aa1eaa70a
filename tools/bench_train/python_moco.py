"""The Python side of tools/bench_train.sh: MoCo-v2 as one would write it with PyTorch and torchvision.

All cores, views from a loader process per core. Prints "images_per_second peak_kilobytes". The same
model, batch, policy and order of images as the pretrain runs beside it. A variant is "plain", or
switches joined by "+":
  channels_last  encoders and views in this memory format
  compile        torch.compile of both encoders
  prepared       the step alone: a few batches made beforehand, again and again
"""
import argparse
import copy
import inspect
import io
import itertools
import random
import resource
import time

import image_order
import torch
import torchvision
from PIL import Image, ImageFilter
from torch import nn
from torchvision import transforms

QUEUE = 65536
TEMPERATURE = 0.2


class PilBlur:
    """MoCo v2's GaussianBlur."""

    def __call__(self, image):
        return image.filter(ImageFilter.GaussianBlur(radius=random.uniform(0.1, 2.0)))


def view_transform(model):
    operations = [
        transforms.RandomResizedCrop(32 if model == "resnet18" else 224, scale=(0.2, 1.0)),
        transforms.RandomHorizontalFlip(),
        transforms.RandomApply([transforms.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
        transforms.RandomGrayscale(p=0.2),
    ]
    if model == "resnet50":  # The preset `cifar` has no blur.
        operations.append(transforms.RandomApply([PilBlur()], p=0.5))
    return transforms.Compose(operations + [
        transforms.ToTensor(),
        transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ])


class Pairs(torch.utils.data.Dataset):
    """Two views of each image; the files are kept in memory."""

    def __init__(self, files, order, transform):
        self.files = files
        self.order = order
        self.transform = transform

    def __len__(self):
        return len(self.order)

    def __getitem__(self, position):
        image = Image.open(io.BytesIO(self.files[self.order[position]])).convert("RGB")
        return self.transform(image), self.transform(image)


def encoder(model):
    backbone = getattr(torchvision.models, model)(zero_init_residual=True)
    if model == "resnet18":  # The stem for small images.
        backbone.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        backbone.maxpool = nn.Identity()
    width = backbone.fc.in_features
    backbone.fc = nn.Identity()
    projector = nn.Sequential(nn.Linear(width, width, bias=False), nn.BatchNorm1d(width),
                              nn.ReLU(), nn.Linear(width, 128))
    return nn.Sequential(backbone, projector)


class Moco:
    def __init__(self, model, batch_size, variant, bf16):
        self.format = torch.channels_last if "channels_last" in variant else torch.contiguous_format
        self.bf16 = bf16
        self.online = encoder(model).to(memory_format=self.format)
        self.momentum = copy.deepcopy(self.online).requires_grad_(False)
        self.averages = list(zip(self.momentum.parameters(), self.online.parameters()))
        self.queue = nn.functional.normalize(torch.randn(QUEUE, 128))
        self.pointer = 0
        # One pass over the parameters, where PyTorch has it.
        fused = {"fused": True} if "fused" in inspect.signature(torch.optim.SGD).parameters else {}
        self.optimizer = torch.optim.SGD(self.online.parameters(), 0.03 * batch_size / 256,
                                         momentum=0.9, weight_decay=5e-4, **fused)
        if "compile" in variant:
            self.online = torch.compile(self.online)
            self.momentum = torch.compile(self.momentum)

    def encode(self, network, view):
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            embeddings = network(view.to(memory_format=self.format))
        return nn.functional.normalize(embeddings.float())

    def step(self, view1, view2):
        queries = self.encode(self.online, view1)
        with torch.no_grad():
            keys = self.encode(self.momentum, view2)
        positives = (queries * keys).sum(1, keepdim=True)
        logits = torch.cat([positives, queries @ self.queue.t()], 1) / TEMPERATURE
        loss = nn.functional.cross_entropy(logits, torch.zeros(len(queries), dtype=torch.long))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        with torch.no_grad():
            for average, online in self.averages:
                average.lerp_(online, 0.001)
            self.queue[self.pointer:self.pointer + len(keys)] = keys
            self.pointer = (self.pointer + len(keys)) % QUEUE
        return loss.item()


def variant(text):
    switches = set() if text == "plain" else set(text.split("+"))
    if not switches <= {"channels_last", "compile", "prepared"}:
        raise argparse.ArgumentTypeError("no such variant: " + text)
    return switches


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=("resnet18", "resnet50"), required=True)
    parser.add_argument("--variant", type=variant, required=True)
    parser.add_argument("--precision", choices=("float32", "bf16"), required=True)
    parser.add_argument("--images", required=True, help="tar with images, in the order of the data set")
    parser.add_argument("--batch_size", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True, help="of measuring, after two steps")
    parser.add_argument("--threads", type=int, required=True)
    settings = parser.parse_args()
    torch.set_num_threads(settings.threads)
    torch.manual_seed(0)
    random.seed(0)
    files = image_order.read_tar(settings.images)
    order = image_order.batches(len(files), settings.batch_size, epochs=200)
    batches = torch.utils.data.DataLoader(Pairs(files, order, view_transform(settings.model)),
                                          batch_size=settings.batch_size, drop_last=True,
                                          num_workers=settings.threads)
    if "prepared" in settings.variant:
        batches = itertools.cycle(list(itertools.islice(batches, 4)))
    moco = Moco(settings.model, settings.batch_size, settings.variant, settings.precision == "bf16")
    start, images = None, 0
    for step, (view1, view2) in enumerate(batches):
        moco.step(view1, view2)
        if step < 2:  # Kernels are made, memory is taken.
            start = time.monotonic()
            continue
        images += settings.batch_size
        if time.monotonic() - start >= settings.seconds:
            break
    rate = images / (time.monotonic() - start)
    print("%.3f %d" % (rate, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))


if __name__ == "__main__":
    main()
