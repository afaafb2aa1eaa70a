"""probe_torch.py's problem by scikit-learn's LogisticRegression (L-BFGS, warm start). The authors
penalise the bias too, so it is the weight of a feature that is always 1; C is 1 / (2 w). With its
default tolerance, which stops early at small w; tighter ones take minutes.
  probe_sklearn.py THREADS TRAIN VAL TEST ACCURACIES_OUT
"""
import sys
import time

import numpy
import threadpoolctl
from sklearn.linear_model import LogisticRegression

import embeddings


def with_ones(features):
    return numpy.hstack([features, numpy.ones((len(features), 1), numpy.float32)])


def main():
    parts = [embeddings.read(folder) for folder in sys.argv[2:5]]
    (x, y), (x_val, y_val), (x_test, y_test) = [
        (with_ones(part["features"]), part["labels"]) for part in parts]
    strengths = numpy.logspace(-6, 5, 45)
    start = time.monotonic()
    classifier = LogisticRegression(fit_intercept=False, warm_start=True, max_iter=5000)
    path, weights = [], []
    for w in strengths:
        classifier.set_params(C=1 / (2 * w)).fit(x, y)
        path.append(classifier.score(x_val, y_val))
        weights.append(classifier.coef_.copy())
    best = int(numpy.argmax(path))
    classifier.coef_ = weights[best]
    classifier.set_params(C=1 / (2 * strengths[best]))
    classifier.fit(numpy.vstack([x, x_val]), numpy.concatenate([y, y_val]))
    test = classifier.score(x_test, y_test)
    print("%.3f" % (time.monotonic() - start))
    with open(sys.argv[5], "w") as out:
        out.write(" ".join("%.6f" % value for value in path + [test]) + "\n")


with threadpoolctl.threadpool_limits(int(sys.argv[1])):
    main()
