#include "frontend/metrics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "frontend/names.h"
#include "gradc/error.h"
#include "ir/symbol.h"

namespace gradc {
namespace {

double quotient(double a, double b) { return b == 0 ? 0 : a / b; }
double ratio(const MetricValues& sums, double, const MetricOptions&) { return quotient(sums[0][0], sums[1][0]); }

/// What a metric is computed from.
struct Context {
  Builder& b;
  const Metric& metric;
  ValueId predicted, labels;
  bool labels_are_classes;
  const Dialect& dialect;
  ValueId mask = -1, weights = -1;

  const MetricOptions& options() const { return metric.options; }
  double threshold() const { return options().threshold.value_or(0.5); }
  ValueId emit(OpKind kind, std::vector<ValueId> operands, const char* hint = "") { return b.emit(kind, std::move(operands), {}, hint); }
  ValueId like_output() { return labels_are_classes ? one_hot_labels(b, labels, predicted) : labels; }
  ValueId class_numbers() { return labels_are_classes ? labels : argmax(labels); }
  ValueId argmax(ValueId x) {
    // The largest probability is the largest logit, so no softmax is computed for an accuracy.
    if (auto logits = logits_of(b, x, OpKind::softmax); logits >= 0) x = logits;
    return emit(OpKind::argmax, {x}, "argmax");
  }
  ValueId above_threshold() { return emit(OpKind::greater, {predicted, b.constant(threshold())}); }
  /// How many times each counts of what has the shape of x.
  Symbol weights_like(ValueId x) {
    if (auto spread = weights_over(symbol(weights), b.type(x).dims)) return *spread;
    throw Error("metric {}: an image's weights have shape {}, but what they weigh {}", metric.name,
                shape_string(b.type(weights).image_dims()), shape_string(b.type(x).image_dims()));
  }
  ValueId weighted(ValueId x) { return weights < 0 ? x : (symbol(x) * weights_like(x)).id; }

  LoweredMetric mean(ValueId of_elements) {
    if (weights >= 0) {
      const auto count = weights_like(of_elements);
      const auto times = b.type(of_elements).elements() / type_of(count).elements();
      return {ratio,
              {{"sum", sum_of_image(b, weighted(of_elements))},
               {"weights", (symbol(sum_of_image(b, count.id)) * static_cast<double>(times)).id}}};
    }
    if (mask < 0) return mean_of_all(of_elements);
    const auto seen = sum_of_seen(b, of_elements, mask);
    return {ratio, {{"sum", seen.sum}, {"seen", seen.count}}};
  }
  LoweredMetric mean_of_all(ValueId of_elements) { return {mean_over_images, {{"", mean_of_image(b, of_elements)}}, Reduction::mean}; }
  /// The mean of a loss.
  LoweredMetric of_loss(const Loss& loss, ValueId of_labels) {
    const auto losses = lower_loss(b, loss, predicted, of_labels, dialect, {.mask = mask, .weights = weights});
    if (weights >= 0) return {ratio, {{"sum", losses}, {"weights", mean_of_image(b, weights)}}};
    if (mask < 0 || !b.type(losses).batched()) return {mean_over_images, {{"", losses}}, Reduction::mean};
    return {ratio, {{"sum", losses}, {"seen", sum_of_image(b, mask)}}};
  }
  /// The part of a batch that the class of the options has.
  ValueId of_class(ValueId x) {
    if (!options().class_id) return x;
    return slice_of_last(symbol(x), *options().class_id, 1, "class").id;
  }

