"""MoCo-v2 as one would write it for a GPU with PyTorch: channels-last, bf16 autocast, fused SGD, one
kernel for the momentum update, optionally torch.compile. The same networks, batch and policy as
pretrain beside it. Prints one line of JSON.
  torch_side.py --model=resnet50 --side=224 --batch_size=256 --precision=bf16 --mode=compile --data=synthetic
"""
import argparse
import copy
import io
import json
import random
import tarfile
import time

import torch
import torchvision
from torch import nn

QUEUE = 65536
TEMPERATURE = 0.2


def encoder(model, side):
    if model == "vit_small":
        backbone = torchvision.models.VisionTransformer(
            image_size=side, patch_size=16, num_layers=12, num_heads=12, hidden_dim=384, mlp_dim=1536)
        width = 384
        backbone.heads = nn.Identity()
    else:
        backbone = getattr(torchvision.models, model)(zero_init_residual=True)
        width = backbone.fc.in_features
        backbone.fc = nn.Identity()
    projector = nn.Sequential(nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU(inplace=True),
                              nn.Linear(width, 128))
    return nn.Sequential(backbone, projector)


class Moco:
    def __init__(self, settings, device):
        self.bf16 = settings.precision == "bf16"
        self.device = device
        self.online = encoder(settings.model, settings.side).to(device, memory_format=torch.channels_last)
        self.momentum = copy.deepcopy(self.online).requires_grad_(False)
        self.queue = nn.functional.normalize(torch.randn(QUEUE, 128, device=device))
        self.pointer = 0
        self.optimizer = torch.optim.SGD(self.online.parameters(), 0.03 * settings.batch_size / 256,
                                         momentum=0.9, weight_decay=5e-4, fused=device.type == "cuda")
        self.averages = list(self.momentum.parameters())
        self.parameters = [p.detach() for p in self.online.parameters()]
        forward = self.forward
        if settings.mode != "eager":
            mode = {"compile": "default", "graphs": "reduce-overhead"}[settings.mode]
            forward = torch.compile(forward, mode=mode)
        self.run = forward

    def forward(self, view1, view2, queue):
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            queries = self.online(view1)
            with torch.no_grad():
                keys = self.momentum(view2)
        queries = nn.functional.normalize(queries.float())
        keys = nn.functional.normalize(keys.float())
        positives = (queries * keys).sum(1, keepdim=True)
        logits = torch.cat([positives, queries @ queue.t()], 1) / TEMPERATURE
        target = torch.zeros(len(queries), dtype=torch.long, device=self.device)
        return nn.functional.cross_entropy(logits, target), keys

    def step(self, view1, view2):
        if self.device.type == "cuda":
            torch.compiler.cudagraph_mark_step_begin()
        loss, keys = self.run(view1, view2, self.queue)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(self.averages, self.parameters, 0.001)
            self.queue[self.pointer:self.pointer + len(keys)] = keys
            self.pointer = (self.pointer + len(keys)) % QUEUE
        return loss


class Pairs(torch.utils.data.Dataset):
    """Two views of each image, augmented by torchvision's v2 transforms with Pillow; files in memory."""

    def __init__(self, path, side, blur):
        from torchvision.transforms import v2
        with tarfile.open(path) as tar:
            self.files = [tar.extractfile(m).read() for m in tar if m.name.endswith(".jpg")]
        operations = [v2.RandomResizedCrop(side, scale=(0.2, 1.0)), v2.RandomHorizontalFlip(),
                      v2.RandomApply([v2.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
                      v2.RandomGrayscale(p=0.2)]
        if blur:
            operations.append(v2.RandomApply([v2.Lambda(self.blur)], p=0.5))
        self.transform = v2.Compose(operations + [v2.PILToTensor()])

    @staticmethod
    def blur(image):
        from PIL import ImageFilter
        return image.filter(ImageFilter.GaussianBlur(radius=random.uniform(0.1, 2.0)))

    def __len__(self):
        return 1 << 24

    def __getitem__(self, index):
        from PIL import Image
        image = Image.open(io.BytesIO(self.files[index % len(self.files)])).convert("RGB")
        return self.transform(image), self.transform(image)


def batches(settings, device):
    shape = (settings.batch_size, 3, settings.side, settings.side)
    scale = torch.tensor([1 / (255 * 0.229), 1 / (255 * 0.224), 1 / (255 * 0.225)], device=device)[:, None, None]
    offset = torch.tensor([0.485 / 0.229, 0.456 / 0.224, 0.406 / 0.225], device=device)[:, None, None]

    def prepare(view):
        view = view.to(device, non_blocking=True)
        return (view * scale - offset).contiguous(memory_format=torch.channels_last)

    if settings.data == "synthetic":
        views = [torch.randint(0, 256, shape, dtype=torch.uint8) for _ in range(2)]
        if device.type == "cuda":
            views = [view.pin_memory() for view in views]
        while True:
            yield prepare(views[0]), prepare(views[1])
    loader = torch.utils.data.DataLoader(
        Pairs(settings.data, settings.side, settings.side >= 128), batch_size=settings.batch_size,
        num_workers=settings.workers, pin_memory=device.type == "cuda", prefetch_factor=4,
        persistent_workers=True)
    for view1, view2 in loader:
        yield prepare(view1), prepare(view2)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--side", type=int, required=True)
    parser.add_argument("--batch_size", type=int, required=True)
    parser.add_argument("--precision", choices=("float32", "tf32", "bf16"), default="bf16")
    parser.add_argument("--mode", choices=("eager", "compile", "graphs"), default="eager")
    parser.add_argument("--data", default="synthetic", help="synthetic, or a tar with JPEG files")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--workers", type=int, default=16)
    settings = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = True
    torch.backends.cuda.matmul.allow_tf32 = settings.precision == "tf32"
    torch.backends.cudnn.allow_tf32 = settings.precision == "tf32"
    moco = Moco(settings, device)
    source = batches(settings, device)
    begun = time.monotonic()
    for _ in range(8):
        loss = moco.step(*next(source))
    loss.item()
    warm_up = time.monotonic() - begun
    begin, steps, took = time.monotonic(), 0, 0
    while took < settings.seconds:
        for _ in range(10):
            loss = moco.step(*next(source))
        steps += 10
        loss.item()
        took = time.monotonic() - begin
    peak = torch.cuda.max_memory_reserved() / 2**20 if device.type == "cuda" else 0
    print(json.dumps({"images_per_second": round(steps * settings.batch_size / took, 1),
                      "ms_per_step": round(1e3 * took / steps, 2), "peak_mib": round(peak),
                      "warm_up_seconds": round(warm_up, 1)}), flush=True)


if __name__ == "__main__":
    main()
