"""The Python side of tools/bench_augment.sh: pairs of views per second of one peer, on one thread.

A peer is peers/NAME.py with VERSIONS, what it is made of in words, and pairs(work): an endless
generator of lists of pairs, one pair at a time or a batch. All end with the same product: two
contiguous float32 [3, side, side] per image, normalised.
Prints one line, "PAIRS_PER_SECOND": of wall time or of the process' processor time.
"""
import argparse
import importlib
import itertools
import os
import random
import sys
import time
import types


def work(name, files):
    """Side of a view, taps of the blur, mean, std; as //cassle/augment/loading:pair_benchmark has them."""
    if name == "32":
        return types.SimpleNamespace(files=files, decoded=True, side=32, taps=9,
                                     mean=(0.4914, 0.4822, 0.4465), std=(0.247, 0.2435, 0.2616))
    return types.SimpleNamespace(files=files, decoded=False, side=224, taps=23,
                                 mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


def read_files(folder):
    names = sorted(name for name in os.listdir(folder) if name.endswith(".jpg"))
    files = []
    for name in names:
        with open(os.path.join(folder, name), "rb") as file:
            files.append(file.read())
    return files


def check_pair(pair, side):
    for view in pair:
        assert tuple(view.shape) == (3, side, side) and str(view.dtype).endswith("float32")
        # Pixels in [0, 1], normalised, and some structure.
        assert -3.0 < float(view.min()) < float(view.max()) < 3.0, (view.min(), view.max())


def measure(pairs, side, seconds, clock):
    made = 0
    while made < 20:
        batch = next(pairs)
        made += len(batch)
        for pair in batch:
            check_pair(pair, side)

    def run(seconds):
        made = 0
        start = clock()
        while True:
            made += len(next(pairs))
            now = clock() - start
            if now >= seconds:
                return made / now

    run(min(1.0, seconds / 3))
    print("%.2f" % run(seconds))


def write_contact_sheet(pairs, work, path):
    """Eight images with a pair each, mapped back to pixels: to look at."""
    import numpy
    from PIL import Image

    columns = []
    for pair in itertools.islice(itertools.chain.from_iterable(pairs), 8):
        views = [numpy.asarray(view).transpose(1, 2, 0) * work.std + work.mean for view in pair]
        columns.append((numpy.concatenate(views) * 255 + 0.5).clip(0, 255).astype(numpy.uint8))
    Image.fromarray(numpy.concatenate(columns, axis=1)).save(path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer", required=True)
    parser.add_argument("--versions", action="store_true", help="print them and end")
    parser.add_argument("--workload", choices=["32", "photos"])
    parser.add_argument("--images", help="folder of JPEG files")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    parser.add_argument("--contact_sheet", help="PNG to write instead of measuring: some pairs")
    settings = parser.parse_args()
    try:
        peer = importlib.import_module("peers." + settings.peer)
    except ImportError as error:
        print("%s: %s" % (settings.peer, error), file=sys.stderr)
        return 69
    if settings.versions:
        print(peer.VERSIONS)
        return 0
    random.seed(0)
    task = work(settings.workload, read_files(settings.images))
    if settings.contact_sheet:
        write_contact_sheet(peer.pairs(task), task, settings.contact_sheet)
    else:
        measure(peer.pairs(task), task.side, settings.seconds,
                time.process_time if settings.clock == "cpu" else time.perf_counter)
    return 0


if __name__ == "__main__":
    sys.exit(main())