  Symbol symbol(ValueId x) { return {&b, x}; }
  std::int64_t classes() const { return b.type(predicted).dims.back(); }
  /// A number for each of the image's elements.
  static Symbol flat(Symbol x) { return reshape(x, {kBatch, type_of(x).elements()}); }
  static Symbol mean_of_last(Symbol x) { return sum_of_last(x, true) * (1.0 / static_cast<double>(type_of(x).dims.back())); }
};

double root_mean(const MetricValues& sums, double images, const MetricOptions&) { return std::sqrt(sums[0][0] / images); }
double root_ratio(const MetricValues& sums, double images, const MetricOptions& options) { return std::sqrt(ratio(sums, images, options)); }
double count(const MetricValues& sums, double, const MetricOptions&) { return sums[0][0]; }

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
  const auto p = c.symbol(c.predicted);
  const auto of_label = sum_of_last(select(c.symbol(classes), p, constant(p, 0)), true);
  const auto larger = sum_of_last(greater(p, of_label));
  return c.mean(c.emit(OpKind::greater, {c.b.constant(static_cast<double>(c.options().k)), larger.id}, "correct"));
}

/// 1 where a label is not 0.
ValueId positive_labels(Context& c) {
  auto is_zero = c.emit(OpKind::equal, {c.of_class(c.like_output()), c.b.constant(0)});
  return c.emit(OpKind::sub, {c.b.constant(1), is_zero}, "actual");
}

/// 1 for the largest `top_k` numbers along the last dimension, of equal ones the first, that are above a threshold, if there is one.
ValueId among_largest(Context& c) {
  const auto p = c.symbol(c.predicted);
  auto dims = type_of(p).dims;
  const auto classes = dims.back();
  dims.push_back(1);
  const auto each = reshape(p, dims);
  std::swap(dims[dims.size() - 1], dims[dims.size() - 2]);
  const auto other = reshape(p, dims);
  auto place = [&](std::int64_t axis) {
    return c.symbol(c.b.emit(OpKind::iota, {}, {{"axis", axis}, {"dims", Ints{classes, classes}}}, "place"));
  };
  const auto before = greater(other, each) + emit(OpKind::equal, {other, each}) * greater(place(0), place(1));
  const auto largest = greater(static_cast<double>(*c.options().top_k), sum_of_last(before));
  return c.options().threshold ? (largest * c.symbol(c.above_threshold())).id : largest.id;
}

/// True positives divided by what `all` names: predicted positives for a precision, actual positives for a recall.
LoweredMetric positives(Context& c, bool of_predicted) {
  auto predicted = c.of_class(c.options().top_k ? among_largest(c) : c.above_threshold());
  auto actual = positive_labels(c);
  auto both = c.emit(OpKind::mul, {predicted, actual}, "true_positives");
  return {ratio,
          {{"true_positives", sum_of_image(c.b, c.weighted(both))},
           {of_predicted ? "predicted_positives" : "actual_positives", sum_of_image(c.b, c.weighted(of_predicted ? predicted : actual))}}};
}

/// How many elements are predicted so and labeled so.
template <bool predicted_positive, bool labeled_positive>
LoweredMetric counted(Context& c) {
  const auto predicted = c.symbol(c.above_threshold()), actual = c.symbol(positive_labels(c));
  const auto both = (predicted_positive ? predicted : 1 - predicted) * (labeled_positive ? actual : 1 - actual);
  return {count, {{"", sum_of_image(c.b, c.weighted(both.id))}}};
}

LoweredMetric root_mean_squared_error(Context& c) {
  auto difference = c.emit(OpKind::sub, {c.predicted, c.like_output()});
  const auto squares = c.emit(OpKind::square, {difference});
  auto lowered = c.weights < 0 ? c.mean_of_all(squares) : c.mean(squares);
  lowered.formula = c.weights < 0 ? root_mean : root_ratio;
  return lowered;
}

LoweredMetric cosine_similarity(Context& c) {
  return c.mean(sum_of_last(normalized(c.symbol(c.like_output()), c.dialect) * normalized(c.symbol(c.predicted), c.dialect)).id);
}

LoweredMetric log_cosh_error(Context& c) { return c.of_loss({"log_cosh"}, c.like_output()); }

/// Of the numbers of an image along the last dimension, with deviations from their means over all of them.
LoweredMetric pearson_correlation(Context& c) {
  auto standardized = [&](Symbol x) {
    const auto centered = x - c.mean_of_last(x);
    return centered / sqrt(c.mean_of_last(square(centered)));
  };
  return c.mean((standardized(c.symbol(c.like_output())) * standardized(c.symbol(c.predicted))).id);
}

/// Lin's coefficient, with Keras's covariance.
LoweredMetric concordance_correlation(Context& c) {
  const auto y = c.symbol(c.like_output()), p = c.symbol(c.predicted);
  const auto y_mean = c.mean_of_last(y), p_mean = c.mean_of_last(p);
  const auto variances = c.mean_of_last(square(y - y_mean)) + c.mean_of_last(square(p - p_mean));
  const auto scale = variances + square(y_mean - p_mean) + kEpsilon;
  return c.mean(((y - p_mean) * (p - p_mean) * 2 / scale).id);
}

// Curves: positives and negatives of which the prediction is above each of many thresholds.

/// The labels of an image by the thresholds, evenly from 0 to 1, that predictions are above: number i has those above threshold i and not
/// above i + 1. Predictions of 0 are above none, unless `from_below`.
LoweredMetric by_thresholds(Context& c, Formula formula, bool from_below) {
  const auto count = c.options().num_thresholds;
  auto p = c.flat(c.symbol(c.of_class(c.predicted)));
  if (c.options().from_logits) p = sigmoid(p);
  const auto scaled = min(max(p, 0), 1) * static_cast<double>(count - 1);
  const auto rounded = emit(OpKind::round, {scaled});
  auto place = rounded + greater(scaled, rounded) - 1;  // the next whole number from there on, less 1
  if (from_below) place = max(place, 0);
  const auto at_place = one_hot(place, count);
  const auto elements = c.b.type(p.id).dims.back();
  const auto actual = reshape(c.symbol(positive_labels(c)), {kBatch, elements, 1});
  auto summed = [&](Symbol labels) {
    const auto counts = at_place * labels;
    return c.options().multi_label ? c.flat(counts).id : sum(counts, {1}).id;
  };
  auto all = [&](Symbol labels) {
    const auto counts = reshape(labels, {kBatch, elements});
    return c.options().multi_label ? counts.id : sum_of_last(counts, true).id;
  };
  return {formula,
          {{"positives", summed(actual)},
           {"negatives", summed(1 - actual)},
           {"all_positives", all(actual)},
           {"all_negatives", all(1 - actual)}}};
}

/// Confusions at each threshold.
struct Curve {
  std::vector<double> true_positives, false_positives, true_negatives, false_negatives;

