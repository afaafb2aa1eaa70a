"""Accuracies of probe_torch.py against details.json of linear-probe: the best within 0.1 points, every
value of the grid within 0.5.
  compare.py ACCURACIES DETAILS_JSON TITLE
"""
import json
import sys

with open(sys.argv[1]) as file:
    *theirs, their_test = [100 * float(value) for value in file.read().split()]
with open(sys.argv[2]) as file:
    target = json.load(file)["targets"][0]
ours = [100 * point["val_accuracy"] for point in target["grid"]]
largest = max(abs(a - b) for a, b in zip(theirs, ours, strict=True))
print("%s: best validation accuracy %.2f (Python %.2f), largest difference of the grid %.2f points, "
      "test %.2f (Python %.2f)." % (sys.argv[3], max(ours), max(theirs), largest,
                                    100 * target["test_top1"], their_test))
sys.exit(abs(max(ours) - max(theirs)) > 0.1 or largest > 0.5)
