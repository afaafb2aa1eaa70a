#include "cassle/models/onnx/vit_graph.h"

#include <ATen/ops/scalar_tensor.h>

#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/models/onnx/onnx_layers.h"

namespace cassle {
namespace {

class VitGraph {
 public:
  VitGraph(const v1::BackboneConfig& config, const at::Tensor& positions, OnnxGraph* graph)
      : positions_(positions),
        patches_(positions.size(1) - 1),
        tokens_(positions.size(1) + config.registers()),
        width_(positions.size(2)),
        heads_(config.heads()),
        norm_eps_(config.norm_eps() == 0 ? 1e-6 : config.norm_eps()),
        swiglu_(config.feed_forward() == v1::SWIGLU),
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
    return AddReshape(name, input, shape, graph_);
  }
  std::string Transpose(const std::string& name, const std::string& input,
                        const std::vector<int64_t>& order) {
    return AddTranspose(name, input, order, graph_);
  }
  std::string LayerNorm(const std::string& name, const std::string& layer,
                        const std::string& input) {
    return AddLayerNorm(name, layer, input, norm_eps_, graph_);
  }
  std::string Linear(const std::string& layer, const std::string& input) {
    return AddLinear(layer, input, graph_);
  }

  // Patches behind the class token, with positions.  [batch * T, width]
  std::string Embed(const std::string& images) {
    const std::string layer = "patch_embed.proj";
    const int64_t patch = graph_->SizeOf(layer + ".weight", 2);
    const std::string map = graph_->Apply(
        "Conv", layer, {images, graph_->Weight(layer + ".weight"), graph_->Weight(layer + ".bias")},
        {IntsAttribute("kernel_shape", {patch, patch}), IntsAttribute("strides", {patch, patch})});
    const std::string columns = Reshape("patch_embed.columns", map, {0, width_, patches_});
    const std::string patches = Transpose("patch_embed", columns, {0, 2, 1});
    const std::string batch = graph_->Apply("Shape", "batch", {images},
                                            {IntAttribute("start", 0), IntAttribute("end", 1)});
    const std::string one_token = graph_->Constant("one_token", std::vector<int64_t>{1, 1});
    const std::string shape =
        graph_->Apply("Concat", "cls_token.shape", {batch, one_token}, {IntAttribute("axis", 0)});
    const std::string class_tokens =
        graph_->Apply("Expand", "cls_token.in", {graph_->Weight("cls_token"), shape});
    const std::string positions = graph_->Constant("pos_embed", positions_);
    const std::string tokens =
        graph_->Apply("Concat", "tokens", {class_tokens, patches}, {IntAttribute("axis", 1)});
    std::string placed = graph_->Apply("Add", "tokens.placed", {tokens, positions});
    if (graph_->Has("reg_token")) placed = WithRegisters(placed, shape);
    return Reshape("tokens.in", placed, {-1, width_});
  }

  // Registers behind the class token.  [batch, 1 + patches, width] -> [batch, T, width]
  std::string WithRegisters(const std::string& placed, const std::string& shape) {
    const std::string registers =
        graph_->Apply("Expand", "reg_token.in", {graph_->Weight("reg_token"), shape});
    const std::string sizes = graph_->Constant("tokens.sizes", std::vector<int64_t>{1, patches_});
    const std::vector<std::string> parts =
        graph_->Apply("Split", "tokens.split", {placed, sizes}, {"tokens.class", "tokens.patches"},
                      {IntAttribute("axis", 1)});
    return graph_->Apply("Concat", "tokens.registered", {parts[0], registers, parts[1]},
                         {IntAttribute("axis", 1)});
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
        AddScalar("attention.scale", 1.0 / std::sqrt(static_cast<double>(width_ / heads_)), graph_);
    const std::string products = graph_->Apply("MatMul", name + ".products", {query, keys});
    const std::string scores = graph_->Apply("Mul", name + ".scores", {products, scale});
    const std::string shares =
        graph_->Apply("Softmax", name + ".shares", {scores}, {IntAttribute("axis", -1)});
    const std::string mixed = graph_->Apply("MatMul", name + ".mixed", {shares, values});
    return Linear(
        name + ".proj",
        Reshape(name + ".rows", Transpose(name + ".tokens", mixed, {0, 2, 1, 3}), {-1, width_}));
  }

  // silu(gates) * values; silu(x) is x sigmoid(x).
  std::string SwiGlu(const std::string& name, const std::string& input) {
    const std::vector<std::string> halves =
        graph_->Apply("Split", name + ".split", {input}, {name + ".gates", name + ".values"},
                      {IntAttribute("axis", 1)});
    const std::string sigmoid = graph_->Apply("Sigmoid", name + ".sigmoid", {halves[0]});
    const std::string silu = graph_->Apply("Mul", name + ".silu", {halves[0], sigmoid});
    return graph_->Apply("Mul", name, {silu, halves[1]});
  }

  std::string Mlp(const std::string& name, const std::string& input) {
    const std::string hidden = Linear(name + ".fc1", input);
    return Linear(name + ".fc2",
                  swiglu_ ? SwiGlu(name + ".act", hidden) : AddGelu(name + ".act", hidden, graph_));
  }

  // The branch itself where the block has no layer scales.
  std::string Scaled(const std::string& name, const std::string& branch) {
    if (!graph_->Has(name + ".gamma")) return branch;
    return graph_->Apply("Mul", name, {branch, graph_->Weight(name + ".gamma")});
  }

  std::string Block(const std::string& name, const std::string& input) {
    const std::string attention =
        Attention(name + ".attn", LayerNorm(name + ".norm1", name + ".norm1", input));
    const std::string attended =
        graph_->Apply("Add", name + ".attended", {input, Scaled(name + ".ls1", attention)});
    const std::string mlp =
        Mlp(name + ".mlp", LayerNorm(name + ".norm2", name + ".norm2", attended));
    return graph_->Apply("Add", name, {attended, Scaled(name + ".ls2", mlp)});
  }

  const at::Tensor positions_;
  const int64_t patches_;
  // With the class token and the registers.
  const int64_t tokens_;
  const int64_t width_;
  const int64_t heads_;
  const double norm_eps_;
  const bool swiglu_;
  OnnxGraph* const graph_;
};

}  // namespace

void AddVit(const v1::BackboneConfig& config, const at::Tensor& positions,
            const std::string& images, const std::string& features, OnnxGraph* graph) {
  VitGraph(config, positions, graph).Add(images, features);
}

}  // namespace cassle
