"""Markdown of tools/bench_eval.sh: reads "ROUND PROGRAM VALUE" from stdin."""
import statistics
import sys

EMBED = [("plain", "PyTorch"), ("channels_last", "PyTorch, channels_last"),
         ("compile", "PyTorch, channels_last, compiled")]
# What is measured, its programs' prefix, the peers, whether values are rates, the least ratio.
ROWS = [
    ("linear probe, 5,000 x 512, s", "probe-small-",
     [("torch", "the authors' loop"), ("sklearn", "scikit-learn")], False, 8),
    ("linear probe, large, s", "probe-large-", [("torch", "the authors' loop")], False, 8),
    ("nearest neighbours, s", "knn-", [("sklearn", "scikit-learn"), ("faiss", "faiss")], False,
     {"sklearn": 5, "faiss": 1}),
    ("embed, ResNet-50, float32, images/s", "embed-float32-", EMBED, True, 2),
    ("embed, ResNet-50, bf16, images/s", "embed-bf16-", EMBED, True, 1),
]


def row(*cells):
    print("| " + " | ".join(cells) + " |")


values = {}
for line in sys.stdin:
    _, program, value = line.split()
    values.setdefault(program, []).append(float(value))
met = True
row("stage", "against", "cassle", "other", "ratio", "range", "bar", "met")
row("---", "---", "---:", "---:", "---:", "---", "---:", "---")
for title, prefix, peers, is_rate, bars in ROWS:
    ours = values.get(prefix + "cassle")
    for peer, name in peers:
        theirs = values.get(prefix + peer)
        if not ours or not theirs:
            continue
        bar = bars[peer] if isinstance(bars, dict) else bars
        ratios = [a / b if is_rate else b / a for a, b in zip(ours, theirs)]
        median = statistics.median(ratios)
        met &= median >= bar
        row(title, name, "%.2f" % statistics.median(ours), "%.2f" % statistics.median(theirs),
            "%.2f" % median, "%.2f to %.2f" % (min(ratios), max(ratios)), "%g" % bar,
            "yes" if median >= bar else "NO")
sys.exit(not met)
