"""faiss's 20 nearest neighbours by cosine: an exact index of inner products of normalised rows. Prints
the seconds of the search alone.
  knn_faiss.py THREADS TRAIN TEST
"""
import sys
import time

import faiss

import embeddings

train, test = [embeddings.read(folder)["features"] for folder in sys.argv[2:4]]
faiss.omp_set_num_threads(int(sys.argv[1]))
faiss.normalize_L2(train)
faiss.normalize_L2(test)
index = faiss.IndexFlatIP(train.shape[1])
index.add(train)
start = time.monotonic()
index.search(test, 20)
print("%.3f" % (time.monotonic() - start))
