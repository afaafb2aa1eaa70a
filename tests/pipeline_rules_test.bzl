"""What a pipeline says before anything runs: nothing, or what is wired wrongly."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")

def _refused_test_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, ctx.attr.words)
    return analysistest.end(env)

def _command_test_impl(ctx):
    env = analysistest.begin(ctx)
    action = analysistest.target_actions(env)[0]
    asserts.true(
        env,
        any([argument.startswith("--input=") and argument.endswith(ctx.attr.input) for argument in action.argv]),
        "no --input=...%s in %s" % (ctx.attr.input, action.argv),
    )
    names = [file.basename for file in action.inputs.to_list()]
    for name in ctx.attr.reads:
        asserts.true(env, name in names, "%s is not among the inputs" % name)
    return analysistest.end(env)

def _analysed_test_impl(ctx):
    return analysistest.end(analysistest.begin(ctx))

# That target_under_test passes analysis; it is not built.
analysed_test = analysistest.make(_analysed_test_impl)

command_test = analysistest.make(
    _command_test_impl,
    attrs = {
        "input": attr.string(mandatory = True, doc = "How the stage's --input ends."),
        "reads": attr.string_list(doc = "Names of files that its action reads."),
    },
)

refused_test = analysistest.make(
    _refused_test_impl,
    attrs = {"words": attr.string(mandatory = True, doc = "What the failure of target_under_test says.")},
    expect_failure = True,
)