  Curve(const MetricValues& sums, std::size_t label, std::size_t thresholds) {
    auto above = [&](const std::vector<double>& of) {
      std::vector<double> counts(of.begin() + static_cast<std::ptrdiff_t>(label * thresholds),
                                 of.begin() + static_cast<std::ptrdiff_t>((label + 1) * thresholds));
      std::partial_sum(counts.rbegin(), counts.rend(), counts.rbegin());
      return counts;
    };
    true_positives = above(sums[0]);
    false_positives = above(sums[1]);
    for (auto each : true_positives) false_negatives.push_back(sums[2][label] - each);
    for (auto each : false_positives) true_negatives.push_back(sums[3][label] - each);
  }

  std::size_t size() const { return true_positives.size(); }
  double recall(std::size_t i) const { return quotient(true_positives[i], true_positives[i] + false_negatives[i]); }
  double precision(std::size_t i) const { return quotient(true_positives[i], true_positives[i] + false_positives[i]); }
  double specificity(std::size_t i) const { return quotient(true_negatives[i], true_negatives[i] + false_positives[i]); }
  double false_positive_rate(std::size_t i) const { return quotient(false_positives[i], false_positives[i] + true_negatives[i]); }
};

/// The area under a precision-recall curve, between whose points true positives are linear in predicted ones (Davis and Goadrich 2006).
double area_of_precision(const Curve& c) {
  double area = 0;
  for (std::size_t i = 0; i + 1 < c.size(); ++i) {
    const auto first = c.true_positives[i] + c.false_positives[i], second = c.true_positives[i + 1] + c.false_positives[i + 1];
    const auto positives = c.true_positives[i] - c.true_positives[i + 1];
    const auto slope = quotient(positives, std::max(first - second, 0.0));
    const auto intercept = c.true_positives[i + 1] - slope * second;
    const auto logarithm = first > 0 && second > 0 ? std::log(first / second) : 0;
    area += quotient(slope * (positives + intercept * logarithm), c.true_positives[i + 1] + c.false_negatives[i + 1]);
  }
  return area;
}

/// Precision and recall as gains over what always predicting 1 has (Flach and Kull 2015).
std::pair<double, double> gains(const Curve& c, std::size_t i) {
  if (c.true_positives[i] == 0) return {0, 1};
  const auto scale = quotient(c.true_positives[i] + c.false_negatives[i], c.true_negatives[i] + c.false_positives[i]);
  const auto recall = 1 - scale * c.false_negatives[i] / c.true_positives[i];
  return {std::max(recall, 0.0), 1 - scale * c.false_positives[i] / c.true_positives[i]};
}

double area(const Curve& c, const MetricOptions& options) {
  const bool interpolated = options.summation_method == "interpolation";
  if (options.curve == "PR" && interpolated) return area_of_precision(c);
  auto point = [&](std::size_t i) -> std::pair<double, double> {
    if (options.curve == "ROC") return {c.false_positive_rate(i), c.recall(i)};
    if (options.curve == "PR") return {c.recall(i), c.precision(i)};
    return gains(c, i);
  };
  double sum = 0;
  for (std::size_t i = 0; i + 1 < c.size(); ++i) {
    const auto [x, y] = point(i);
    const auto [next_x, next_y] = point(i + 1);
    sum += (x - next_x) * (interpolated                             ? (y + next_y) / 2
                           : options.summation_method == "minoring" ? std::min(y, next_y)
                                                                    : std::max(y, next_y));
  }
  return sum;
}

double area_under_curve(const MetricValues& sums, double, const MetricOptions& options) {
  double sum = 0;
  for (std::size_t label = 0; label < sums[2].size(); ++label)
    sum += area(Curve(sums, label, static_cast<std::size_t>(options.num_thresholds)), options);
  return sum / static_cast<double>(sums[2].size());
}

LoweredMetric auc(Context& c) { return by_thresholds(c, area_under_curve, true); }

using Share = double (Curve::*)(std::size_t) const;

/// The most that one share is at the thresholds at which another is at least the bound.
template <Share sought, Share bounded>
LoweredMetric at_bound(Context& c) {
  return by_thresholds(
      c,
      [](const MetricValues& sums, double, const MetricOptions& options) {
        const Curve curve(sums, 0, static_cast<std::size_t>(options.num_thresholds));
        double most = 0;
        for (std::size_t i = 0; i < curve.size(); ++i)
          if ((curve.*bounded)(i) >= *options.bound) most = std::max(most, (curve.*sought)(i));
        return most;
      },
      false);
}

/// (1 + β²) precision recall / (β² precision + recall)
double f_score(double true_positives, double predicted, double actual, double beta) {
  const auto precision = true_positives / (predicted + kEpsilon), recall = true_positives / (actual + kEpsilon);
  return precision * recall / (beta * beta * precision + recall + kEpsilon) * (1 + beta * beta);
}

double f_score_of_classes(const MetricValues& sums, double, const MetricOptions& options) {
  auto total = [](const std::vector<double>& of) { return std::accumulate(of.begin(), of.end(), 0.0); };
  if (options.average == "micro") return f_score(total(sums[0]), total(sums[1]), total(sums[2]), options.beta);
  const bool weighted = options.average == "weighted";
  double score = 0;
  for (std::size_t i = 0; i < sums[0].size(); ++i) {
    const auto weight = weighted ? sums[2][i] / (total(sums[2]) + kEpsilon) : 1 / static_cast<double>(sums[0].size());
    score += weight * f_score(sums[0][i], sums[1][i], sums[2][i], options.beta);
  }
  return score;
}

LoweredMetric f_beta(Context& c) {
  if (c.b.type(c.predicted).rank() != 2)
    throw Error("metric {}: takes an output of a number for each class, not one of positions", c.metric.name);
  const auto p = c.symbol(c.predicted), y = c.symbol(c.like_output());
  auto of_largest = [&] { return (1 - greater(largest_of_last(p, true), p)) * greater(abs(p), 1e-9); };
  const auto predicted = c.options().threshold ? c.symbol(c.above_threshold()) : of_largest();
  return {f_score_of_classes, {{"true_positives", (predicted * y).id}, {"predicted", predicted.id}, {"actual", y.id}}};
}

/// The mean over classes of intersection / union; a class that neither labels nor predictions have does not count.
double intersection_over_union(const MetricValues& sums, double, const MetricOptions& options) {
  auto classes = options.target_class_ids;
  if (classes.empty()) {
    classes.resize(sums[0].size());
    std::iota(classes.begin(), classes.end(), 0);
  }
  double total = 0, counted = 0;
  for (auto each : classes) {
    const auto i = static_cast<std::size_t>(each);
    const auto either = sums[1][i] + sums[2][i] - sums[0][i];
    if (either <= 1e-9) continue;
    total += sums[0][i] / (either + kEpsilon);
    ++counted;
  }
  return total / (counted + kEpsilon);
}

/// Of labels and predictions that are class numbers. An element of which either is none of the classes does not count.
LoweredMetric overlap(Context& c, Symbol labels, Symbol predictions, std::int64_t classes) {
  for (auto each : c.options().target_class_ids)
    if (each >= classes) throw Error("metric {}: \"target_class_ids\" has {}, but there are {} classes", c.metric.name, each, classes);
  if (c.b.type(labels.id).elements() != c.b.type(predictions.id).elements())
    throw Error(
        "metric {}: \"sparse_y_pred\" takes predictions that are class numbers, but the model gives {} numbers for each label: set it to "
        "false",
        c.metric.name, c.classes());
  if (c.options().ignore_class)
    labels = select(emit(OpKind::equal, {labels, constant(labels, static_cast<double>(*c.options().ignore_class))}), constant(labels, -1),
                    labels);
  const auto y = one_hot(c.flat(labels), classes), p = one_hot(c.flat(predictions), classes);
  auto over_elements = [&](Symbol x) { return sum(x, {1}).id; };
  return {intersection_over_union,
          {{"both", over_elements(y * p)},
           {"labeled", over_elements(y * sum_of_last(p, true))},
           {"predicted", over_elements(p * sum_of_last(y, true))}}};
}

LoweredMetric overlap_of_classes(Context& c, bool sparse_labels, bool sparse_predictions) {
  const auto classes = c.options().num_classes > 0 ? c.options().num_classes : c.classes();
  const auto labels = sparse_labels || c.labels_are_classes ? truncated(c.symbol(c.labels)) : c.symbol(c.class_numbers());
  return overlap(c, labels, sparse_predictions ? truncated(c.symbol(c.predicted)) : c.symbol(c.argmax(c.predicted)), classes);
}

LoweredMetric iou(Context& c) { return overlap_of_classes(c, c.options().sparse_y_true, c.options().sparse_y_pred); }
LoweredMetric one_hot_iou(Context& c) { return overlap_of_classes(c, false, false); }

LoweredMetric binary_iou(Context& c) {
  const auto below = greater(c.threshold(), c.symbol(c.predicted));
  return overlap(c, truncated(c.symbol(c.like_output())), 1 - below, 2);
}

/// 1 - squared error / squared deviation of labels, of each of an image's numbers.
double r2_score(const MetricValues& sums, double images, const MetricOptions& options) {
  double total = 0, score = 0, weights = 0;
  const bool weighted = options.class_aggregation == "variance_weighted_average";
  for (std::size_t i = 0; i < sums[0].size(); ++i) {
    const auto deviation = sums[1][i] - sums[0][i] * sums[0][i] / images;
    const auto raw = deviation == 0 && sums[2][i] != 0 ? 0 : 1 - sums[2][i] / deviation;
    const auto weight = weighted ? deviation : 1;
    score += weight * raw;
    weights += weight;
    total += images;
  }
  score /= weights;
  const auto regressors = static_cast<double>(options.num_regressors);
  return regressors == 0 || regressors >= total - 1 ? score : 1 - (1 - score) * (total - 1) / (total - regressors - 1);
}

LoweredMetric r2(Context& c) {
  const auto y = c.flat(c.symbol(c.like_output())), p = c.flat(c.symbol(c.predicted));
  return {r2_score, {{"labels", y.id}, {"squared_labels", square(y).id}, {"squared_errors", square(y - p).id}}};
}

struct MetricDef {
  const char* name;
  LoweredMetric (*lower)(Context&);
  std::vector<const char*> takes = {};
  const char* needs = nullptr;   ///< The option without which it means nothing.
  const char* logged = nullptr;  ///< The name in logs, if it is another.
  bool weighs = true;            ///< Whether images may count more or less in it.
};

/// Besides "accuracy", which stands for one of them, and the losses.
const std::vector<MetricDef> metrics = {
    {.name = "categoricalAccuracy", .lower = categorical_accuracy},
    {.name = "sparseCategoricalAccuracy", .lower = categorical_accuracy},
    {.name = "binaryAccuracy", .lower = binary_accuracy, .takes = {"threshold"}},
    {.name = "equality", .lower = equality, .logged = "acc"},  // Keras's class Accuracy
    {.name = "topKCategoricalAccuracy", .lower = top_k, .takes = {"k"}},
    {.name = "sparseTopKCategoricalAccuracy", .lower = top_k, .takes = {"k"}},
    {.name = "precision", .lower = [](Context& c) { return positives(c, true); }, .takes = {"threshold", "top_k", "class_id"}},
    {.name = "recall", .lower = [](Context& c) { return positives(c, false); }, .takes = {"threshold", "top_k", "class_id"}},
    {.name = "truePositives", .lower = counted<true, true>, .takes = {"threshold"}},
    {.name = "trueNegatives", .lower = counted<false, false>, .takes = {"threshold"}},
    {.name = "falsePositives", .lower = counted<true, false>, .takes = {"threshold"}},
    {.name = "falseNegatives", .lower = counted<false, true>, .takes = {"threshold"}},
    {.name = "auc", .lower = auc, .takes = {"num_thresholds", "curve", "summation_method", "multi_label", "from_logits"}, .weighs = false},
    {.name = "precisionAtRecall",
     .lower = at_bound<&Curve::precision, &Curve::recall>,
     .takes = {"recall", "num_thresholds", "class_id"},
     .needs = "recall",
     .weighs = false},
    {.name = "recallAtPrecision",
     .lower = at_bound<&Curve::recall, &Curve::precision>,
     .takes = {"precision", "num_thresholds", "class_id"},
     .needs = "precision",
     .weighs = false},
    {.name = "sensitivityAtSpecificity",
     .lower = at_bound<&Curve::recall, &Curve::specificity>,
     .takes = {"specificity", "num_thresholds", "class_id"},
     .needs = "specificity",
     .weighs = false},
    {.name = "specificityAtSensitivity",
     .lower = at_bound<&Curve::specificity, &Curve::recall>,
     .takes = {"sensitivity", "num_thresholds", "class_id"},
     .needs = "sensitivity",
     .weighs = false},
    {.name = "f1Score", .lower = f_beta, .takes = {"average", "threshold"}, .needs = "average", .weighs = false},
    {.name = "fBetaScore", .lower = f_beta, .takes = {"average", "beta", "threshold"}, .needs = "average", .weighs = false},
    {.name = "binaryIoU", .lower = binary_iou, .takes = {"target_class_ids", "threshold"}, .weighs = false},
    {.name = "iou",
     .lower = iou,
     .takes = {"num_classes", "target_class_ids", "ignore_class", "sparse_y_true", "sparse_y_pred"},
     .needs = "target_class_ids",
     .weighs = false},
    {.name = "meanIoU",
     .lower = iou,
     .takes = {"num_classes", "ignore_class", "sparse_y_true", "sparse_y_pred"},
     .needs = "num_classes",
     .weighs = false},
    {.name = "oneHotIoU",
     .lower = one_hot_iou,
     .takes = {"num_classes", "target_class_ids", "ignore_class"},
     .needs = "target_class_ids",
     .weighs = false},
    {.name = "oneHotMeanIoU", .lower = one_hot_iou, .takes = {"num_classes", "ignore_class"}, .needs = "num_classes", .weighs = false},
    {.name = "rootMeanSquaredError", .lower = root_mean_squared_error},
    {.name = "logCoshError", .lower = log_cosh_error, .logged = "logcosh"},
    {.name = "cosineSimilarity", .lower = cosine_similarity},
    {.name = "pearsonCorrelation", .lower = pearson_correlation},
    {.name = "concordanceCorrelation", .lower = concordance_correlation},
    {.name = "r2Score", .lower = r2, .takes = {"class_aggregation", "num_regressors"}, .weighs = false},
};

bool is_accuracy(const std::string& name) {
  auto plain = plain_name(name);
  return plain == "acc" || plain == "accuracy";
}

const MetricDef* find_metric(const std::string& name) {
  auto plain = plain_name(name);
  for (const auto& metric : metrics)
    if (plain_name(metric.name) == plain) return &metric;
  return nullptr;
}

bool takes(const MetricDef* def, std::string_view option) {
  return def != nullptr && std::find(def->takes.begin(), def->takes.end(), option) != def->takes.end();
}

/// Whether a metric takes another option that stands at the same place.
bool takes_place_of(const MetricDef* def, const MetricOption& option) {
  const auto& all = metric_options();
  return std::any_of(all.begin(), all.end(), [&](const auto& other) { return takes(def, other.name) && other.member == option.member; });
}

}  // namespace

