#include "frontend/losses.h"

#include <cmath>

#include "frontend/names.h"
#include "gradc/error.h"

namespace gradc {
namespace {

constexpr double kEpsilon = 1e-7;  // tf.js's and Keras's backend epsilon

ValueId clip(Builder& b, ValueId x) {
  return b.emit(OpKind::min, {b.emit(OpKind::max, {x, b.constant(kEpsilon)}), b.constant(1 - kEpsilon)}, {}, "clipped");
}

/// labels * (1 - smoothing) + smoothing * even, where `even` is what each class has without any knowledge.
ValueId smoothed(Builder& b, ValueId labels, double smoothing, double even) {
  if (smoothing == 0) return labels;
  return b.emit(OpKind::add, {b.emit(OpKind::mul, {labels, b.constant(1 - smoothing)}), b.constant(smoothing * even)}, {}, "smoothed");
}

/// From a softmax the loss is taken of its logits, as Keras does: the same number, but large logits lose nothing. Other
/// predictions are scaled to a sum of 1 and clipped.
ValueId categorical_crossentropy(Builder& b, ValueId predicted, ValueId labels, const LossOptions& options) {
  labels = smoothed(b, labels, options.label_smoothing, 1.0 / static_cast<double>(b.type(predicted).dims.back()));
  auto logits = options.from_logits ? predicted : logits_of(b, predicted, OpKind::softmax);
  if (logits >= 0) return b.emit(OpKind::softmax_cross_entropy, {logits, labels}, {}, "cross_entropy");
  auto last = static_cast<std::int64_t>(b.type(predicted).rank() - 1);
  auto sum = [&](ValueId x, std::int64_t keep) {
    return b.emit(OpKind::reduce_sum, {x}, {{"axes", Ints{last}}, {"keep_dims", keep}}, "sum");
  };
  auto probability = clip(b, b.emit(OpKind::div, {predicted, sum(predicted, 1)}));
  return b.emit(OpKind::neg, {sum(b.emit(OpKind::mul, {labels, b.emit(OpKind::log, {probability})}), 0)}, {}, "cross_entropy");
}

/// max(z, 0) - z y + log(1 + exp(-|z|)), where z are the logits.
ValueId binary_crossentropy(Builder& b, ValueId predicted, ValueId labels, const LossOptions& options) {
  labels = smoothed(b, labels, options.label_smoothing, 0.5);
  auto z = options.from_logits ? predicted : logits_of(b, predicted, OpKind::sigmoid);
  if (z < 0) {
    auto p = clip(b, predicted);
    z = b.emit(OpKind::log, {b.emit(OpKind::div, {p, b.emit(OpKind::sub, {b.constant(1), p})})}, {}, "logits");
  }
  // softplus(z) is max(z, 0) + log(1 + exp(-|z|)).
  return b.emit(OpKind::sub, {b.emit(OpKind::softplus, {z}), b.emit(OpKind::mul, {z, labels})}, {}, "cross_entropy");
}

ValueId mean_squared_error(Builder& b, ValueId predicted, ValueId labels, const LossOptions&) {
  return b.emit(OpKind::square, {b.emit(OpKind::sub, {predicted, labels})});
}

ValueId mean_absolute_error(Builder& b, ValueId predicted, ValueId labels, const LossOptions&) {
  return b.emit(OpKind::abs, {b.emit(OpKind::sub, {predicted, labels})});
}

const LossDef kLosses[] = {
    {"categorical_crossentropy", LabelKind::like_output, true, true, false, categorical_crossentropy},
    {"sparse_categorical_crossentropy", LabelKind::classes, true, false, false, categorical_crossentropy},
    {"binary_crossentropy", LabelKind::like_output, true, true, true, binary_crossentropy},
    {"mean_squared_error", LabelKind::like_output, false, false, true, mean_squared_error},
    {"mean_absolute_error", LabelKind::like_output, false, false, true, mean_absolute_error},
};

}  // namespace

const LossDef* find_loss(const std::string& name) {
  auto plain = plain_name(name);
  if (plain == "mse") plain = "meansquarederror";
  if (plain == "mae") plain = "meanabsoluteerror";
  for (const auto& loss : kLosses)
    if (plain_name(loss.name) == plain) return &loss;
  return nullptr;
}

std::string known_losses() {
  std::string names;
  for (const auto& loss : kLosses) names += (names.empty() ? "" : ", ") + camel_case(loss.name);
  return names;
}

std::string problem_of(const Loss& loss) {
  const auto* def = find_loss(loss.name);
  const auto& options = loss.options;
  if (def == nullptr) return fmt::format("loss \"{}\" is not known; known are {}", loss.name, known_losses());
  if (options.from_logits && !def->takes_logits) return fmt::format("loss {}: \"from_logits\" is an option of cross-entropies", loss.name);
  if (options.label_smoothing != 0 && !def->smooths_labels)
    return fmt::format("loss {}: \"label_smoothing\" is an option of categorical and binary cross-entropy", loss.name);
  if (!(options.label_smoothing >= 0 && options.label_smoothing <= 1))
    return fmt::format("loss {}: \"label_smoothing\" is {}, expected a number from 0 to 1", loss.name, options.label_smoothing);
  if (!std::isfinite(options.weight)) return fmt::format("loss {}: its weight is {}, expected a finite number", loss.name, options.weight);
  return "";
}

ValueId lower_loss(Builder& b, const Loss& loss, ValueId predicted, ValueId labels) {
  const auto* def = find_loss(loss.name);
  check(def != nullptr, "a loss is known before it is lowered");
  if (def->labels == LabelKind::classes) labels = one_hot_labels(b, labels, predicted);
  auto losses = def->lower(b, predicted, labels, loss.options);
  if (loss.options.reduction == Reduction::mean) return mean_of_image(b, losses);
  auto sum = sum_of_image(b, losses);
  return def->of_elements ? b.emit(OpKind::mul, {sum, b.constant(1.0 / static_cast<double>(b.type(predicted).dims.back()))}) : sum;
}

ValueId one_hot_labels(Builder& b, ValueId labels, ValueId predicted) {
  return b.emit(OpKind::one_hot, {labels}, {{"depth", b.type(predicted).dims.back()}}, "one_hot");
}

ValueId logits_of(Builder& b, ValueId predicted, OpKind activation) {
  for (const auto& op : b.graph().ops)
    for (auto result : op.results)
      if (result == predicted) return op.kind == activation ? op.operands[0] : -1;
  return -1;
}

ValueId sum_of_image(Builder& b, ValueId x) {
  Ints axes;
  for (int i = 1; i < b.type(x).rank(); ++i) axes.push_back(i);
  return axes.empty() ? x : b.emit(OpKind::reduce_sum, {x}, {{"axes", axes}, {"keep_dims", std::int64_t{0}}}, "sum");
}

ValueId mean_of_image(Builder& b, ValueId x) {
  auto elements = b.type(x).elements();
  if (b.type(x).rank() == 1) return x;
  return b.emit(OpKind::mul, {sum_of_image(b, x), b.constant(1.0 / static_cast<double>(elements))}, {}, "mean");
}

}  // namespace gradc
