"""scikit-learn's 20 nearest neighbours by cosine, brute force. Prints the seconds of kneighbors alone.
  knn_sklearn.py THREADS TRAIN TEST
"""
import sys
import time

from sklearn.neighbors import NearestNeighbors

import embeddings

train, test = [embeddings.read(folder)["features"] for folder in sys.argv[2:4]]
neighbors = NearestNeighbors(n_neighbors=20, metric="cosine", algorithm="brute",
                             n_jobs=int(sys.argv[1])).fit(train)
start = time.monotonic()
neighbors.kneighbors(test)
print("%.3f" % (time.monotonic() - start))