double mean_over_images(const MetricValues& sums, double images, const MetricOptions&) { return sums[0][0] / images; }

const std::vector<MetricOption>& metric_options() {
  using O = MetricOptions;
  static const std::vector<MetricOption> all = {
      {"threshold", &O::threshold},
      {"k", &O::k, kAtLeast1},
      {"top_k", &O::top_k, kAtLeast1},
      {"class_id", &O::class_id, kNotNegative},
      {"average", &O::average, {}, {"micro", "macro", "weighted"}},
      {"beta", &O::beta, kPositive},
      {"num_thresholds", &O::num_thresholds, kThresholds},
      {"curve", &O::curve, {}, {"ROC", "PR", "PRGAIN"}},
      {"summation_method", &O::summation_method, {}, {"interpolation", "minoring", "majoring"}},
      {"multi_label", &O::multi_label},
      {"from_logits", &O::from_logits},
      {"precision", &O::bound, kShare},
      {"recall", &O::bound, kShare},
      {"sensitivity", &O::bound, kShare},
      {"specificity", &O::bound, kShare},
      {"num_classes", &O::num_classes, kAtLeast1},
      {"target_class_ids", &O::target_class_ids, kNotNegative},
      {"ignore_class", &O::ignore_class},
      {"sparse_y_true", &O::sparse_y_true},
      {"sparse_y_pred", &O::sparse_y_pred},
      {"class_aggregation", &O::class_aggregation, {}, {"uniform_average", "variance_weighted_average"}},
      {"num_regressors", &O::num_regressors, kNotNegative},
  };
  return all;
}

