#pragma once
/// What the structures of layers share. A layer is a structure with its arguments as designated initializers and Keras 3's defaults, and a
/// `describe` that lists them for whatever reads or writes configs (frontend/layers/fields.h).

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gradc/constraints.h"
#include "gradc/initializers.h"
#include "gradc/regularizers.h"

namespace gradc {

using Dims = std::vector<std::int64_t>;

/// Shapes of a model's inputs, without the batch, by the inputs' names; that of an only one also under an empty name.
using InputShapes = std::map<std::string, Dims>;

/// A number, or numbers in an array of this shape; or none.
struct NumberArray {
  std::vector<double> values = {};
  Dims shape = {};

  NumberArray() = default;
  NumberArray(double value) : values{value} {}
  NumberArray(std::initializer_list<double> row) : values(row), shape{static_cast<std::int64_t>(row.size())} {}
  NumberArray(std::vector<double> row) : values(std::move(row)), shape{static_cast<std::int64_t>(values.size())} {}

  bool empty() const { return values.empty(); }
  bool is_number() const { return values.size() == 1 && shape.empty(); }
};

/// Whether a config has an option always, or only where it is not the default: what one of the libraries lacks, and refuses to load.
enum class Written : std::uint8_t { always, unless_default };

/// Whether an option that names dimensions may name none.
enum class Axes : std::uint8_t { some, some_or_none };

/// Two thin weights beside a frozen kernel, with which Keras fine-tunes: the layer computes with kernel + alpha / rank * a · b, where a has
/// `rank` columns (LoRA, Hu et al. 2021).
struct LowRank {
  std::int64_t rank = 0;             ///< 0 if the layer has none.
  std::optional<double> alpha = {};  ///< The rank, unless given.

  explicit operator bool() const { return rank > 0; }
  double scale() const { return alpha.value_or(static_cast<double>(rank)) / static_cast<double>(rank); }
};

template <class Fields>
void describe(Fields& f, LowRank& lora) {
  f.integer("lora_rank", lora.rank, 0, Written::unless_default);
  f.number("lora_alpha", lora.alpha, Written::unless_default);
}

/// How layers with a kernel end.
template <class Fields, class L>
void describe_end(Fields& f, L& layer) {
  f.boolean("use_bias", layer.use_bias);
  f.weight("bias", layer.bias_initializer, layer.bias_regularizer, layer.bias_constraint);
  f.activation("activation", layer.activation);
  f.activity_regularizer(layer.activity_regularizer);
  f.input_shape(layer.input_shape);
  f.name(layer.name);
}

}  // namespace gradc
