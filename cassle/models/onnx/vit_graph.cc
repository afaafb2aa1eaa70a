#include "cassle/models/onnx/vit_graph.h"

#include <ATen/ops/scalar_tensor.h>

#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace cassle {
namespace {

class VitGraph {
 public:
  VitGraph(const v1::BackboneConfig& config, const at::Tensor& positions, OnnxGraph* graph)
      : positions_(positions),
        tokens_(positions.size(1)),
        width_(positions.size(2)),
        heads_(config.heads()),
        norm_eps_(config.norm_eps() == 0 ? 1e-6 : config.norm_eps()),
        graph_(graph) {}

  void Add(const std::string& images, const std::string& features) {
    std::string rows = Embed(images);
    for (int block = 0; graph_->Has(absl::StrCat("blocks.", block, ".norm1.weight")); ++block) {
      rows = Block(absl::StrCat("blocks.", block), rows);
    }
    const std::string tokens = Reshape("tokens.out", rows, {-1, tokens_, width_});
    const std::string first = graph_->Constant("first", at::scalar_tensor(0, at::kLong));
    const std::string class_token =
        graph_->Apply("Gather", "cls_token.out", {tokens, first}, {IntAttribute("axis", 1)});
    LayerNorm(features, "norm", class_token);
  }

 private:
  std::string Reshape(const std::string& name, const std::string& input,
                      const std::vector<int64_t>& shape) {
    // Blocks share them.
    const std::string constant =
        graph_->Constant(absl::StrCat("shape.", absl::StrJoin(shape, "x")), shape);
    return graph_->Apply("Reshape", name, {input, constant});
  }

  std::string Transpose(const std::string& name, const std::string& input,
                        const std::vector<int64_t>& order) {
    return graph_->Apply("Transpose", name, {input}, {IntsAttribute("perm", order)});
  }

  std::string Scalar(const std::string& name, double value) {
    return graph_->Constant(name, at::scalar_tensor(value, at::kFloat));
  }

  std::string LayerNorm(const std::string& name, const std::string& layer,
                        const std::string& input) {
    return graph_->Apply(
        "LayerNormalization", name,
        {input, graph_->Weight(layer + ".weight"), graph_->Weight(layer + ".bias")},
        {IntAttribute("axis", -1), FloatAttribute("epsilon", norm_eps_)});
  }

  std::string Linear(const std::string& layer, const std::string& input) {
    return graph_->Apply(
        "Gemm", layer, {input, graph_->Weight(layer + ".weight"), graph_->Weight(layer + ".bias")},
        {IntAttribute("transB", 1)});
  }

  // Patches behind the class token, with positions.  [batch * T, width]
  std::string Embed(const std::string& images) {
    const std::string layer = "patch_embed.proj";
    const int64_t patch = graph_->SizeOf(layer + ".weight", 2);
    const std::string map = graph_->Apply(
        "Conv", layer, {images, graph_->Weight(layer + ".weight"), graph_->Weight(layer + ".bias")},
        {IntsAttribute("kernel_shape", {patch, patch}), IntsAttribute("strides", {patch, patch})});
    const std::string columns = Reshape("patch_embed.columns", map, {0, width_, tokens_ - 1});
    const std::string patches = Transpose("patch_embed", columns, {0, 2, 1});
    const std::string batch = graph_->Apply("Shape", "batch", {images},
                                            {IntAttribute("start", 0), IntAttribute("end", 1)});
    const std::string one_token = graph_->Constant("one_token", std::vector<int64_t>{1, 1});
    const std::string shape =
        graph_->Apply("Concat", "cls_token.shape", {batch, one_token}, {IntAttribute("axis", 0)});
    const std::string class_tokens =
        graph_->Apply("Expand", "cls_token.in", {graph_->Weight("cls_token"), shape});
    const std::string tokens =
        graph_->Apply("Concat", "tokens", {class_tokens, patches}, {IntAttribute("axis", 1)});
    const std::string placed =
        graph_->Apply("Add", "tokens.placed", {tokens, graph_->Constant("pos_embed", positions_)});
    return Reshape("tokens.in", placed, {-1, width_});
  }

  // [batch * T, width] -> the heads [batch, heads, T, head_size], in another order if asked for.
  std::string Heads(const std::string& name, const std::string& input,
                    const std::vector<int64_t>& order) {
    return Transpose(name, Reshape(name + ".heads", input, {-1, tokens_, heads_, width_ / heads_}),
                     order);
  }

  std::string Attention(const std::string& name, const std::string& input) {
    const std::string qkv = Linear(name + ".qkv", input);
    const std::vector<std::string> parts = graph_->Apply(
        "Split", name + ".split", {qkv}, {name + ".q.rows", name + ".k.rows", name + ".v.rows"},
        {IntAttribute("axis", 1)});
    const std::string query = Heads(name + ".q", parts[0], {0, 2, 1, 3});
    const std::string keys = Heads(name + ".k", parts[1], {0, 2, 3, 1});
    const std::string values = Heads(name + ".v", parts[2], {0, 2, 1, 3});
    const std::string scale =
        Scalar("attention.scale", 1.0 / std::sqrt(static_cast<double>(width_ / heads_)));
    const std::string products = graph_->Apply("MatMul", name + ".products", {query, keys});
    const std::string scores = graph_->Apply("Mul", name + ".scores", {products, scale});
    const std::string shares =
        graph_->Apply("Softmax", name + ".shares", {scores}, {IntAttribute("axis", -1)});
    const std::string mixed = graph_->Apply("MatMul", name + ".mixed", {shares, values});
    return Linear(
        name + ".proj",
        Reshape(name + ".rows", Transpose(name + ".tokens", mixed, {0, 2, 1, 3}), {-1, width_}));
  }

  // x/2 (1 + erf(x / sqrt 2)), in the order that run times recognise.
  std::string Gelu(const std::string& name, const std::string& input) {
    const std::string scaled =
        graph_->Apply("Div", name + ".scaled", {input, Scalar("sqrt_2", std::sqrt(2.0))});
    const std::string erf = graph_->Apply("Erf", name + ".erf", {scaled});
    const std::string shifted = graph_->Apply("Add", name + ".shifted", {erf, Scalar("one", 1)});
    const std::string twice = graph_->Apply("Mul", name + ".twice", {input, shifted});
    return graph_->Apply("Mul", name, {twice, Scalar("half", 0.5)});
  }

  std::string Block(const std::string& name, const std::string& input) {
    const std::string attended = graph_->Apply(
        "Add", name + ".attended",
        {input, Attention(name + ".attn", LayerNorm(name + ".norm1", name + ".norm1", input))});
    const std::string normed = LayerNorm(name + ".norm2", name + ".norm2", attended);
    const std::string hidden = Gelu(name + ".mlp.act", Linear(name + ".mlp.fc1", normed));
    return graph_->Apply("Add", name, {attended, Linear(name + ".mlp.fc2", hidden)});
  }

  const at::Tensor positions_;
  const int64_t tokens_;
  const int64_t width_;
  const int64_t heads_;
  const double norm_eps_;
  OnnxGraph* const graph_;
};

}  // namespace

void AddVit(const v1::BackboneConfig& config, const at::Tensor& positions,
            const std::string& images, const std::string& features, OnnxGraph* graph) {
  VitGraph(config, positions, graph).Add(images, features);
}

}  // namespace cassle
