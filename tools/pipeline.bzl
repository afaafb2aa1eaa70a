"""The stages of cassle as rules, so that a pipeline is a BUILD file.

    load("//tools:pipeline.bzl", "cassle_embed", "cassle_linear_probe", "cassle_pretrain", "cassle_shards", "cassle_table")

    cassle_shards(name = "shapes", flags = ["--source=shapes"])
    cassle_pretrain(name = "moco", images = ":shapes", flags = ["--method=moco_v2", "--epochs=20"])
    cassle_embed(name = "moco_train", model = ":moco", images = ":shapes", split = "train")
    cassle_embed(name = "moco_test", model = ":moco", images = ":shapes", split = "test")
    cassle_linear_probe(name = "moco_probe", train = ":moco_train", test = ":moco_test")
    cassle_table(name = "table", rows = {":moco_probe": "MoCo-v2"})

Every rule runs one stage and hands its output folder on in a provider, so that a wrong wiring (views where a model is
expected) fails in analysis, before anything runs. Stages give equal bytes for equal work, hence Bazel's caches hold:
changing the flags of a probe runs that probe and the tables above it, nothing else.

Common attributes: `flags`, further flags of the stage as its --help lists them; `config`, a text proto for --config.
"""

load("//tools:kernels.bzl", "KernelsInfo")
load("//tools:stages.bzl", "stage_program")

CassleShardsInfo = provider("Image shards.", fields = {"folder": "File: data set folder of shard-encoder"})
CassleViewsInfo = provider("Recorded views.", fields = {"folder": "File: view folder of augment-and-record"})
CassleModelInfo = provider("A trained encoder.", fields = {"folder": "File: model folder of pretrain or import-weights"})
CassleEmbeddingsInfo = provider("Embeddings of one split.", fields = {"folder": "File: folder of embed"})
CassleResultInfo = provider("A result that a table can show.", fields = {"folder": "File: folder of an evaluation stage"})
CasslePlanInfo = provider("Trainings to be measured at several lengths.", fields = {"file": "File: the plan as JSON"})
CassleTableInfo = provider("A rendered table.", fields = {"folder": "File: folder of report"})

_POLICY = attr.label(
    allow_single_file = [".textproto"],
    doc = "An augmentation policy of your own; presets go into flags: --policy=cifar.",
)

_COMMON = {
    "flags": attr.string_list(doc = "Further flags of the stage."),
    "config": attr.label(allow_single_file = [".textproto"], doc = "Options of the stage in text format."),
    "_kernels": attr.label(default = "//tools:kernels"),
}

def _stage(name):
    # In the target configuration: in the exec configuration every library would be built a second time.
    return attr.label(default = stage_program(name), executable = True, cfg = "target")

def _policy(ctx):
    """Arguments and inputs of a policy file, if there is one."""
    policy = ctx.file.policy
    return (["--policy_file=" + policy.path], [policy]) if policy else ([], [])

def _run(ctx, arguments, inputs):
    """Runs ctx's stage; returns its output folder and the default provider."""
    folder = ctx.actions.declare_directory(ctx.label.name)
    result = ctx.actions.declare_file(ctx.label.name + ".json")
    stage = ctx.executable._stage
    inputs = list(inputs)
    all_arguments = ["--output=" + folder.path, "--omit_costs"]
    if ctx.file.config:
        inputs.append(ctx.file.config)
        all_arguments.append("--config=" + ctx.file.config.path)
    all_arguments += arguments + ctx.attr.flags
    ctx.actions.run_shell(
        outputs = [folder, result],
        inputs = inputs,
        tools = [stage],
        # The stage's one line of JSON is kept; what it says to people stays visible when it fails.
        command = "out=$1; shift; exec env \"$@\" > \"$out\"",
        arguments = [result.path] + ctx.attr._kernels[KernelsInfo].environment + [stage.path] + all_arguments,
        mnemonic = "Cassle" + "".join([part.capitalize() for part in stage.basename.split("-")]),
        progress_message = "Stage %s: %s" % (stage.basename, ctx.label),
        use_default_shell_env = True,
    )

    # As runfiles it can be `data` of a test.
    return folder, DefaultInfo(files = depset([folder]), runfiles = ctx.runfiles([folder]))

