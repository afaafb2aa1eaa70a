"""Markdown of tools/bench_augment.sh: reads "ROUND PROGRAM PAIRS_PER_SECOND" from stdin."""
import statistics
import sys

# Engine program, workload in words, bars: other program -> least ratio (None: no bar is set).
COMPARISONS = [
    ("engine-32", "32 px, from decoded arrays",
     {"torchvision-32": 20, "opencv-32": 5, "torchvision-blur-32": None, "opencv-tuned-32": None}),
    ("engine-photos-exact", "photographs to 224 px, with decoding, EXACT",
     {"torchvision-photos": 4, "opencv-photos": 2, "torchvision-blur-photos": None,
      "opencv-tuned-photos": None}),
    ("engine-photos-fast", "photographs to 224 px, with decoding, FAST",
     {"torchvision-photos": 6, "opencv-photos": 2, "torchvision-blur-photos": None,
      "opencv-tuned-photos": None}),
]
SCALING = [("engine-32", "engine-32-two-threads"),
           ("engine-photos-exact", "engine-photos-exact-two-threads"),
           ("engine-photos-fast", "engine-photos-fast-two-threads")]
TWO_THREADS = 1.8
NAMES = {
    "torchvision": "(a) torchvision on PIL",
    "torchvision-blur": "(a) with torchvision's own blur",
    "opencv": "(b) OpenCV from Python",
    "opencv-tuned": "(b) tuned by hand",
}


def row(*cells):
    print("| " + " | ".join(cells) + " |")


def rate(values):
    return "{:,.0f}".format(statistics.median(values))


def ratio_row(workload, other_name, upper, lower, bar):
    """Of the ratios of each round, the median and the range: a disturbed round harms little."""
    ratios = [u / l for u, l in zip(upper, lower)]
    median = statistics.median(ratios)
    passed = "" if bar is None else ("yes" if median >= bar else "NO")
    row(workload, other_name, rate(upper), rate(lower),
        "%.2f" % median, "%.2f to %.2f" % (min(ratios), max(ratios)),
        "" if bar is None else "%g" % bar, passed)
    return bar is None or median >= bar


def main():
    rates = {}
    for line in sys.stdin:
        _, program, value = line.split()
        rates.setdefault(program, []).append(float(value))
    row("workload", "against", "engine, pairs/s", "other, pairs/s", "ratio", "range", "bar", "met")
    row("---", "---", "---:", "---:", "---:", "---", "---:", "---")
    met = True
    for engine, workload, bars in COMPARISONS:
        for other, bar in bars.items():
            if engine in rates and other in rates:
                name = NAMES[other.rsplit("-", 1)[0]]
                met &= ratio_row(workload, name, rates[engine], rates[other], bar)
    for one, two in SCALING:
        if one in rates and two in rates:
            met &= ratio_row("two threads, " + one, "one thread", rates[two], rates[one],
                             TWO_THREADS)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
