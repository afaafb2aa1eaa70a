"""Everything outside the repository, found on this machine: nothing is downloaded.

Debian's Bazel 4.2.3 would fetch a few repositories of its own; each is replaced by a local one. Libraries in the
compiler's default search path need no repository, only a cc_library with their link options: see third_party/NAME/BUILD.
"""

load("//third_party:paper_data.bzl", "paper_data_repository")
load("//third_party:real_data.bzl", "real_data_repository")
load("//third_party/libtorch:libtorch.bzl", "libtorch_repository")
load("//third_party/protobuf:protobuf.bzl", "protobuf_repository")

def cassle_repositories():
    # Debian's rules_cc needs a newer Bazel; the rules are native here anyway.
    native.local_repository(name = "rules_cc", path = "third_party/rules_cc")

    # `bazel test` asks for it although coverage is not used.
    native.local_repository(name = "remote_coverage_tools", path = "third_party/remote_coverage_tools")
    native.local_repository(name = "rules_java", path = "/usr/share/bazel/rules/java")
    native.local_repository(name = "rules_proto", path = "/usr/share/bazel/rules/proto")
    native.local_repository(name = "bazel_skylib", path = "/usr/share/bazel/tools/skylib")
    native.local_repository(name = "platforms", path = "/usr/share/bazel/tools/platforms")

    protobuf_repository(name = "com_google_protobuf")
    libtorch_repository(name = "libtorch")
    paper_data_repository(name = "paper_data")
    real_data_repository(name = "real_data")