std::vector<std::string> known_metrics() {
  std::vector<std::string> names = {"accuracy"};
  for (const auto& metric : metrics) names.emplace_back(metric.name);
  std::ranges::copy(known_losses(), std::back_inserter(names));  // Each is a metric too.
  return names;
}

std::string list_metrics() {
  std::string table = "| metric | options |\n| --- | --- |\n| accuracy |  |\n";
  for (const auto& metric : metrics) table += fmt::format("| {} | {} |\n", metric.name, fmt::join(metric.takes, ", "));
  return table;
}

bool is_own_metric(const std::string& name) { return is_accuracy(name) || find_metric(name) != nullptr; }

bool takes_option(const Metric& metric, const MetricOption& option) { return takes(find_metric(metric.name), option.name); }

std::string metric_log_name(const Metric& metric) {
  if (is_accuracy(metric.name)) return "acc";
  if (const auto* def = find_metric(metric.name)) return def->logged != nullptr ? def->logged : def->name;
  return find_loss(metric.name) != nullptr ? metric.name : "";
}

std::string problem_of(const Metric& metric) {
  const auto* def = find_metric(metric.name);
  if (!is_own_metric(metric.name)) {
    if (find_loss(metric.name) == nullptr)
      return fmt::format("metric \"{}\" is not known; {}", metric.name, known_are(known_metrics(), metric.name));
    if (auto problem = problem_of(Loss(metric.name, metric.options.loss)); !problem.empty()) return "as a metric: " + problem;
  }
  for (const auto& option : metric_options()) {
    const bool given = option.is_given(metric.options), taken = takes(def, option.name);
    if (given && !taken && !takes_place_of(def, option))
      return fmt::format("metric {}: \"{}\" is not an option of it", metric.name, option.name);
    if (!given && def != nullptr && def->needs != nullptr && std::string_view(def->needs) == option.name)
      return fmt::format(
          "metric {}: needs \"{}\"{}", metric.name, option.name,
          option.choices.empty() ? "" : fmt::format(", one of {}: gradc logs one number for a metric", fmt::join(option.choices, ", ")));
    if (auto problem = given && taken ? option.problem(metric.options) : ""; !problem.empty())
      return fmt::format("metric {}: {}", metric.name, problem);
  }
  return "";
}

