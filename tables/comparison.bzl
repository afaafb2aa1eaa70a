"""Comparisons: one row per way of training, averaged over seeds, one group of columns per data set."""

load("//tables:encoders.bzl", "embedded")
load("//tools:pipeline.bzl", "cassle_few_shot", "cassle_knn", "cassle_linear_probe", "cassle_pretrain_chain", "cassle_table")

_MANUAL = ["manual"]

def training(title, flags = [], seeds = [1], policy = None):
    """A row: what it is called, flags of pretrain beyond those of all rows, a run per seed, a policy of its own."""
    return struct(title = title, flags = flags, policy = policy, seeds = seeds)

def test_set(images, flags = [], knn = False, val = False):
    """A data set that encoders are tested on: flags of linear-probe, nearest neighbours too?, a val split of its own?"""
    return struct(few_shot = False, flags = flags, images = images, knn = knn, val = val)

def few_shot_set(images, flags = []):
    """A data set whose test split serves few-shot episodes only: flags of few-shot."""
    return struct(few_shot = True, flags = flags, images = images, knn = False, val = False)

def merged(*dicts):
    """One dict with the entries of all, in their order."""
    result = {}
    for entries in dicts:
        result.update(entries)
    return result

def _test_encoder(prefix, model, sets, embed_flags):
    """PREFIX_SET_STAGE for every set; returns label -> set."""
    results = {}
    for key, set in sets.items():
        name = "%s_%s" % (prefix, key)
        splits = ["test"] if set.few_shot else ["train", "test"] + (["val"] if set.val else [])
        embedded(name, set.images, model, splits, embed_flags)
        train, test = ":%s_train" % name, ":%s_test" % name
        if set.few_shot:
            cassle_few_shot(name = name + "_few_shot", embeddings = test, flags = set.flags, tags = _MANUAL)
            results[":%s_few_shot" % name] = key
            continue
        cassle_linear_probe(
            name = name + "_probe",
            flags = set.flags,
            tags = _MANUAL,
            test = test,
            train = train,
            val = ":%s_val" % name if set.val else None,
        )
        results[":%s_probe" % name] = key
        if set.knn:
            cassle_knn(name = name + "_knn", flags = ["--k=20"], tags = _MANUAL, test = test, train = train)
            results[":%s_knn" % name] = key
    return results

def comparison(name, images, flags, trainings, sets, title, policy = None, parts = {}, prefix = "", stop_epochs = []):
    """NAME: a report of all rows. PREFIXKEY_SEED is the model of one run; the first row is an untrained encoder.

    Args:
      images: what encoders are trained on.
      flags: of pretrain, for all rows.
      trainings: key -> training().
      sets: key -> test_set().
      title: of the page.
      policy: for rows without one of their own.
      parts: name -> keys of trainings: further reports NAME of some rows, which need their runs only.
      prefix: of the names of models and results, where one package has several comparisons.
      stop_epochs: where a training is cut into links (cassle_pretrain_chain).
    """
    # Key -> its models and results; "": the untrained encoder's.
    models, results = {}, {}
    for key, row in trainings.items():
        models[key], results[key] = [], {}
        for seed in row.seeds:
            model = "%s%s_%d" % (prefix, key, seed)
            cassle_pretrain_chain(
                name = model,
                flags = flags + row.flags + ["--seed=%d" % seed],
                images = images,
                policy = row.policy or policy,
                stop_epochs = stop_epochs,
                tags = _MANUAL,
            )
            if "" not in results:
                results[""] = _test_encoder(prefix + "random", ":" + model, sets, ["--reinitialize"])
            models[key].append(":" + model)
            results[key].update(_test_encoder(model, ":" + model, sets, []))
    for table, keys in dict(parts, **{name: trainings.keys()}).items():
        rows = {result: "random encoder" for result in results[""]}
        for key in keys:
            rows.update({result: trainings[key].title for result in results[key]})
        groups = {}
        for key in [""] + list(keys):
            groups.update(results[key])
        cassle_table(
            name = table,
            flags = ["--title=" + title],
            # With one set its name says nothing.
            groups = groups if len(sets) > 1 else {},
            models = {model: trainings[key].title for key in keys for model in models[key]},
            rows = rows,
            tags = _MANUAL,
        )
