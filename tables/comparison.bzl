"""Comparisons: one row per way of training, averaged over seeds, one group of columns per data set."""

load("//tables:encoders.bzl", "embedded")
load("//tools:pipeline.bzl", "cassle_few_shot", "cassle_knn", "cassle_linear_probe", "cassle_pretrain_chain", "cassle_table")

_MANUAL = ["manual"]

def training(title, flags = [], seeds = [1], policy = None, made = None):
    """A row: what it is called, flags of pretrain beyond those of all rows, a run per seed, a policy of its own.

    made: PACKAGE:KEY of another comparison over the same sets, whose models and results are taken instead.
    """
    return struct(title = title, flags = flags, made = made, policy = policy, seeds = seeds)

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
    """PREFIX_SET_STAGE for every set."""
    for key, set in sets.items():
        name = "%s_%s" % (prefix, key)
        splits = ["test"] if set.few_shot else ["train", "test"] + (["val"] if set.val else [])
        embedded(name, set.images, model, splits, embed_flags)
        train, test = ":%s_train" % name, ":%s_test" % name
        if set.few_shot:
            cassle_few_shot(name = name + "_few_shot", embeddings = test, flags = set.flags, tags = _MANUAL)
            continue
        cassle_linear_probe(
            name = name + "_probe",
            flags = set.flags,
            tags = _MANUAL,
            test = test,
            train = train,
            val = ":%s_val" % name if set.val else None,
        )
        if set.knn:
            cassle_knn(name = name + "_knn", flags = ["--k=20"], tags = _MANUAL, test = test, train = train)

def _results(encoder, sets):
    """Label -> set of what _test_encoder made of an encoder, [PACKAGE]:PREFIX."""
    results = {}
    for key, set in sets.items():
        for stage in ["few_shot"] if set.few_shot else ["probe"] + (["knn"] if set.knn else []):
            results["%s_%s_%s" % (encoder, key, stage)] = key
    return results

def comparison(name, images, flags, trainings, sets, title, policy = None, parts = {}, prefix = "", stop_epochs = [], random = None):
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
      random: PACKAGE:random of another comparison over the same sets, whose results are taken.
      stop_epochs: where a training is cut into links (cassle_pretrain_chain).
    """
    # Key -> its models and results; "": the untrained encoder's.
    models, results = {}, {"": _results(random or ":%srandom" % prefix, sets)}
    for key, row in trainings.items():
        models[key], results[key] = [], {}
        for seed in row.seeds:
            model = "%s_%d" % (row.made or ":" + prefix + key, seed)
            models[key].append(model)
            results[key].update(_results(model, sets))
            if row.made:
                continue
            cassle_pretrain_chain(
                name = model[1:],
                flags = flags + row.flags + ["--seed=%d" % seed],
                images = images,
                policy = row.policy or policy,
                stop_epochs = stop_epochs,
                tags = _MANUAL,
            )
            _test_encoder(model[1:], model, sets, [])
    if not random:
        _test_encoder(prefix + "random", models.values()[0][0], sets, ["--reinitialize"])
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
