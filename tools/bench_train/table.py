"""Markdown of tools/bench_train.sh: reads "ROUND PROGRAM IMAGES_PER_SECOND PEAK_KB" from stdin."""
import statistics
import sys

# Least ratio against Python as it comes and against Python with tcmalloc.
BARS = {
    "resnet18-bf16": {"python": 5, "tuned": 2.2},
    "resnet18-float32": {"python": 2.5, "tuned": 1.2},
    "resnet50-bf16": {"python": 5, "tuned": 2.2},
    "resnet50-float32": {"python": 3, "tuned": 1.2},
}
WORKLOADS = {"resnet18": "ResNet-18, CIFAR stem, 32 px, batch 128",
             "resnet50": "ResNet-50, 224 px, batch 16"}
OTHERS = {"python": "PyTorch", "tuned": "PyTorch with tcmalloc"}
# Arithmetic of a step per image, billions: the query forwards (1) and backwards (2), the key
# forwards (1). Two operations per multiplication and addition of the convolutions.
GIGAFLOPS = {"resnet18": 4 * 1.112, "resnet50": 4 * 8.18}


def row(*cells):
    print("| " + " | ".join(cells) + " |")


def main():
    rates, peaks, floor = {}, {}, []
    for line in sys.stdin:
        _, program, rate, kilobytes = line.split()
        if program == "peak":
            floor.append(float(rate))
            continue
        rates.setdefault(program, []).append(float(rate))
        peaks.setdefault(program, []).append(float(kilobytes) / 1e6)
    met = True
    row("training", "against", "pretrain, images/s", "other", "ratio", "range", "bar", "met")
    row("---", "---", "---:", "---:", "---:", "---", "---:", "---")
    for ours, bars in BARS.items():
        model, precision = ours.split("-")
        for other, bar in bars.items():
            if ours not in rates or model + "-" + other not in rates:
                continue
            theirs = rates[model + "-" + other]
            ratios = [a / b for a, b in zip(rates[ours], theirs)]
            median = statistics.median(ratios)
            met &= median >= bar
            row("%s, %s" % (WORKLOADS[model], precision), OTHERS[other],
                "%.1f" % statistics.median(rates[ours]), "%.1f" % statistics.median(theirs),
                "%.2f" % median, "%.2f to %.2f" % (min(ratios), max(ratios)), "%g" % bar,
                "yes" if median >= bar else "NO")
    print()
    gigaflops = statistics.median(floor)
    print("Peak of this machine in the same rounds (float32 multiply-adds in registers, "
          "`fma_peak`): %.0f GFLOP/s." % gigaflops)
    print()
    row("program", "images/s", "GFLOP/s", "of the float32 peak", "peak memory, GB")
    row("---", "---:", "---:", "---:", "---:")
    for program, values in rates.items():
        model = program.split("-")[0]
        parts = [rate * GIGAFLOPS[model] for rate in values]
        row(program, "%.1f" % statistics.median(values), "%.0f" % statistics.median(parts),
            "%.0f %%" % (100 * statistics.median(p / f for p, f in zip(parts, floor))),
            "%.2f" % statistics.median(peaks[program]))
        if program in BARS and statistics.median(peaks[program]) > statistics.median(
                peaks[model + "-python"]):
            print("\nMORE MEMORY than Python: " + program)
            met = False
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
