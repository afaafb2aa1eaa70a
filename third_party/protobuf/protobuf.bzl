"""@com_google_protobuf from the system: protoc, libprotobuf and the well-known .proto files."""

_BUILD = """
package(default_visibility = ["//visibility:public"])

exports_files(["protoc"])

cc_library(
    name = "protobuf",
    linkopts = ["-lprotobuf"],
)

proto_lang_toolchain(
    name = "cc_toolchain",
    command_line = "--cpp_out=$(OUT)",
    runtime = ":protobuf",
    # Its generated code is inside libprotobuf already.
    blacklisted_protos = [":descriptor_proto"],
)

# Imported as "google/protobuf/descriptor.proto", for custom field options.
proto_library(
    name = "descriptor_proto",
    srcs = ["include/google/protobuf/descriptor.proto"],
    strip_import_prefix = "include",
)
"""

def _protobuf_repository_impl(ctx):
    protoc = ctx.which("protoc")
    header = ctx.path("/usr/include/google/protobuf/descriptor.proto")
    if protoc == None or not header.exists:
        fail("protobuf is not installed: run tools/install_deps.sh (Debian: protobuf-compiler libprotobuf-dev)")
    ctx.symlink(protoc, "protoc")
    ctx.symlink("/usr/include/google", "include/google")
    ctx.file("BUILD", _BUILD)

protobuf_repository = repository_rule(implementation = _protobuf_repository_impl, local = True)
