"""Markdown of tools/bench_augment.sh: reads "ROUND PROGRAM PAIRS_PER_SECOND" from stdin."""
import statistics
import sys

# Workload, how the engine decodes, in words, the least ratio against torchvision and against others.
COMPARISONS = [
    ("32", "exact", "32 px, from decoded arrays", 20, 5),
    ("photos", "exact", "photographs to 224 px, with decoding, EXACT", 4, 2),
    ("photos", "fast", "photographs to 224 px, with decoding, FAST", 6, 2),
]
PEERS = {
    "torchvision_pil": "torchvision on PIL",
    "torchvision_v2_pil": "torchvision v2 on PIL",
    "torchvision_v2": "torchvision v2 on uint8 tensors",
    "opencv": "OpenCV from Python",
    "opencv_tuned": "OpenCV, tuned by hand",
    "dali": "DALI's CPU pipeline",
}
TWO_THREADS = 1.8


def row(*cells):
    print("| " + " | ".join(cells) + " |")


def rate(values):
    return "{:,.0f}".format(statistics.median(values))


def ratio_row(workload, other_name, upper, lower, bar):
    """Of the ratios of each round, the median and the range: a disturbed round harms little."""
    ratios = [u / l for u, l in zip(upper, lower)]
    median = statistics.median(ratios)
    row(workload, other_name, rate(upper), rate(lower), "%.2f" % median,
        "%.2f to %.2f" % (min(ratios), max(ratios)), "%g" % bar, "yes" if median >= bar else "NO")
    return median >= bar


def main():
    rates = {}
    for line in sys.stdin:
        _, program, value = line.split()
        rates.setdefault(program, []).append(float(value))
    row("workload", "against", "engine, pairs/s", "other, pairs/s", "ratio", "range", "bar", "met")
    row("---", "---", "---:", "---:", "---:", "---", "---:", "---")
    met = True
    for workload, decode, words, torchvision_bar, bar in COMPARISONS:
        engine = rates.get("engine-%s-%s" % (workload, decode))
        for peer, name in PEERS.items():
            theirs = rates.get(peer + "-" + workload)
            if engine and theirs:
                met &= ratio_row(words, name, engine, theirs,
                                 torchvision_bar if "torchvision" in peer else bar)
    for workload, decode, words, _, _ in COMPARISONS:
        engine = "engine-%s-%s" % (workload, decode)
        if engine + "-two-threads" in rates:
            met &= ratio_row("two threads, " + words, "one thread", rates[engine + "-two-threads"],
                             rates[engine], TWO_THREADS)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
