"""torchvision's transforms v2 on PIL images, a tensor only at the end; the blur is PIL's."""
import torch
from peers import torchvision_pil
from torchvision.transforms import v2

VERSIONS = torchvision_pil.VERSIONS


def pairs(work):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    return torchvision_pil.pairs_of(work, v2.Compose([
        v2.RandomResizedCrop(work.side, scale=(0.2, 1.0)),
        v2.RandomHorizontalFlip(),
        v2.RandomApply([v2.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
        v2.RandomGrayscale(p=0.2),
        v2.RandomApply([torchvision_pil.PilBlur()], p=0.5),
        v2.PILToTensor(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(work.mean, work.std),
    ]))