def _shards_impl(ctx):
    arguments = []
    inputs = []
    if ctx.attr.folders:
        inputs = ctx.files.srcs
        if not inputs:
            fail("folders: name their files as srcs")

        # Of generated files, of another repository, of both or of neither.
        roots = [inputs[0].root.path, ctx.attr.srcs[0].label.workspace_root]
        for option, folder in ctx.attr.folders.items():
            arguments.append("--%s=%s" % (option, "/".join([part for part in roots + [folder] if part])))
    elif ctx.files.srcs:
        inputs = ctx.files.srcs
        for file in inputs:
            if len(inputs) > 1 and file.dirname != inputs[0].dirname:
                fail("srcs: %s is in another folder than %s, which alone would be read: name by `folders` what to read" %
                     (file.short_path, inputs[0].short_path))
        arguments = ["--input=" + (inputs[0].path if len(inputs) == 1 else inputs[0].dirname)]
    if ctx.file.coarse:
        inputs = inputs + [ctx.file.coarse]
        arguments.append("--coarse=" + ctx.file.coarse.path)
    folder, default = _run(ctx, arguments, inputs)
    return [default, CassleShardsInfo(folder = folder)]

cassle_shards = rule(
    doc = "Image shards (//cassle/data:shard-encoder): from `srcs`, or from the built-in generator.",
    implementation = _shards_impl,
    attrs = dict(
        _COMMON,
        srcs = attr.label_list(allow_files = True, doc = "One file, or the files of one folder; none for generated data."),
        folders = attr.string_dict(
            doc = "Option of shard-encoder that names a folder (input, train, test) -> folder of srcs, below their repository's root. " +
                  "Default: input is the folder of the first file.",
        ),
        coarse = attr.label(allow_single_file = [".txt"], doc = "Coarser classes, one line per class: a further target."),
        _stage = _stage("shard-encoder"),
    ),
)

def _views_impl(ctx):
    images = ctx.attr.images[CassleShardsInfo].folder
    arguments, inputs = _policy(ctx)
    folder, default = _run(ctx, ["--input=" + images.path] + arguments, [images] + inputs)
    return [default, CassleViewsInfo(folder = folder)]

cassle_views = rule(
    doc = "Recorded views (//cassle/augment:augment-and-record).",
    implementation = _views_impl,
    attrs = dict(
        _COMMON,
        images = attr.label(mandatory = True, providers = [CassleShardsInfo]),
        policy = _POLICY,
        _stage = _stage("augment-and-record"),
    ),
)

def _pretrain_impl(ctx):
    images = ctx.attr.images[CassleShardsInfo].folder
    arguments, inputs = _policy(ctx)
    arguments.append("--input=" + images.path)
    inputs.append(images)
    if ctx.attr.views:
        views = ctx.attr.views[CassleViewsInfo].folder
        inputs.append(views)
        arguments.append("--views=" + views.path)
    if ctx.attr.begin:
        begin = ctx.attr.begin[CassleModelInfo].folder
        inputs.append(begin)
        arguments.append("--begin=" + begin.path)
    if ctx.attr.initial_model:
        initial = ctx.attr.initial_model[CassleModelInfo].folder
        inputs.append(initial)
        arguments.append("--initial_model=" + initial.path)
    folder, default = _run(ctx, arguments, inputs)
    return [default, CassleModelInfo(folder = folder)]

