"""The recipe by hand with OpenCV and numpy: 8-bit operations, saturation and hue in 8-bit HSV, no
float image before the end.
"""
import itertools
import math
import random

import cv2
import numpy

VERSIONS = "OpenCV " + cv2.__version__


def crop_box(height, width):
    """torchvision's RandomResizedCrop.get_params: scale 0.2 to 1, ratio 3/4 to 4/3."""
    for _ in range(10):
        area = height * width * random.uniform(0.2, 1.0)
        ratio = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
        w = int(round(math.sqrt(area * ratio)))
        h = int(round(math.sqrt(area / ratio)))
        if 0 < w <= width and 0 < h <= height:
            return random.randint(0, height - h), random.randint(0, width - w), h, w
    w = min(width, int(round(height * 4 / 3)))
    h = min(height, int(round(width * 4 / 3)))
    return (height - h) // 2, (width - w) // 2, h, w


def brightness(image):
    return cv2.convertScaleAbs(image, alpha=random.uniform(0.6, 1.4))


def contrast(image):
    factor = random.uniform(0.6, 1.4)
    mean = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).mean()
    # A table that clips: convertScaleAbs would fold values below 0 back up.
    table = numpy.arange(256, dtype=numpy.float32) * factor + (1 - factor) * mean
    return cv2.LUT(image, table.clip(0, 255).astype(numpy.uint8))


def saturation(image):
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    hsv[..., 1] = numpy.clip(hsv[..., 1] * random.uniform(0.6, 1.4), 0, 255)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)


def hue(image):
    # Hue of 8-bit HSV is 0 to 179.
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    turned = hsv[..., 0].astype(numpy.int16) + round(random.uniform(-0.1, 0.1) * 180)
    hsv[..., 0] = turned % 180
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)


def normalize(image, mean, std):
    values = (image.astype(numpy.float32) / 255 - mean) / std
    return numpy.ascontiguousarray(values.transpose(2, 0, 1))


def decode(file):
    # imdecode gives B G R.
    bgr = cv2.imdecode(numpy.frombuffer(file, numpy.uint8), cv2.IMREAD_COLOR)
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def pairs_of(work, jitter, normalize):
    """Pairs with these colour operations, and normalize(image, mean, std)."""
    cv2.setNumThreads(0)
    cv2.ocl.setUseOpenCL(False)
    mean = numpy.array(work.mean, numpy.float32)
    std = numpy.array(work.std, numpy.float32)
    side = work.side

    def view(image):
        top, left, height, width = crop_box(*image.shape[:2])
        shrinks = height > side or width > side
        out = cv2.resize(image[top:top + height, left:left + width], (side, side),
                         interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        if random.random() < 0.5:
            out = cv2.flip(out, 1)
        if random.random() < 0.8:
            random.shuffle(jitter)
            for operation in jitter:
                out = operation(out)
        if random.random() < 0.2:
            out = cv2.cvtColor(cv2.cvtColor(out, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        if random.random() < 0.5:
            out = cv2.GaussianBlur(out, (work.taps, work.taps), random.uniform(0.1, 2.0))
        return normalize(out, mean, std)

    if work.decoded:
        images = itertools.cycle([decode(file) for file in work.files])
    else:
        images = (decode(file) for file in itertools.cycle(work.files))
    for image in images:
        yield [(view(image), view(image))]


def pairs(work):
    return pairs_of(work, [brightness, contrast, saturation, hue], normalize)
