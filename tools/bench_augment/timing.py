"""What both Python sides of tools/bench_augment.sh share: arguments, images, the clock.

Both print one line, "PAIRS_PER_SECOND": of wall time or of the process' processor time.
"""
import argparse
import os
import time


def arguments(switch, switch_help):
    parser = argparse.ArgumentParser()
    parser.add_argument("--workload", choices=["32", "photos"], required=True)
    parser.add_argument("--images", required=True, help="folder of JPEG files")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    parser.add_argument("--contact_sheet", help="PNG to write instead of measuring: some pairs")
    parser.add_argument("--" + switch, action="store_true", help=switch_help)
    return parser.parse_args()


def policy(workload):
    """Side of a view, taps of the blur, mean, std; as //cassle/augment:pair_benchmark has them."""
    if workload == "32":
        return 32, 9, (0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616)
    return 224, 23, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def read_files(folder):
    names = sorted(name for name in os.listdir(folder) if name.endswith(".jpg"))
    files = []
    for name in names:
        with open(os.path.join(folder, name), "rb") as file:
            files.append(file.read())
    return files


def check_pair(pair, side):
    """The end product is the same for all: two contiguous float32 [3, side, side], normalised."""
    for view in pair:
        assert tuple(view.shape) == (3, side, side) and str(view.dtype).endswith("float32")
        # Pixels in [0, 1], normalised, and some structure.
        assert -3.0 < float(view.min()) < float(view.max()) < 3.0, (view.min(), view.max())


def measure(make_pair, images, settings):
    """Pairs per second of make_pair(image), in the order of the images, round and round."""
    clock = time.process_time if settings.clock == "cpu" else time.perf_counter
    side = policy(settings.workload)[0]
    for image in images[:20]:
        check_pair(make_pair(image), side)

    def run(seconds):
        pairs = 0
        start = clock()
        while True:
            make_pair(images[pairs % len(images)])
            pairs += 1
            now = clock() - start
            if now >= seconds:
                return pairs / now

    run(min(1.0, settings.seconds / 3))
    print("%.2f" % run(settings.seconds))


def write_contact_sheet(make_pair, images, settings):
    """Eight images with a pair each, mapped back to pixels: to look at."""
    import numpy
    from PIL import Image

    side, _, mean, std = policy(settings.workload)
    rows = []
    for image in images[:8]:
        views = []
        for view in make_pair(image):
            pixels = numpy.asarray(view).transpose(1, 2, 0) * numpy.array(std) + numpy.array(mean)
            views.append((pixels * 255 + 0.5).clip(0, 255).astype(numpy.uint8))
        rows.append(numpy.concatenate(views, axis=0))
    Image.fromarray(numpy.concatenate(rows, axis=1)).save(settings.contact_sheet)