cassle_pretrain = rule(
    doc = "A trained encoder (//cassle/ssl:pretrain).",
    implementation = _pretrain_impl,
    attrs = dict(
        _COMMON,
        begin = attr.label(providers = [CassleModelInfo], doc = "The link before (cassle_pretrain_chain)."),
        images = attr.label(mandatory = True, providers = [CassleShardsInfo]),
        initial_model = attr.label(
            providers = [CassleModelInfo],
            doc = "What it starts from, a model of cassle_import or cassle_pretrain; without it starts at random.",
        ),
        policy = _POLICY,
        views = attr.label(providers = [CassleViewsInfo], doc = "Recorded views; without them views are drawn on the fly."),
        _stage = _stage("pretrain"),
    ),
)

def cassle_pretrain_chain(name, stop_epochs, flags, **kwargs):
    """A long training in links, each cached by itself: NAME_100, NAME_200, ..., and NAME, which ends it.

    An interrupted build loses the link under way only; NAME has the bytes of one unbroken run.

    Args:
      stop_epochs: ascending, each less than --epochs, which stands in `flags`.
      flags: of pretrain, the same for all links.
      **kwargs: further attributes of cassle_pretrain.
    """
    begin = None
    for epoch in stop_epochs:
        link = "%s_%d" % (name, epoch)
        cassle_pretrain(name = link, begin = begin, flags = flags + ["--stop_epoch=%d" % epoch], **kwargs)
        begin = ":" + link
    cassle_pretrain(name = name, begin = begin, flags = flags, **kwargs)

def _import_impl(ctx):
    weights = ctx.file.weights
    folder, default = _run(ctx, ["--input=" + weights.path], [weights] + ctx.files.beside)
    return [default, CassleModelInfo(folder = folder)]

cassle_import = rule(
    doc = "An encoder made of weights from elsewhere (//cassle/models:import-weights).",
    implementation = _import_impl,
    attrs = dict(
        _COMMON,
        weights = attr.label(
            mandatory = True,
            allow_single_file = True,
            doc = "What torch.save wrote, safetensors, or the index of safetensors in parts.",
        ),
        beside = attr.label_list(
            allow_files = True,
            doc = "Files of the same folder that import-weights reads with it: config.json, preprocessor_config.json, parts.",
        ),
        _stage = _stage("import-weights"),
    ),
)

def _embed_impl(ctx):
    model = ctx.attr.model[CassleModelInfo].folder
    images = ctx.attr.images[CassleShardsInfo].folder
    arguments = ["--model=" + model.path, "--input=" + images.path, "--split=" + ctx.attr.split]
    folder, default = _run(ctx, arguments, [model, images])
    return [default, CassleEmbeddingsInfo(folder = folder)]

cassle_embed = rule(
    doc = "Embeddings of one split (//cassle/eval:embed).",
    implementation = _embed_impl,
    attrs = dict(
        _COMMON,
        model = attr.label(mandatory = True, providers = [CassleModelInfo]),
        images = attr.label(mandatory = True, providers = [CassleShardsInfo]),
        split = attr.string(mandatory = True),
        _stage = _stage("embed"),
    ),
)

def _embeddings_impl(ctx):
    arguments = []
    inputs = []
    for role in ["embeddings", "train", "test", "val"]:
        embeddings = getattr(ctx.attr, role, None)
        if embeddings:
            folder = embeddings[CassleEmbeddingsInfo].folder
            inputs.append(folder)
            arguments.append("--%s=%s" % (role, folder.path))
    folder, default = _run(ctx, arguments, inputs)
    return [default, CassleResultInfo(folder = folder)]

def _embeddings_rule(stage, doc, required, optional = {}):
    """A stage that reads embeddings. required: their roles, which are options of the stage; optional: role -> what holds without."""
    attrs = dict(_COMMON, _stage = _stage(stage))
    for role in required:
        attrs[role] = attr.label(mandatory = True, providers = [CassleEmbeddingsInfo])
    for role, without in optional.items():
        attrs[role] = attr.label(providers = [CassleEmbeddingsInfo], doc = without)
    return rule(doc = "%s (//cassle/eval:%s)." % (doc, stage), implementation = _embeddings_impl, attrs = attrs)

