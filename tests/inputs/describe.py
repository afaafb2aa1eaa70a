"""describe.py DATASET: how docs/inputs.md puts what a data set holds: "train: 4 cat, 4 dog; test: 1 cat"."""

import re
import sys

with open(sys.argv[1] + "/dataset.textproto") as file:
    text = file.read()
classes = re.findall(r'^classes: "(.*)"$', text, re.MULTILINE)
classes = [re.sub(r"\\(.)", r"\1", label) for label in classes]
splits = []
for split in re.findall(r"^splits \{(.*?)^\}", text, re.MULTILINE | re.DOTALL):
    name = re.search(r'^  name: "(.*)"$', split, re.MULTILINE)[1]
    images = int(re.search(r"^  num_images: (\d+)$", split, re.MULTILINE)[1])
    counts = re.search(r"^  class_counts: \[(.*)\]$", split, re.MULTILINE)
    counts = [int(count) for count in counts[1].split(", ")] if counts else []
    parts = [f"{count} {label}" for count, label in zip(counts, classes)]
    if images > sum(counts):
        parts.append(f"{images - sum(counts)} without a class")
    splits.append(f"{name}: {', '.join(parts)}")
print("; ".join(splits))
