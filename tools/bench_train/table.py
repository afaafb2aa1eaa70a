"""Markdown of tools/bench_train.sh: reads "ROUND MODEL PRECISION PROGRAM IMAGES_PER_SECOND PEAK_KB"
from stdin.
  table.py avx2|avx512
"""
import statistics
import sys

# Least ratio of pretrain to the best of PyTorch's variants, by class of processor and precision.
# What has bf16 instructions has AVX-512.
BARS = {("avx2", "float32"): 1.0, ("avx512", "float32"): 1.2, ("avx512", "bf16"): 1.3}
WORKLOADS = {"resnet18": "ResNet-18, CIFAR stem, 32 px, batch 128",
             "resnet50": "ResNet-50, 224 px, batch 16"}
# Arithmetic of a step per image, billions: the query forwards (1) and backwards (2), the key
# forwards (1). Two operations per multiplication and addition of the convolutions.
GIGAFLOPS = {"resnet18": 4 * 1.112, "resnet50": 4 * 8.18}


def row(*cells):
    print("| " + " | ".join(cells) + " |")


def main():
    rates, memories, floor = {}, {}, {}
    for line in sys.stdin:
        _, model, precision, program, rate, kilobytes = line.split()
        if model == "peak":
            floor.setdefault(precision, []).append(float(rate))
            continue
        training = rates.setdefault((model, precision), {})
        training.setdefault(program, []).append(float(rate))
        memories.setdefault((model, precision, program), []).append(float(kilobytes) / 1e6)
    print("Most multiply-adds of this machine in the same rounds (`fma_peak`): %s. "
          "The best variant of PyTorch is bold." % ", ".join(
              "%.0f GFLOP/s in %s" % (statistics.median(values), precision)
              for precision, values in floor.items()))
    print()
    row("training", "program", "images/s", "GFLOP/s", "of the peak", "peak memory, GB",
        "pretrain / it", "range", "bar", "met")
    row("---", "---", "---:", "---:", "---:", "---:", "---:", "---", "---:", "---")
    met, greedy = True, []
    for (model, precision), programs in rates.items():
        # The step on prepared batches lacks what pretrain does too, and is not a training.
        whole = [name for name in programs if name != "pretrain" and "prepared" not in name]
        best = max(whole, key=lambda name: statistics.median(programs[name]), default=None)
        for name, values in programs.items():
            arithmetic = [rate * GIGAFLOPS[model] for rate in values]
            cells = ["%s, %s" % (WORKLOADS[model], precision),
                     "**PyTorch, %s**" % name if name == best else
                     name if name == "pretrain" else "PyTorch, " + name,
                     "%.1f" % statistics.median(values), "%.0f" % statistics.median(arithmetic),
                     "%.0f %%" % (100 * statistics.median(a / f for a, f in zip(arithmetic, floor[precision]))),
                     "%.2f" % statistics.median(memories[model, precision, name])]
            ratios = [a / b for a, b in zip(programs["pretrain"], values)]
            median = statistics.median(ratios)
            bar = BARS[sys.argv[1], precision]
            if name != "pretrain":
                cells += ["%.2f" % median, "%.2f to %.2f" % (min(ratios), max(ratios))]
            else:
                cells += ["", ""]
            if name == best:
                met &= median >= bar
                cells += ["%g" % bar, "yes" if median >= bar else "NO"]
            else:
                cells += ["", ""]
            row(*cells)
        memory = {name: statistics.median(memories[model, precision, name]) for name in programs}
        if whole and memory["pretrain"] > min(memory[name] for name in whole):
            greedy.append(model + ", " + precision)
            met = False
    for training in greedy:
        print("\nMORE MEMORY than PyTorch's leanest variant: " + training)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
