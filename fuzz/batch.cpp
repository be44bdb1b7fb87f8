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

Batch::Batch(const Graph& graph, std::int64_t images, LabelKind labels, bool probabilities, const std::string& numbers, std::uint64_t seed)
    : random_key_(step_key(seed, 1)) {
  Random random(seed);
  auto stored = images + random.integer(0, 3);
  for (std::int64_t i = 0; i < images; ++i) rows_.push_back(static_cast<std::uint32_t>(random.integer(0, stored - 1)));
  if (const auto* input = find_input(graph, InputRole::data)) {
    elements_ = graph.type(input->result()).elements();
    auto count = static_cast<std::size_t>(stored * elements_);
    if (numbers == "bytes") {
      for (std::size_t i = 0; i < count; ++i) bytes_.push_back(static_cast<std::uint8_t>(random.integer(0, 255)));
    } else {
      for (std::size_t i = 0; i < count; ++i) floats_.push_back(static_cast<float>(random.uniform()));
      if (numbers == "sparse")
        for (auto& v : floats_)
          if (random.integer(0, 2) == 0) v = 0;
    }
  }
  const auto* input = find_input(graph, InputRole::label);
  if (input == nullptr) return;
  const auto& type = graph.type(input->result());
  label_elements_ = type.elements();
  auto classes = type.rank() > 1 ? type.dims.back() : 1;
  if (labels == LabelKind::classes) {
    // The number of classes is that of the predictions, which stand in the graph as what the labels become.
    for (const auto& op : graph.ops)
      if (op.kind == OpKind::one_hot && op.operands[0] == input->result()) classes = op.attributes.integer("depth");
    for (std::int64_t i = 0; i < stored * label_elements_; ++i) labels_.push_back(static_cast<float>(random.integer(0, classes - 1)));
    return;
  }
  bool one_hot = probabilities && random.coin();
  for (std::int64_t row = 0; row < stored * label_elements_ / classes; ++row) {
    double sum = 0;
    auto first = labels_.size();
    auto chosen = random.integer(0, classes - 1);
    for (std::int64_t e = 0; e < classes; ++e) {
      labels_.push_back(one_hot ? static_cast<float>(e == chosen) : static_cast<float>((random.uniform() + 1) / 2));
      sum += labels_.back();
    }
    if (probabilities)
      for (auto i = first; i < labels_.size(); ++i) labels_[i] = static_cast<float>(labels_[i] / sum);
  }
}

StepInput Batch::input() const {
  StepInput input{.rows = rows_, .random_key = random_key_};
  if (bytes_.empty())
    input.images = {.data = floats_.data(), .elements = elements_};
  else
    input.images = {.data = bytes_.data(), .dtype = DType::u8, .elements = elements_, .scale = 1.0f / 255.0f};
  input.labels = {.data = labels_.data(), .elements = label_elements_};
  return input;
}

void Batch::fill_images(float value) {
  auto count = floats_.size() + bytes_.size();
  bytes_.clear();
  floats_.assign(count, value);
}

}  // namespace gradc::fuzz
