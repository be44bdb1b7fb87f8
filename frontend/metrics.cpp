#include "frontend/metrics.h"

#include <cmath>

#include "frontend/names.h"
#include "gradc/error.h"

namespace gradc {
namespace {

/// What a metric is computed from.
struct Context {
  Builder& b;
  const MetricOptions& options;
  ValueId predicted, labels;
  bool labels_are_classes;

  ValueId emit(OpKind kind, std::vector<ValueId> operands, const char* hint = "") { return b.emit(kind, std::move(operands), {}, hint); }
  ValueId like_output() { return labels_are_classes ? one_hot_labels(b, labels, predicted) : labels; }
  ValueId class_numbers() { return labels_are_classes ? labels : argmax(labels); }
  ValueId argmax(ValueId x) {
    // The largest probability is the largest logit, so no softmax is computed for an accuracy.
    if (auto logits = logits_of(b, x, OpKind::softmax); logits >= 0) x = logits;
    return emit(OpKind::argmax, {x}, "argmax");
  }
  ValueId above_threshold() { return emit(OpKind::greater, {predicted, b.constant(options.threshold)}); }
  LoweredMetric mean(ValueId of_elements) { return {Formula::mean, {{"", mean_of_image(b, of_elements)}}}; }
};

LoweredMetric categorical_accuracy(Context& c) {
  return c.mean(c.emit(OpKind::equal, {c.argmax(c.predicted), c.class_numbers()}, "correct"));
}

LoweredMetric binary_accuracy(Context& c) {
  auto rounded = c.above_threshold();
  return c.mean(c.emit(OpKind::equal, {rounded, c.like_output()}, "correct"));
}

LoweredMetric equality(Context& c) { return c.mean(c.emit(OpKind::equal, {c.predicted, c.like_output()}, "correct")); }

/// A label is among the k largest where fewer than k predictions are larger than its own.
LoweredMetric top_k(Context& c) {
  auto classes = c.labels_are_classes ? c.like_output() : one_hot_labels(c.b, c.class_numbers(), c.predicted);
  auto last = static_cast<std::int64_t>(c.b.type(c.predicted).rank() - 1);
  auto sum = [&](ValueId x, std::int64_t keep) {
    return c.b.emit(OpKind::reduce_sum, {x}, {{"axes", Ints{last}}, {"keep_dims", keep}}, "sum");
  };
  auto of_label = sum(c.emit(OpKind::select, {classes, c.predicted, c.b.constant(0)}), 1);
  auto larger = sum(c.emit(OpKind::greater, {c.predicted, of_label}), 0);
  return c.mean(c.emit(OpKind::greater, {c.b.constant(static_cast<double>(c.options.k)), larger}, "correct"));
}

/// True positives divided by what `all` names: predicted positives for a precision, actual positives for a recall.
LoweredMetric positives(Context& c, bool of_predicted) {
  auto one_class = [&](ValueId x) {
    if (!c.options.class_id) return x;
    auto size = c.b.type(x).dims;
    Ints begin(size.size(), 0);
    begin.back() = *c.options.class_id;
    size.back() = 1;
    return c.b.emit(OpKind::slice, {x}, {{"begin", begin}, {"size", size}}, "class");
  };
  auto predicted = one_class(c.above_threshold());
  auto is_zero = c.emit(OpKind::equal, {one_class(c.like_output()), c.b.constant(0)});
  auto actual = c.emit(OpKind::sub, {c.b.constant(1), is_zero}, "actual");
  auto both = c.emit(OpKind::mul, {predicted, actual}, "true_positives");
  return {Formula::ratio,
          {{"true_positives", sum_of_image(c.b, both)},
           {of_predicted ? "predicted_positives" : "actual_positives", sum_of_image(c.b, of_predicted ? predicted : actual)}}};
}

LoweredMetric precision(Context& c) { return positives(c, true); }
LoweredMetric recall(Context& c) { return positives(c, false); }

LoweredMetric root_mean_squared_error(Context& c) {
  auto difference = c.emit(OpKind::sub, {c.predicted, c.like_output()});
  return {Formula::root_mean, {{"", mean_of_image(c.b, c.emit(OpKind::square, {difference}))}}};
}

struct MetricDef {
  const char* name;
  LoweredMetric (*lower)(Context&);
  bool takes_threshold = false, takes_k = false, takes_class = false;
  const char* logged = nullptr;  ///< The name in logs, if it is another.
};

/// Besides "accuracy", which stands for one of them, and the losses.
const MetricDef kMetrics[] = {
    {.name = "categoricalAccuracy", .lower = categorical_accuracy},
    {.name = "sparseCategoricalAccuracy", .lower = categorical_accuracy},
    {.name = "binaryAccuracy", .lower = binary_accuracy, .takes_threshold = true},
    {.name = "equality", .lower = equality, .logged = "acc"},  // Keras's class Accuracy
    {.name = "topKCategoricalAccuracy", .lower = top_k, .takes_k = true},
    {.name = "sparseTopKCategoricalAccuracy", .lower = top_k, .takes_k = true},
    {.name = "precision", .lower = precision, .takes_threshold = true, .takes_class = true},
    {.name = "recall", .lower = recall, .takes_threshold = true, .takes_class = true},
    {.name = "rootMeanSquaredError", .lower = root_mean_squared_error},
};

bool is_accuracy(const std::string& name) {
  auto plain = plain_name(name);
  return plain == "acc" || plain == "accuracy";
}

const MetricDef* find_metric(const std::string& name) {
  auto plain = plain_name(name);
  for (const auto& metric : kMetrics)
    if (plain_name(metric.name) == plain) return &metric;
  return nullptr;
}

}  // namespace

std::string known_metrics() {
  std::string names = "accuracy";
  for (const auto& metric : kMetrics) names += std::string(", ") + metric.name;
  return names + ", and every loss: " + known_losses();
}

std::string metric_log_name(const Metric& metric) {
  if (is_accuracy(metric.name)) return "acc";
  if (const auto* def = find_metric(metric.name)) return def->logged != nullptr ? def->logged : def->name;
  return find_loss(metric.name) != nullptr ? metric.name : "";
}

std::string problem_of(const Metric& metric) {
  const auto* def = find_metric(metric.name);
  const MetricOptions neutral;
  const auto& options = metric.options;
  if (def == nullptr && !is_accuracy(metric.name)) {
    if (find_loss(metric.name) == nullptr) return fmt::format("metric \"{}\" is not known; known are {}", metric.name, known_metrics());
    if (auto problem = problem_of(Loss(metric.name, options.loss)); !problem.empty()) return "as a metric: " + problem;
  }
  auto no_option = [&](const char* option) { return fmt::format("metric {}: \"{}\" is not an option of it", metric.name, option); };
  if (options.threshold != neutral.threshold && (def == nullptr || !def->takes_threshold)) return no_option("threshold");
  if (options.k != neutral.k && (def == nullptr || !def->takes_k)) return no_option("k");
  if (options.class_id && (def == nullptr || !def->takes_class)) return no_option("class_id");
  if (!std::isfinite(options.threshold))
    return fmt::format("metric {}: \"threshold\" is {}, expected a finite number", metric.name, options.threshold);
  if (options.k < 1) return fmt::format("metric {}: \"k\" is {}, expected at least 1", metric.name, options.k);
  return "";
}

LoweredMetric lower_metric(Builder& b, const Metric& metric, const Loss& loss, ValueId predicted, ValueId labels, const Dialect& dialect) {
  const auto* loss_def = find_loss(loss.name);
  const auto* def = find_metric(metric.name);
  auto classes = b.type(predicted).dims.back();
  if (metric.options.class_id && (*metric.options.class_id < 0 || *metric.options.class_id >= classes))
    throw Error("metric {}: \"class_id\" is {}, but the model has {} classes", metric.name, *metric.options.class_id, classes);
  Context context{b, metric.options, predicted, labels, loss_def->labels == LabelKind::classes};
  // What "accuracy" means depends on output and loss, as in tf.js's LayersModel.compile, or on output and labels, as in Keras.
  if (is_accuracy(metric.name)) {
    bool binary_loss = find_loss("binary_crossentropy") == loss_def;
    bool binary = classes == 1 || (binary_loss && !dialect.accuracy_goes_by_shape);
    return binary ? binary_accuracy(context) : categorical_accuracy(context);
  }
  if (def != nullptr) return def->lower(context);
  // A loss takes labels as they are, whichever of the two cross-entropies of classes is named.
  Loss as_loss(find_loss(metric.name)->name, metric.options.loss);
  if (context.labels_are_classes && find_loss(as_loss.name)->labels == LabelKind::like_output)
    labels = context.like_output();
  else if (!context.labels_are_classes && find_loss(as_loss.name)->labels == LabelKind::classes)
    as_loss.name = "categorical_crossentropy";
  return {Formula::mean, {{"", lower_loss(b, as_loss, predicted, labels)}}};
}

}  // namespace gradc