_VAL = {"val": "Without it a part of train is held out."}

cassle_linear_probe = _embeddings_rule("linear-probe", "A linear probe", ["train", "test"], _VAL)

cassle_sgd_probe = _embeddings_rule("sgd-probe", "A linear layer trained by SGD", ["train", "test"])

cassle_regression = _embeddings_rule("regression", "Linear maps to vector targets", ["train", "test"], _VAL)

cassle_knn = _embeddings_rule(
    "knn",
    "Accuracy of nearest neighbours",
    ["train"],
    {"test": "Without it each image of train is tested on the others."},
)

cassle_few_shot = _embeddings_rule("few-shot", "N-way K-shot episodes", ["embeddings"])

cassle_spectrum = _embeddings_rule("spectrum", "Spectrum of the features", ["embeddings"])

cassle_project = _embeddings_rule("project", "Scatter plots of the features", ["embeddings"])

def _changed_views_impl(ctx):
    model = ctx.attr.model[CassleModelInfo].folder
    images = ctx.attr.images[CassleShardsInfo].folder
    arguments, inputs = _policy(ctx)
    arguments += ["--model=" + model.path, "--input=" + images.path, "--split=" + ctx.attr.split]
    folder, default = _run(ctx, arguments, [model, images] + inputs)
    return [default, CassleResultInfo(folder = folder)]

def _changed_views_rule(stage, doc):
    return rule(
        doc = doc,
        implementation = _changed_views_impl,
        attrs = dict(
            _COMMON,
            model = attr.label(mandatory = True, providers = [CassleModelInfo]),
            images = attr.label(mandatory = True, providers = [CassleShardsInfo]),
            split = attr.string(mandatory = True),
            policy = _POLICY,
            _stage = _stage(stage),
        ),
    )

cassle_invariance = _changed_views_rule(
    "invariance",
    "What each augmentation does to features, block by block (//cassle/eval:invariance).",
)

cassle_interpolation = _changed_views_rule(
    "interpolation",
    "Similarity of features over the strength of one change (//cassle/eval:interpolation).",
)

cassle_predict_augmentation = _changed_views_rule(
    "predict-augmentation",
    "How well augmentation parameters are linearly readable (//cassle/eval:predict-augmentation).",
)

cassle_equivariance = _changed_views_rule(
    "equivariance",
    "How well one view can be predicted from another (//cassle/eval:equivariance).",
)

def _fine_tune_impl(ctx):
    model = ctx.attr.model[CassleModelInfo].folder
    images = ctx.attr.images[CassleShardsInfo].folder
    arguments = ["--model=" + model.path, "--input=" + images.path]
    for option, value in [("split", ctx.attr.split), ("test_split", ctx.attr.test_split)]:
        if value:
            arguments.append("--%s=%s" % (option, value))
    folder, default = _run(ctx, arguments, [model, images])
    return [default, CassleResultInfo(folder = folder), CassleModelInfo(folder = folder)]

cassle_fine_tune = rule(
    doc = "A model trained on end to end to classify, and its accuracy (//cassle/ssl:fine-tune).",
    implementation = _fine_tune_impl,
    attrs = dict(
        _COMMON,
        model = attr.label(mandatory = True, providers = [CassleModelInfo]),
        images = attr.label(mandatory = True, providers = [CassleShardsInfo]),
        split = attr.string(doc = "To learn from; the first split without."),
        test_split = attr.string(doc = "To test on; \"test\" without."),
        _stage = _stage("fine-tune"),
    ),
)

