#include "frontend/dialect.h"

#include <nlohmann/json.hpp>

namespace gradc {
namespace {

using nlohmann::json;

constexpr Dialect kTfjs = {.name = "tf.js",
                           .keras_version = "tfjs-layers 4.22.0",
                           .kernel_initializer = "glorotNormal",
                           .recurrent_activation = "hardSigmoid",
                           .reset_after = false,
                           .hard_sigmoid_is_relu6 = false,
                           .frozen_normalization_infers = false,
                           .moving_variance_is_unbiased = false,
                           .largest_share_gradient = false,
                           .interpolates_by_middles = false,
                           .call_overrules_training = false,
                           .masks_skip_steps_alone = true,
                           .attention_takes_masks = false,
                           .merges_skip_masked = false,
                           .axes_are_sorted = false,
                           .stacked_cells_are_numbered = true,
                           .corrects_truncation = false,
                           .truncated_is_uniform = true,
                           .vector_fans_are_sizes = false,
                           .accuracy_goes_by_shape = false,
                           .binary_labels_are_signs = false,
                           .divergence_clips_labels = false,
                           .least_squared_length = 1e-7,
                           .update_rule = UpdateRule::tfjs,
                           .frozen_weights_are_regularized = true};

constexpr Dialect kKeras2 = {.name = "Keras 2",
                             .keras_version = "2.15.0",
                             .kernel_initializer = "glorotUniform",
                             .recurrent_activation = "sigmoid",
                             .reset_after = true,
                             .hard_sigmoid_is_relu6 = false,
                             .frozen_normalization_infers = true,
                             .moving_variance_is_unbiased = true,
                             .largest_share_gradient = true,
                             .interpolates_by_middles = true,
                             .call_overrules_training = true,
                             .masks_skip_steps_alone = false,
                             .attention_takes_masks = false,
                             .merges_skip_masked = false,
                             .axes_are_sorted = false,
                             .stacked_cells_are_numbered = false,
                             .corrects_truncation = true,
                             .truncated_is_uniform = false,
                             .vector_fans_are_sizes = true,
                             .accuracy_goes_by_shape = true,
                             .binary_labels_are_signs = true,
                             .divergence_clips_labels = true,
                             .least_squared_length = 1e-12,
                             .update_rule = UpdateRule::keras,
                             .frozen_weights_are_regularized = true};

constexpr Dialect kKeras3 = {.name = "Keras 3",
                             .keras_version = "3.0.0",
                             .kernel_initializer = "glorotUniform",
                             .recurrent_activation = "sigmoid",
                             .reset_after = true,
                             .hard_sigmoid_is_relu6 = true,
                             .frozen_normalization_infers = true,
                             .moving_variance_is_unbiased = false,
                             .largest_share_gradient = true,
                             .interpolates_by_middles = true,
                             .call_overrules_training = false,
                             .masks_skip_steps_alone = false,
                             .attention_takes_masks = true,
                             .merges_skip_masked = true,
                             .axes_are_sorted = true,
                             .stacked_cells_are_numbered = false,
                             .corrects_truncation = true,
                             .truncated_is_uniform = false,
                             .vector_fans_are_sizes = true,
                             .accuracy_goes_by_shape = true,
                             .binary_labels_are_signs = true,
                             .divergence_clips_labels = true,
                             .least_squared_length = 1e-14,
                             .update_rule = UpdateRule::keras,
                             .frozen_weights_are_regularized = false};

constexpr Dialect kUnnamed = [] {
  auto dialect = kTfjs;
  dialect.name = "a file that does not say who wrote it";
  dialect.keras_version = nullptr;
  dialect.frozen_normalization_infers = true;
  dialect.truncated_is_uniform = false;
  dialect.call_overrules_training = true;
  return dialect;
}();

/// The text under `key`, or an empty one.
std::string text_at(const json& object, const char* key) {
  return object.is_object() && object.contains(key) && object[key].is_string() ? object[key].get<std::string>() : "";
}

/// "2.15.0", "tfjs-layers 4.22.0", "keras v2.4.0", "TensorFlow.js tfjs-layers v4.22.0".
Writer writer_in(const std::string& text) {
  if (text.find("tfjs") != std::string::npos || text.find("TensorFlow.js") != std::string::npos) return Writer::tfjs;
  auto digit = text.find_first_of("0123456789");
  if (digit == std::string::npos || (digit > 0 && !text.starts_with("keras v"))) return Writer::unnamed;
  return text[digit] == '1' || text[digit] == '2' ? Writer::keras2 : Writer::keras3;
}

/// Whether an object anywhere in `value` has this key.
bool mentions(const json& value, const char* key) {
  if (value.is_object() && value.contains(key)) return true;
  if (value.is_structured())
    for (const auto& each : value)
      if (mentions(each, key)) return true;
  return false;
}

}  // namespace

const Dialect& dialect_of(Writer writer) {
  switch (writer) {
    case Writer::tfjs: return kTfjs;
    case Writer::keras2: return kKeras2;
    case Writer::keras3: return kKeras3;
    case Writer::unnamed: break;
  }
  return kUnnamed;
}

Writer writer_of(const json& document) {
  const auto& topology = document.is_object() && document.contains("modelTopology") ? document["modelTopology"] : document;
  for (const auto& text : {text_at(topology, "keras_version"), text_at(document, "keras_version"), text_at(document, "generatedBy")})
    if (auto writer = writer_in(text); writer != Writer::unnamed) return writer;
  // tf.keras 2.13 to 2.15 also write modules, but call the shape batch_input_shape.
  if (mentions(topology, "registered_name")) return mentions(topology, "batch_input_shape") ? Writer::keras2 : Writer::keras3;
  return Writer::unnamed;
}

}  // namespace gradc
