#include "frontend/losses.h"

#include "frontend/names.h"
#include "support/error.h"

namespace gradc {
namespace {

constexpr double kEpsilon = 1e-7;  // tf.js's backend epsilon

/// The mean over every dimension but the batch.
ValueId mean_of_image(Builder& b, ValueId x) {
  const auto type = b.type(x);
  Ints axes;
  for (int i = 1; i < type.rank(); ++i) axes.push_back(i);
  auto sum = b.emit(OpKind::reduce_sum, {x}, {{"axes", axes}, {"keep_dims", std::int64_t{0}}}, "sum");
  return b.emit(OpKind::mul, {sum, b.constant(1.0 / static_cast<double>(type.elements()))}, {}, "mean");
}

ValueId clip(Builder& b, ValueId x) {
  return b.emit(OpKind::min, {b.emit(OpKind::max, {x, b.constant(kEpsilon)}), b.constant(1 - kEpsilon)}, {}, "clipped");
}

/// What `predicted` is the activation of, so that a loss can be computed from logits without a loss of precision, or -1.
ValueId logits_of(Builder& b, ValueId predicted, OpKind activation) {
  for (const auto& op : b.graph().ops)
    for (auto result : op.results)
      if (result == predicted) return op.kind == activation ? op.operands[0] : -1;
  return -1;
}

/// From a softmax the loss is taken of its logits, as Keras does: the same number, but large logits lose nothing. Other
/// predictions are scaled to a sum of 1 and clipped.
ValueId categorical_crossentropy(Builder& b, ValueId predicted, ValueId labels) {
  if (auto logits = logits_of(b, predicted, OpKind::softmax); logits >= 0) {
    auto loss = b.emit(OpKind::softmax_cross_entropy, {logits, labels}, {}, "cross_entropy");
    return b.type(loss).rank() == 1 ? loss : mean_of_image(b, loss);
  }
  auto last = static_cast<std::int64_t>(b.type(predicted).rank() - 1);
  auto sum = [&](ValueId x, std::int64_t keep) {
    return b.emit(OpKind::reduce_sum, {x}, {{"axes", Ints{last}}, {"keep_dims", keep}}, "sum");
  };
  auto probability = clip(b, b.emit(OpKind::div, {predicted, sum(predicted, 1)}));
  auto loss = b.emit(OpKind::neg, {sum(b.emit(OpKind::mul, {labels, b.emit(OpKind::log, {probability})}), 0)}, {}, "cross_entropy");
  return b.type(loss).rank() == 1 ? loss : mean_of_image(b, loss);
}

ValueId sparse_categorical_crossentropy(Builder& b, ValueId predicted, ValueId labels) {
  auto one_hot = b.emit(OpKind::one_hot, {labels}, {{"depth", b.type(predicted).dims.back()}}, "one_hot");
  return categorical_crossentropy(b, predicted, one_hot);
}

/// max(z, 0) - z y + log(1 + exp(-|z|)), where z are the logits.
ValueId binary_crossentropy(Builder& b, ValueId predicted, ValueId labels) {
  auto z = logits_of(b, predicted, OpKind::sigmoid);
  if (z < 0) {
    auto p = clip(b, predicted);
    z = b.emit(OpKind::log, {b.emit(OpKind::div, {p, b.emit(OpKind::sub, {b.constant(1), p})})}, {}, "logits");
  }
  // softplus(z) is max(z, 0) + log(1 + exp(-|z|)).
  auto loss = b.emit(OpKind::sub, {b.emit(OpKind::softplus, {z}), b.emit(OpKind::mul, {z, labels})}, {}, "cross_entropy");
  return mean_of_image(b, loss);
}

ValueId mean_squared_error(Builder& b, ValueId predicted, ValueId labels) {
  return mean_of_image(b, b.emit(OpKind::square, {b.emit(OpKind::sub, {predicted, labels})}));
}

ValueId mean_absolute_error(Builder& b, ValueId predicted, ValueId labels) {
  return mean_of_image(b, b.emit(OpKind::abs, {b.emit(OpKind::sub, {predicted, labels})}));
}

const LossDef kLosses[] = {
    {"categorical_crossentropy", LabelKind::like_output, categorical_crossentropy},
    {"sparse_categorical_crossentropy", LabelKind::classes, sparse_categorical_crossentropy},
    {"binary_crossentropy", LabelKind::like_output, binary_crossentropy},
    {"mean_squared_error", LabelKind::like_output, mean_squared_error},
    {"mean_absolute_error", LabelKind::like_output, mean_absolute_error},
};

ValueId argmax(Builder& b, ValueId x) {
  // The largest probability is the largest logit, so no softmax is computed for an accuracy.
  if (auto logits = logits_of(b, x, OpKind::softmax); logits >= 0) x = logits;
  return b.emit(OpKind::argmax, {x}, {}, "argmax");
}

ValueId mean_if_needed(Builder& b, ValueId x) { return b.type(x).rank() == 1 ? x : mean_of_image(b, x); }

ValueId categorical_accuracy(Builder& b, ValueId predicted, ValueId labels) {
  return mean_if_needed(b, b.emit(OpKind::equal, {argmax(b, predicted), argmax(b, labels)}, {}, "correct"));
}

ValueId sparse_categorical_accuracy(Builder& b, ValueId predicted, ValueId labels) {
  return mean_if_needed(b, b.emit(OpKind::equal, {argmax(b, predicted), labels}, {}, "correct"));
}

ValueId binary_accuracy(Builder& b, ValueId predicted, ValueId labels) {
  auto rounded = b.emit(OpKind::greater, {predicted, b.constant(0.5)});
  return mean_of_image(b, b.emit(OpKind::equal, {rounded, labels}, {}, "correct"));
}

std::string canonical_metric(const std::string& metric) {
  auto plain = plain_name(metric);
  if (plain == "acc" || plain == "accuracy") return "accuracy";
  for (const char* known : {"categoricalAccuracy", "sparseCategoricalAccuracy", "binaryAccuracy"})
    if (plain == plain_name(known)) return known;
  return "";
}

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

std::string known_metrics() {
  return "accuracy, categoricalAccuracy, sparseCategoricalAccuracy, binaryAccuracy, and every loss: " + known_losses();
}

std::string metric_log_name(const std::string& metric) {
  auto canonical = canonical_metric(metric);
  if (canonical == "accuracy") return "acc";
  if (!canonical.empty()) return canonical;
  return find_loss(metric) != nullptr ? metric : "";
}

ValueId lower_metric(Builder& b, const std::string& metric, const LossDef& loss, ValueId predicted, ValueId labels,
                     const Dialect& dialect) {
  auto canonical = canonical_metric(metric);
  auto dense_labels = [&] {
    return loss.labels == LabelKind::classes ? b.emit(OpKind::one_hot, {labels}, {{"depth", b.type(predicted).dims.back()}}, "one_hot")
                                             : labels;
  };
  // What "accuracy" means depends on output and loss, as in tf.js's LayersModel.compile, or on output and labels, as in Keras.
  if (canonical == "accuracy") {
    bool binary_loss = find_loss("binary_crossentropy") == &loss;
    if (b.type(predicted).dims.back() == 1 || (binary_loss && !dialect.accuracy_goes_by_shape))
      canonical = "binaryAccuracy";
    else
      canonical = loss.labels == LabelKind::classes ? "sparseCategoricalAccuracy" : "categoricalAccuracy";
  }
  if (canonical == "binaryAccuracy") return binary_accuracy(b, predicted, loss.labels == LabelKind::classes ? dense_labels() : labels);
  if (canonical == "categoricalAccuracy") return categorical_accuracy(b, predicted, dense_labels());
  if (canonical == "sparseCategoricalAccuracy")
    return sparse_categorical_accuracy(b, predicted, loss.labels == LabelKind::classes ? labels : argmax(b, labels));
  if (const auto* other = find_loss(metric)) {
    if (other->labels == loss.labels) return other->lower(b, predicted, labels);
    if (other->labels == LabelKind::like_output) return other->lower(b, predicted, dense_labels());
    return find_loss("categorical_crossentropy")->lower(b, predicted, labels);
  }
  throw Error("metric \"{}\" is not known; known are {}", metric, known_metrics());
}

}  // namespace gradc