def _retrieval_impl(ctx):
    train = ctx.attr.train[CassleEmbeddingsInfo].folder
    images = ctx.attr.images[CassleShardsInfo].folder
    inputs = [train, images]
    arguments = ["--train=" + train.path, "--images=" + images.path]
    if ctx.attr.test:
        test = ctx.attr.test[CassleEmbeddingsInfo].folder
        inputs.append(test)
        arguments.append("--test=" + test.path)
    if ctx.attr.test_images:
        test_images = ctx.attr.test_images[CassleShardsInfo].folder
        inputs.append(test_images)
        arguments.append("--test_images=" + test_images.path)
    folder, default = _run(ctx, arguments, inputs)
    return [default, CassleResultInfo(folder = folder)]

cassle_retrieval = rule(
    doc = "Pictures of nearest neighbours (//cassle/eval:retrieval).",
    implementation = _retrieval_impl,
    attrs = dict(
        _COMMON,
        train = attr.label(mandatory = True, providers = [CassleEmbeddingsInfo]),
        test = attr.label(providers = [CassleEmbeddingsInfo], doc = "Where queries come from. Without it: train."),
        images = attr.label(mandatory = True, providers = [CassleShardsInfo], doc = "What train was made of."),
        test_images = attr.label(providers = [CassleShardsInfo], doc = "What test was made of. Without it: images."),
        _stage = _stage("retrieval"),
    ),
)

def _learning_curves_impl(ctx):
    plan = ctx.attr.plan[CasslePlanInfo].file
    arguments = ["--plan=" + plan.path] + ["--results=" + link.path for link in ctx.files.links]
    folder, default = _run(ctx, arguments, [plan] + ctx.files.links)
    return [default, CassleResultInfo(folder = folder)]

cassle_learning_curves = rule(
    doc = "Curves over the length of trainings (//cassle/eval:learning-curves), of what is kept: it trains nothing.",
    implementation = _learning_curves_impl,
    attrs = dict(
        _COMMON,
        plan = attr.label(mandatory = True, providers = [CasslePlanInfo], doc = "Of //tables/length:length.bzl."),
        # A list that is empty has no files of any ending.
        links = attr.label_list(allow_files = True, doc = "Kept links, JSON files as tools/length.sh writes them."),
        _stage = _stage("learning-curves"),
    ),
)

def _table_impl(ctx):
    inputs = []
    arguments = []
    rows = [(row, row[CassleResultInfo].folder, name) for row, name in ctx.attr.rows.items()]
    rows += [(model, model[CassleModelInfo].folder, name) for model, name in ctx.attr.models.items()]
    if not rows:
        fail("rows and models are both empty: there is nothing to show")
    shown = [row.label for row, _, _ in rows]
    for result in ctx.attr.groups:
        if result.label not in shown:
            fail("groups: %s is none of rows and models" % result.label)
    for what, names in [("row", [name for _, _, name in rows]), ("group", ctx.attr.groups.values())]:
        for name in names:
            if "," in name:
                fail("the %s '%s' has a comma in its name, which separates names in a flag" % (what, name))
    for row, folder, name in rows:
        inputs.append(folder)
        arguments += ["--results=" + folder.path, "--names=" + name]
        if ctx.attr.groups:
            arguments.append("--groups=" + (ctx.attr.groups.get(row) or "-"))
    folder, default = _run(ctx, arguments, inputs)
    return [default, CassleTableInfo(folder = folder)]

cassle_table = rule(
    doc = "Tables and one page with charts (//cassle/eval:report): a table per stage, its rows in the order given.",
    implementation = _table_impl,
    attrs = dict(
        _COMMON,
        rows = attr.label_keyed_string_dict(
            providers = [CassleResultInfo],
            doc = "Result of any evaluation stage -> name of its row.",
        ),
        models = attr.label_keyed_string_dict(
            providers = [CassleModelInfo],
            doc = "Model whose training is shown -> name of its row.",
        ),
        groups = attr.label_keyed_string_dict(
            doc = "Result -> what it was tested on, before the names of its columns. Default: nothing.",
        ),
        _stage = _stage("report"),
    ),
)
