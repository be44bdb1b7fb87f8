#include "fuzz/batch.h"

#include "ir/roles.h"

namespace gradc::fuzz {

double Random::uniform() {
  auto bits =
      random_bits<std::uint32_t>(step_key(seed_, 7), static_cast<std::uint32_t>(count_ >> 32), 3, static_cast<std::uint32_t>(count_));
  ++count_;
  return bits / 2147483648.0 - 1;
}

std::int64_t Random::integer(std::int64_t low, std::int64_t high) {
  return low + static_cast<std::int64_t>((uniform() + 1) / 2 * static_cast<double>(high - low + 1));
}

Batch::Batch(const Graph& graph, std::int64_t images, LabelKind labels, const std::string& numbers, std::uint64_t seed)
    : random_key_(step_key(seed, 1)) {
  Random random(seed);
  auto stored = images + random.integer(0, 3);
  for (std::int64_t i = 0; i < images; ++i) rows_.push_back(static_cast<std::uint32_t>(random.integer(0, stored - 1)));
  for (const auto* input : find_inputs(graph, InputRole::data)) {
    auto& made = data_.emplace_back();
    made.elements = graph.type(input->result()).elements();
    auto count = static_cast<std::size_t>(stored * made.elements);
    if (numbers == "bytes") {
      for (std::size_t i = 0; i < count; ++i) made.bytes.push_back(static_cast<std::uint8_t>(random.integer(0, 255)));
    } else {
      for (std::size_t i = 0; i < count; ++i) made.floats.push_back(static_cast<float>(random.uniform()));
      if (numbers == "sparse")
        for (auto& v : made.floats)
          if (random.integer(0, 2) == 0) v = 0;
    }
  }
  for (const auto* input : find_inputs(graph, InputRole::label)) add_labels(graph, *input, stored, labels, random);
  for (const auto* input : find_inputs(graph, InputRole::sample_weight)) {
    auto& made = weights_.emplace_back();
    made.elements = graph.type(input->result()).elements();
    for (std::int64_t i = 0; i < stored * made.elements; ++i) made.floats.push_back(static_cast<float>(random.integer(0, 3)));
  }
}

void Batch::add_labels(const Graph& graph, const Op& input, std::int64_t stored, LabelKind labels, Random& random) {
  auto& made = labels_.emplace_back();
  const auto& type = graph.type(input.result());
  made.elements = type.elements();
  auto classes = type.rank() > 1 ? type.dims.back() : 1;
  if (labels == LabelKind::classes) {
    // The number of classes is that of the predictions, which stand in the graph as what the labels become.
    for (const auto& op : graph.ops)
      if (op.kind == OpKind::one_hot && op.operands[0] == input.result()) classes = op.attributes.integer("depth");
    for (std::int64_t i = 0; i < stored * made.elements; ++i) made.floats.push_back(static_cast<float>(random.integer(0, classes - 1)));
    return;
  }
  const bool probabilities = labels == LabelKind::one_hot, one_hot = probabilities && random.coin();
  for (std::int64_t row = 0; row < stored * made.elements / classes; ++row) {
    double sum = 0;
    auto first = made.floats.size();
    auto chosen = random.integer(0, classes - 1);
    for (std::int64_t e = 0; e < classes; ++e) {
      made.floats.push_back(one_hot ? static_cast<float>(e == chosen) : static_cast<float>((random.uniform() + 1) / 2));
      sum += made.floats.back();
    }
    if (probabilities)
      for (auto i = first; i < made.floats.size(); ++i) made.floats[i] = static_cast<float>(made.floats[i] / sum);
  }
}

StepInput Batch::input() const {
  StepInput input{.rows = rows_, .random_key = random_key_};
  for (const auto& made : data_)
    input.data.push_back(made.bytes.empty()
                             ? Rows{.data = made.floats.data(), .elements = made.elements}
                             : Rows{.data = made.bytes.data(), .dtype = DType::u8, .elements = made.elements, .scale = 1.0f / 255.0f});
  for (const auto& made : labels_) input.labels.push_back({.data = made.floats.data(), .elements = made.elements});
  for (const auto& made : weights_) input.weights.push_back({.data = made.floats.data(), .elements = made.elements});
  return input;
}

void Batch::fill_images(float value) {
  for (auto& made : data_) {
    auto count = made.floats.size() + made.bytes.size();
    made.bytes.clear();
    made.floats.assign(count, value);
  }
}

}  // namespace gradc::fuzz
