"""Every evaluation stage on several encoders and data sets, and one report of it all."""

load("//tables:encoders.bzl", "embedded")
load("//tables:recipes.bzl", "PRECISION")
load(
    "//tools:pipeline.bzl",
    "cassle_equivariance",
    "cassle_few_shot",
    "cassle_fine_tune",
    "cassle_interpolation",
    "cassle_invariance",
    "cassle_knn",
    "cassle_linear_probe",
    "cassle_predict_augmentation",
    "cassle_project",
    "cassle_regression",
    "cassle_retrieval",
    "cassle_sgd_probe",
    "cassle_spectrum",
    "cassle_table",
)

_MANUAL = ["manual"]

def evaluated_set(images, val = False, few_shot = [], fine_tune = [], linear_probe = []):
    """A data set: a val split of its own?, flags of stages."""
    return struct(few_shot = few_shot, fine_tune = fine_tune, images = images, linear_probe = linear_probe, val = val)

def _of_embeddings(prefix, set, model, embed_flags):
    """Stages that read embeddings; returns their labels."""
    embedded(prefix, set.images, model, ["train", "test"] + (["val"] if set.val else []), embed_flags)
    train, test = ":%s_train" % prefix, ":%s_test" % prefix
    cassle_linear_probe(
        name = prefix + "_linear_probe",
        flags = set.linear_probe,
        tags = _MANUAL,
        test = test,
        train = train,
        val = ":%s_val" % prefix if set.val else None,
    )
    cassle_sgd_probe(name = prefix + "_sgd_probe", tags = _MANUAL, test = test, train = train)
    cassle_knn(name = prefix + "_knn", flags = ["--k=1,5,20"], tags = _MANUAL, test = test, train = train)
    cassle_few_shot(name = prefix + "_few_shot", embeddings = test, flags = set.few_shot, tags = _MANUAL)
    cassle_spectrum(name = prefix + "_spectrum", embeddings = test, tags = _MANUAL)
    cassle_project(name = prefix + "_project", embeddings = test, tags = _MANUAL)
    cassle_retrieval(name = prefix + "_retrieval", images = set.images, tags = _MANUAL, test = test, train = train)
    stages = ["linear_probe", "sgd_probe", "knn", "few_shot", "spectrum", "project", "retrieval"]
    return [":%s_%s" % (prefix, stage) for stage in stages]

def _of_vectors(prefix, images, model, embed_flags):
    """Regression on images with vector targets; returns its label."""
    embedded(prefix, images, model, ["train", "test"], embed_flags)
    cassle_regression(
        name = prefix + "_regression",
        flags = ["--loss=l2"],
        tags = _MANUAL,
        test = ":%s_test" % prefix,
        train = ":%s_train" % prefix,
    )
    return ":%s_regression" % prefix

def _of_model(prefix, set, model):
    """Stages that run a trained model on changed images, or train it on; returns their labels."""
    views = {"images": set.images, "model": model, "split": "test", "tags": _MANUAL}
    cassle_invariance(name = prefix + "_invariance", **views)
    cassle_interpolation(name = prefix + "_interpolation", **views)
    cassle_predict_augmentation(name = prefix + "_predict_augmentation", **views)
    cassle_equivariance(name = prefix + "_equivariance", **views)
    cassle_fine_tune(
        name = prefix + "_fine_tune",
        flags = [PRECISION, "--epochs=20", "--batch_size=64"] + set.fine_tune,
        images = set.images,
        model = model,
        tags = _MANUAL,
    )
    stages = ["invariance", "interpolation", "predict_augmentation", "equivariance", "fine_tune"]
    return [":%s_%s" % (prefix, stage) for stage in stages]

def evaluation(name, encoders, random, sets, vectors):
    """NAME: report of all stages.

    Args:
      encoders: key -> (model, title).
      random: title of the untrained encoder, made of the first model; None for none.
      sets: key -> evaluated_set().
      vectors: (name, images) of a set with vector targets.
    """
    rows, groups = {}, {}
    subjects = {key: (model, title, []) for key, (model, title) in encoders.items()}
    if random:
        subjects["random"] = (encoders.values()[0][0], random, ["--reinitialize"])
    for key, (model, title, embed_flags) in subjects.items():
        for set_key, set in sets.items():
            prefix = "%s_%s" % (key, set_key)
            results = _of_embeddings(prefix, set, model, embed_flags)
            if not embed_flags:
                results += _of_model(prefix, set, model)
            for result in results:
                rows[result] = title
                groups[result] = set_key
        result = _of_vectors("%s_%s" % (key, vectors[0]), vectors[1], model, embed_flags)
        rows[result] = title
        groups[result] = vectors[0]
    cassle_table(
        name = name,
        flags = ["--title=Evaluation"],
        groups = groups,
        models = {model: title for model, title in encoders.values()},
        rows = rows,
        tags = _MANUAL,
    )