LoweredMetric lower_metric(Builder& b, const Metric& metric, const Loss& loss, ValueId predicted, ValueId labels, const Dialect& dialect,
                           ValueId mask, ValueId weights) {
  const auto* loss_def = find_loss(loss.name);
  const auto* def = find_metric(metric.name);
  auto classes = b.type(predicted).dims.back();
  if (metric.options.class_id && (*metric.options.class_id < 0 || *metric.options.class_id >= classes))
    throw Error("metric {}: \"class_id\" is {}, but the model has {} classes", metric.name, *metric.options.class_id, classes);
  if (weights >= 0 && def != nullptr && !def->weighs)
    throw Error("metric {}: images cannot be weighted in it; put it under \"metrics\" instead of \"weighted_metrics\"", metric.name);
  if (weights >= 0 && mask >= 0) {
    weights = (Symbol{&b, mask} * with_rank({&b, weights}, b.type(mask).dims.size())).id;
    mask = -1;
  }
  Context context{b, metric, predicted, labels, loss_def->labels == LabelKind::classes, dialect, mask, weights};
  // What "accuracy" means depends on output and loss, as in tf.js's LayersModel.compile, or on output and labels, as in Keras.
  if (is_accuracy(metric.name)) {
    bool binary_loss = find_loss("binary_crossentropy") == loss_def;
    bool binary = classes == 1 || (binary_loss && !dialect.accuracy_goes_by_shape);
    return binary ? binary_accuracy(context) : categorical_accuracy(context);
  }
  if (def != nullptr) return def->lower(context);
  // A loss takes labels as they are, whichever of the two cross-entropies of classes is named.
  Loss as_loss(find_loss(metric.name)->name, metric.options.loss);
  if (context.labels_are_classes && find_loss(as_loss.name)->labels != LabelKind::classes)
    labels = context.like_output();
  else if (!context.labels_are_classes && find_loss(as_loss.name)->labels == LabelKind::classes)
    as_loss.name = "categorical_crossentropy";
  return context.of_loss(as_loss, labels);
}

}  // namespace gradc
