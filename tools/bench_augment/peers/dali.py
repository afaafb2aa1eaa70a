"""NVIDIA DALI's CPU pipeline, one thread, batches of 32. Colour changes and grayscale are one
colour twist, flip and normalisation one pass; DALI chooses the taps of the blur.
"""
import io
import itertools

import numpy
import nvidia.dali
from nvidia.dali import fn, pipeline_def, types
from PIL import Image

VERSIONS = "DALI " + nvidia.dali.__version__
BATCH = 32


def batches(items):
    items = itertools.cycle(items)
    while True:
        yield list(itertools.islice(items, BATCH))


def view(images, work):
    def change(low, high, otherwise, when):
        return when * fn.random.uniform(range=(low, high)) + (1 - when) * otherwise

    jitter = fn.random.coin_flip(probability=0.8)
    colored = 1 - fn.random.coin_flip(probability=0.2)
    out = fn.random_resized_crop(images, size=work.side, random_area=(0.2, 1.0),
                                 random_aspect_ratio=(3 / 4, 4 / 3))
    out = fn.color_twist(out, brightness=change(0.6, 1.4, 1, jitter),
                         contrast=change(0.6, 1.4, 1, jitter),
                         saturation=colored * change(0.6, 1.4, 1, jitter),
                         hue=change(-36, 36, 0, jitter))
    if fn.random.coin_flip(probability=0.5, dtype=types.BOOL):
        out = fn.gaussian_blur(out, sigma=fn.random.uniform(range=(0.1, 2.0)))
    return fn.crop_mirror_normalize(out, mirror=fn.random.coin_flip(), output_layout="CHW",
                                    mean=[255 * value for value in work.mean],
                                    std=[255 * value for value in work.std])


@pipeline_def(batch_size=BATCH, num_threads=1, device_id=None, seed=0, enable_conditionals=True)
def pipeline(work, source):
    if work.decoded:
        images = fn.external_source(source=source, layout="HWC", no_copy=True)
    else:
        images = fn.decoders.image(fn.external_source(source=source, no_copy=True), device="cpu")
    return view(images, work), view(images, work)


def pairs(work):
    items = [numpy.frombuffer(file, numpy.uint8) for file in work.files]
    if work.decoded:
        items = [numpy.asarray(Image.open(io.BytesIO(file)).convert("RGB")) for file in work.files]
    made = pipeline(work, batches(items))
    made.build()
    while True:
        yield list(zip(*(output.as_array() for output in made.run())))
