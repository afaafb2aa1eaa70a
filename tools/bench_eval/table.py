"""Markdown of tools/bench_eval.sh: reads "ROUND PROGRAM VALUE" from stdin."""
import statistics
import sys

# What is measured, the programs compared (the best of several others), whether values are rates,
# the least ratio.
ROWS = [
    ("linear probe, 5,000 x 512, s", "probe-small-cassle", ["probe-small-python"], False, 8),
    ("linear probe, large, s", "probe-large-cassle", ["probe-large-python"], False, 8),
    ("nearest neighbours, s", "knn-cassle", ["knn-python"], False, 5),
    ("embed, ResNet-50, float32, images/s", "embed-cassle", ["embed-python0", "embed-python1"], True, 2),
    ("embed, ResNet-50, bf16, images/s", "embed-bf16", ["embed-python0", "embed-python1"], True, None),
]


def row(*cells):
    print("| " + " | ".join(cells) + " |")


values = {}
for line in sys.stdin:
    _, program, value = line.split()
    values.setdefault(program, []).append(float(value))
met = True
row("stage", "cassle", "Python", "ratio", "range", "bar", "met")
row("---", "---:", "---:", "---:", "---", "---:", "---")
for title, ours, others, is_rate, bar in ROWS:
    if ours not in values:
        continue
    best = max if is_rate else min
    theirs = [best(round) for round in zip(*(values[other] for other in others))]
    ratios = [a / b if is_rate else b / a for a, b in zip(values[ours], theirs)]
    median = statistics.median(ratios)
    met &= bar is None or median >= bar
    row(title, "%.2f" % statistics.median(values[ours]), "%.2f" % statistics.median(theirs),
        "%.2f" % median, "%.2f to %.2f" % (min(ratios), max(ratios)),
        "" if bar is None else "%g" % bar, "" if bar is None else "yes" if median >= bar else "NO")
sys.exit(not met)
