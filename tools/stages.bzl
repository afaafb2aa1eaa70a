"""The stages: the one list, and what each consists of.

A stage NAME (a-name) is declared where its files lie,

    cassle_stage(name = "a-name", deps = [...])          # in cassle/eval/on_embeddings/BUILD

which stands for

    a_name_options.proto   its options                   //cassle/eval/on_embeddings:a_name_options_cc_proto
    a_name_stage.{h,cc}    ANameInfo() and RunAName()     //cassle/eval/on_embeddings:a_name_stage
    a_name_stage_test.cc   its test                      //cassle/eval/on_embeddings:a_name_stage_test

and has one line in STAGES, which gives the program //cassle/eval:a-name, its place in the end-to-end tests (tests/), in the
rules of pipelines (pipeline.bzl) and in the checks of dependencies and of README's table.
"""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_library", "cc_proto_library", "cc_test")
load("@rules_proto//proto:defs.bzl", "proto_library")

# Program -> package of its library.
STAGES = {
    "//cassle/augment:augment-and-record": "//cassle/augment",
    "//cassle/augment:replay": "//cassle/augment",
    "//cassle/data:shard-cat": "//cassle/data",
    "//cassle/data:shard-encoder": "//cassle/data",
    "//cassle/eval:embed": "//cassle/eval/on_images",
    "//cassle/eval:equivariance": "//cassle/eval/on_images",
    "//cassle/eval:few-shot": "//cassle/eval/on_embeddings",
    "//cassle/eval:interpolation": "//cassle/eval/on_images",
    "//cassle/eval:invariance": "//cassle/eval/on_images",
    "//cassle/eval:knn": "//cassle/eval/on_embeddings",
    "//cassle/eval:learning-curves": "//cassle/eval/curves",
    "//cassle/eval:linear-probe": "//cassle/eval/on_embeddings",
    "//cassle/eval:predict": "//cassle/eval/on_images",
    "//cassle/eval:predict-augmentation": "//cassle/eval/on_images",
    "//cassle/eval:project": "//cassle/eval/on_embeddings",
    "//cassle/eval:regression": "//cassle/eval/on_embeddings",
    "//cassle/eval:report": "//cassle/eval/reporting",
    "//cassle/eval:retrieval": "//cassle/eval/on_embeddings",
    "//cassle/eval:sgd-probe": "//cassle/eval/on_embeddings",
    "//cassle/eval:similar": "//cassle/eval/on_images",
    "//cassle/eval:spectrum": "//cassle/eval/on_embeddings",
    "//cassle/models:export-weights": "//cassle/models",
    "//cassle/models:import-weights": "//cassle/models",
    "//cassle/ssl:fine-tune": "//cassle/ssl",
    "//cassle/ssl:pretrain": "//cassle/ssl",
}

def stage_program(name):
    """The label of the program of stage `name`; fails if STAGES has none."""
    for program in STAGES:
        if program.endswith(":" + name):
            return program
    fail("%s is not in STAGES (tools/stages.bzl)" % name)

def cassle_stage(
        name,
        deps,
        options_deps = [],
        has_options = True,
        srcs = [],
        test_deps = None,
        test_srcs = [],
        test_data = [],
        test_size = "small",
        visibility = None,
        **kwargs):
    """The options, library and test of a stage.

    Args:
      name: of the program.
      deps: of the stage's .cc and .h, besides its options and the harness.
      options_deps: proto libraries that its options import.
      has_options: whether it has a proto of its own.
      srcs: further files of the library.
      test_deps: of its test, besides the stage itself and GoogleTest; None: it has no test of its own.
      test_srcs: further files of the test.
      test_data: data of the test.
      test_size: size of the test.
      visibility: of the library and the options.
      **kwargs: for the library.
    """
    stem = name.replace("-", "_")
    options = []
    if has_options:
        options = [":" + stem + "_options_cc_proto"]
        proto_library(
            name = stem + "_options_proto",
            srcs = [stem + "_options.proto"],
            visibility = visibility,
            deps = options_deps + ["//cassle/stage:options_proto"],
        )
        cc_proto_library(
            name = stem + "_options_cc_proto",
            visibility = visibility,
            deps = [":" + stem + "_options_proto"],
        )
    cc_library(
        name = stem + "_stage",
        srcs = [stem + "_stage.cc"] + srcs,
        hdrs = [stem + "_stage.h"],
        visibility = visibility,
        deps = deps + options + ["//cassle/stage"],
        **kwargs
    )
    if test_deps != None:
        cc_test(
            name = stem + "_stage_test",
            size = test_size,
            srcs = [stem + "_stage_test.cc"] + test_srcs,
            data = test_data,
            deps = test_deps + options + [":" + stem + "_stage", "//third_party/googletest:gtest_main"],
        )

def _stage_main_impl(ctx):
    source = ctx.actions.declare_file(ctx.label.name + ".cc")
    ctx.actions.write(source, """#include "cassle/stage/stage_main.h"
#include "{header}"

int main(int argc, char** argv) {{
  return cassle::StageMain(argc, argv, cassle::{camel}Info(), cassle::Run{camel});
}}
""".format(header = ctx.attr.header, camel = ctx.attr.camel))
    return DefaultInfo(files = depset([source]))

_stage_main = rule(
    doc = "main() of a stage.",
    implementation = _stage_main_impl,
    attrs = {"header": attr.string(mandatory = True), "camel": attr.string(mandatory = True)},
)

def cassle_programs(deps = []):
    """The programs of this package, as STAGES lists them.

    Args:
      deps: what all of them link besides their stage.
    """
    for program, library in STAGES.items():
        package, name = program[2:].split(":")
        if package != native.package_name():
            continue
        stem = name.replace("-", "_")
        _stage_main(
            name = stem + "_main",
            camel = "".join([word.capitalize() for word in name.split("-")]),
            header = "%s/%s_stage.h" % (library[2:], stem),
        )
        cc_binary(
            name = name,
            srcs = [":" + stem + "_main"],
            visibility = ["//visibility:public"],
            deps = deps + [
                "%s:%s_stage" % (library, stem),
                "//cassle/stage:stage_main",
            ],
        )

def cassle_stage_tables(name):
    """NAME.inc: of every stage {"ssl/pretrain", what it prints by --help=completion}, for C++ to include.

    Args:
      name: of the file, without its ending.
    """
    rows = []
    for program in STAGES:
        row = name + "_" + program.split(":")[1]
        native.genrule(
            name = row,
            srcs = [program],
            outs = [row + ".tsv"],
            cmd = "$(location %s) --help=completion > $@" % program,
        )
        rows.append((program[len("//cassle/"):].replace(":", "/"), ":" + row))
    native.genrule(
        name = name,
        srcs = [row for _, row in rows],
        outs = [name + ".inc"],
        cmd = "{ %s } > $@" % " ".join([
            "echo '{\"%s\", R\"TABLE('; cat $(location %s); echo ')TABLE\"},';" % (program, row)
            for program, row in rows
        ]),
    )
