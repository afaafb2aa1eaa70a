"""Plans of trainings that are measured at several lengths: what tools/length.sh computes and learning-curves shows."""

load("//tools:pipeline.bzl", "CasslePlanInfo", "CassleShardsInfo", "cassle_learning_curves", "cassle_table")
load("//tools:stages.bzl", "stage_program")

def _training_plan_impl(ctx):
    programs = {
        "pretrain": ctx.executable._pretrain,
        "embed": ctx.executable._embed,
        "linear-probe": ctx.executable._linear_probe,
        "learning-curves": ctx.executable._learning_curves,
    }
    plan = {
        "title": ctx.attr.title,
        "epochs": ctx.attr.epochs,
        "seeds": ctx.attr.seeds,
        "columns": ctx.attr.columns,
        "rows": [json.decode(row) for row in ctx.attr.rows],
        "gpu": ctx.attr.gpu,
    }
    file = ctx.actions.declare_file(ctx.label.name + ".json")
    needed = [file]
    if ctx.attr.computed:
        images = ctx.attr.images[CassleShardsInfo].folder
        folders = {label: label[CassleShardsInfo].folder for label in ctx.attr.sets}

        # For tools/length/run.py; paths are those below bazel-bin, of a policy below the repository's root.
        plan.update({
            "images": images.short_path,
            "sets": [dict(json.decode(set), images = folders[label].short_path) for label, set in ctx.attr.sets.items()],
            "embed_flags": ctx.attr.embed_flags,
            "programs": {name: program.short_path for name, program in programs.items()},
        })
        if ctx.file.policy:
            plan["policy"] = ctx.file.policy.short_path
            needed.append(ctx.file.policy)
        needed += [images] + programs.values() + folders.values()
    ctx.actions.write(file, json.encode_indent(plan) + "\n")
    return [
        # All that it names is built with it.
        DefaultInfo(files = depset(needed), runfiles = ctx.runfiles(needed)),
        CasslePlanInfo(file = file),
    ]

training_plan = rule(
    doc = "NAME.json: a TrainingPlan (cassle/eval/curves/kept_links.proto), and how to carry it out.",
    implementation = _training_plan_impl,
    attrs = {
        "title": attr.string(mandatory = True),
        "epochs": attr.int_list(mandatory = True),
        "seeds": attr.int_list(mandatory = True),
        "columns": attr.string_list(mandatory = True),
        "rows": attr.string_list(doc = "A PlannedRow each, as JSON."),
        "gpu": attr.bool(),
        "computed": attr.bool(default = True, doc = "Whether tools/length.sh computes its links; else they are those of other plans."),
        "images": attr.label(mandatory = True, providers = [CassleShardsInfo]),
        "policy": attr.label(allow_single_file = [".textproto"]),
        "sets": attr.label_keyed_string_dict(
            providers = [CassleShardsInfo],
            doc = "What is tested on -> {name, columns: target -> column}, as JSON.",
        ),
        "embed_flags": attr.string_list(),
        "_pretrain": attr.label(default = stage_program("pretrain"), executable = True, cfg = "target"),
        "_embed": attr.label(default = stage_program("embed"), executable = True, cfg = "target"),
        "_linear_probe": attr.label(default = stage_program("linear-probe"), executable = True, cfg = "target"),
        "_learning_curves": attr.label(default = stage_program("learning-curves"), executable = True, cfg = "target"),
    },
)

def treated(methods, cassle, augself = None, raw = False):
    """Rows: every method plain, and with what is named: AugSelf, CASSLE, both, CASSLE without a network.

    Args:
      methods: name -> (title, flags of pretrain).
      cassle: flags of it.
      augself: flags of it; None: rows without and with CASSLE only.
      raw: with rows whose projectors have the descriptor as it is.
    """
    treatments = {"none": ("", [])}
    if augself:
        treatments["augself"] = (" + AugSelf", augself)
    treatments["cassle"] = (" + CASSLE", cassle)
    if augself:
        treatments["both"] = (" + CASSLE + AugSelf", cassle + augself)
    if raw:
        treatments["raw"] = (" + CASSLE, raw", ["--conditioning=raw"])
    return {
        "%s_%s" % (method, treatment): struct(
            baseline = "" if treatment == "none" else method + "_none",
            flags = ["--method=" + method] + flags + more,
            title = title + suffix,
        )
        for method, (title, flags) in methods.items()
        for treatment, (suffix, more) in treatments.items()
    }

def _against(rows, pairs):
    """Of the rows those of pairs: KEY -> the row that it is compared with, which is compared with none."""
    compared = {}
    for key, other in pairs.items():
        for row, baseline in [(other, ""), (key, other)]:
            compared[row] = struct(baseline = baseline, flags = rows[row].flags, title = rows[row].title)
    return compared

def _columns(name, targets):
    return {target: name if targets == ["label"] else "%s %s" % (name, target) for target in targets}

def lengths(name, title, epochs, seeds, images, flags, rows, sets, links, policy = None, gpu = False, embed_flags = [], compared = {}):
    """NAME: the plan; NAME_curves: curves of what is kept; NAME_table: its page.

    Args:
      title: of the page.
      epochs: ascending, where the trainings are measured; the last one is their --epochs.
      seeds: of every row that has none of its own.
      images: what encoders are trained on.
      flags: of pretrain, for all rows, without --epochs, --seed and what makes links.
      rows: of treated().
      sets: name -> (shards, class targets).
      links: kept links, JSON files.
      policy: a file, instead of a preset among the flags.
      gpu: whether costs are minutes of a GPU.
      embed_flags: of embed.
      compared: NAME -> (title, pairs, links): further such targets, of rows of these that are compared with others of
        them. The links are those of both.
    """
    tables = {name: (title, rows, links)}
    for other, (other_title, pairs, of_both) in compared.items():
        tables[other] = (other_title, _against(rows, pairs), of_both)
    columns = {key: _columns(key, targets) for key, (_, targets) in sets.items()}
    for table, (table_title, table_rows, table_links) in tables.items():
        training_plan(
            name = table,
            title = table_title,
            columns = [column for of_set in columns.values() for column in of_set.values()],
            computed = table == name,
            embed_flags = embed_flags,
            epochs = epochs,
            gpu = gpu,
            images = images,
            policy = policy,
            rows = [
                json.encode({
                    "key": key,
                    "title": row.title,
                    "baseline": row.baseline,
                    "flags": " ".join(flags + ["--epochs=%d" % epochs[-1]] + row.flags),
                    "seeds": getattr(row, "seeds", []),
                })
                for key, row in table_rows.items()
            ],
            seeds = seeds,
            sets = {
                shards: json.encode({"name": key, "columns": columns[key]})
                for key, (shards, _) in sets.items()
            },
            tags = ["manual"],
        )
        cassle_learning_curves(name = table + "_curves", links = table_links, plan = ":" + table, tags = ["manual"])
        cassle_table(
            name = table + "_table",
            flags = ["--title=" + table_title],
            rows = {":%s_curves" % table: table_title},
            tags = ["manual"],
        )
