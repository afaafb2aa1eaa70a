"""The authors' linear evaluation in PyTorch (transfer_linear_eval.py of CASSLE): softmax regression by
L-BFGS over 45 regularisers, warm start, refit on train and validation. Prints the seconds of the
loop alone (without imports and reading); the 45 validation accuracies and the test accuracy go into
a file.
  probe_torch.py THREADS TRAIN VAL TEST ACCURACIES_OUT
"""
import sys
import time

import numpy
import torch
import torch.nn.functional as functional

import embeddings


def fit(classifier, features, labels, w):
    optimizer = torch.optim.LBFGS(classifier.parameters(), lr=1, max_iter=5000, tolerance_grad=1e-10,
                                  tolerance_change=0, history_size=100,
                                  line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = functional.cross_entropy(classifier(features), labels, reduction="sum")
        loss = loss + w * sum(p.pow(2).sum() for p in classifier.parameters())
        loss.backward()
        return loss

    optimizer.step(closure)


def accuracy(classifier, features, labels):
    with torch.no_grad():
        return (classifier(features).argmax(1) == labels).float().mean().item()


def main():
    torch.set_num_threads(int(sys.argv[1]))
    torch.manual_seed(0)
    parts = [embeddings.read(folder) for folder in sys.argv[2:5]]
    (x, y), (x_val, y_val), (x_test, y_test) = [
        (torch.from_numpy(part["features"]), torch.from_numpy(part["labels"])) for part in parts]
    classes = int(y.max()) + 1
    start = time.monotonic()
    classifier = torch.nn.Linear(x.shape[1], classes)
    with torch.no_grad():
        classifier.weight.zero_()
        classifier.bias.zero_()
    path, weights = [], []
    for w in numpy.logspace(-6, 5, 45):
        fit(classifier, x, y, w)
        path.append(accuracy(classifier, x_val, y_val))
        weights.append([p.detach().clone() for p in classifier.parameters()])
    best = int(numpy.argmax(path))
    with torch.no_grad():
        for parameter, value in zip(classifier.parameters(), weights[best]):
            parameter.copy_(value)
    fit(classifier, torch.cat([x, x_val]), torch.cat([y, y_val]), numpy.logspace(-6, 5, 45)[best])
    test = accuracy(classifier, x_test, y_test)
    print("%.3f" % (time.monotonic() - start))
    with open(sys.argv[5], "w") as out:
        out.write(" ".join("%.6f" % value for value in path + [test]) + "\n")


main()
