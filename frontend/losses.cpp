#include "frontend/losses.h"

#include <algorithm>
#include <cmath>

#include "frontend/names.h"
#include "gradc/error.h"
#include "ir/roles.h"

namespace gradc {
namespace {

Symbol clip(Symbol x, double least, double most) { return min(max(x, least), most); }

/// The sum over all images of the batch, in which padding does not count.
Symbol sum_of_batch(Symbol x) {
  const Symbol mask{x.b, find_input(x.b->graph(), InputRole::batch_mask)->result()};
  const Symbol of_images{x.b, sum_of_image(*x.b, x.id)};
  return sum(of_images * mask, {0});
}

Symbol smoothed(const LossArguments& a, double even) {
  const auto smoothing = a.options.label_smoothing;
  return smoothing == 0 ? a.labels : a.labels * (1 - smoothing) + smoothing * even;
}

Symbol smoothed_classes(const LossArguments& a) { return smoothed(a, 1.0 / static_cast<double>(type_of(a.predicted).dims.back())); }

/// Probabilities with a sum of 1, none of which is 0.
Symbol probabilities(const LossArguments& a) {
  const auto p = a.options.from_logits ? emit(OpKind::softmax, {a.predicted}) : a.predicted / sum_of_last(a.predicted, true);
  return clip(p, kEpsilon, 1 - kEpsilon);
}

/// The logits that probabilities were made of, if they are known.
std::optional<Symbol> known_logits(const LossArguments& a, OpKind activation) {
  if (a.options.from_logits) return a.predicted;
  const auto logits = logits_of(*a.predicted.b, a.predicted.id, activation);
  return logits < 0 ? std::nullopt : std::optional(Symbol{a.predicted.b, logits});
}

/// From a softmax the loss is taken of its logits, as Keras does: the same number, but large logits lose nothing.
Symbol categorical_crossentropy(const LossArguments& a) {
  const auto labels = smoothed_classes(a);
  if (auto z = known_logits(a, OpKind::softmax)) return emit(OpKind::softmax_cross_entropy, {*z, labels}, {}, "cross_entropy");
  return -sum_of_last(labels * log(probabilities(a)));
}

/// max(z, 0) - z y + log(1 + exp(-|z|)), where z are the logits.
Symbol binary_crossentropy(const LossArguments& a) {
  const auto labels = smoothed(a, 0.5);
  auto z = known_logits(a, OpKind::sigmoid);
  if (!z) {
    const auto p = clip(a.predicted, kEpsilon, 1 - kEpsilon);
    z = log(p / (1 - p));
  }
  // softplus(z) is max(z, 0) + log(1 + exp(-|z|)).
  return softplus(*z) - *z * labels;
}

/// α (1 - p)^γ of the cross-entropy of each class (Lin et al. 2017).
Symbol categorical_focal_crossentropy(const LossArguments& a) {
  const auto p = probabilities(a);
  return sum_of_last(pow(1 - p, a.options.gamma) * a.options.alpha.value_or(0.25) * (-smoothed_classes(a) * log(p)));
}

Symbol binary_focal_crossentropy(const LossArguments& a) {
  const auto y = smoothed(a, 0.5), p = a.options.from_logits ? sigmoid(a.predicted) : a.predicted;
  const auto of_label = y * p + (1 - y) * (1 - p);
  const auto loss = pow(1 - of_label, a.options.gamma) * binary_crossentropy(a);
  const auto alpha = a.options.alpha.value_or(0.25);
  return a.options.apply_class_balancing ? (y * alpha + (1 - y) * (1 - alpha)) * loss : loss;
}

/// (1 - p^q) / q of the label's class (Zhang and Sabuncu 2018).
Symbol generalized_cross_entropy(const LossArguments& a) {
  const auto q = a.options.q;
  return (1 - pow(sum_of_last(a.predicted * a.labels), q)) * (1 / q);
}

Symbol error_of(const LossArguments& a) { return a.predicted - a.labels; }

Symbol mean_absolute_percentage_error(const LossArguments& a) { return abs(error_of(a) / max(abs(a.labels), kEpsilon)) * 100; }

Symbol mean_squared_logarithmic_error(const LossArguments& a) {
  auto log_above = [](Symbol x) { return log(max(x, kEpsilon) + 1); };
  return square(log_above(a.predicted) - log_above(a.labels));
}

Symbol huber(const LossArguments& a) {
  const auto delta = a.options.delta;
  const auto error = error_of(a), size = abs(error);
  return select(greater(size, delta), size * delta - 0.5 * delta * delta, square(error) * 0.5);
}

Symbol log_cosh(const LossArguments& a) {
  const auto error = error_of(a);
  return error + softplus(error * -2) - std::log(2);
}

/// Labels of -1 and 1. In Keras a batch whose labels are all 0 or 1 says -1 by 0.
Symbol signed_labels(const LossArguments& a) {
  const auto y = a.labels;
  if (!a.dialect.binary_labels_are_signs) return y;
  const auto others = sum_of_batch(greater(abs(y * (y - 1)), 0));
  return select(greater(others, 0), y, y * 2 - 1);
}

Symbol hinge(const LossArguments& a) { return max(1 - signed_labels(a) * a.predicted, 0); }

Symbol squared_hinge(const LossArguments& a) { return square(hinge(a)); }

Symbol categorical_hinge(const LossArguments& a) {
  const auto others = largest_of_last((1 - a.labels) * a.predicted);
  return max(others - sum_of_last(a.labels * a.predicted) + 1, 0);
}

Symbol kl_divergence(const LossArguments& a) {
  const auto y = clip(a.labels, kEpsilon, 1), p = clip(a.predicted, kEpsilon, 1);
  return sum_of_last((a.dialect.divergence_clips_labels ? y : a.labels) * log(y / p));
}

Symbol poisson(const LossArguments& a) { return a.predicted - a.labels * log(a.predicted + kEpsilon); }

Symbol cosine_similarity(const LossArguments& a) {
  return -sum_of_last(normalized(a.labels, a.dialect) * normalized(a.predicted, a.dialect));
}

/// 1 - 2 |y p| / (|y| + |p|) of the whole batch.
Symbol dice(const LossArguments& a) {
  const auto y = sum_of_batch(a.labels), p = sum_of_batch(a.predicted);
  return 1 - sum_of_batch(a.labels * a.predicted) * 2 / (y + p + kEpsilon);
}

/// 1 - |y p| / (|y p| + α |y (1 - p)| + β |(1 - y) p|) of the whole batch, as Keras weighs them.
Symbol tversky(const LossArguments& a) {
  const auto y = a.labels, p = a.predicted;
  const auto both = sum_of_batch(y * p), alpha = sum_of_batch(y * (1 - p)), beta = sum_of_batch(p * (1 - y));
  return 1 - both / (both + alpha * a.options.alpha.value_or(0.5) + beta * a.options.beta + kEpsilon);
}

const std::vector<LossDef> losses = {
    {.name = "categorical_crossentropy",
     .tfjs = "categorical_crossentropy",
     .labels = LabelKind::one_hot,
     .of_probabilities = true,
     .takes = {"from_logits", "label_smoothing"},
     .of = LossDef::positions,
     .lower = categorical_crossentropy},
    {.name = "sparse_categorical_crossentropy",
     .tfjs = "sparse_categorical_crossentropy",
     .labels = LabelKind::classes,
     .of_probabilities = true,
     .takes = {"from_logits", "ignore_class"},
     .of = LossDef::positions,
     .lower = categorical_crossentropy},
    {.name = "binary_crossentropy",
     .tfjs = "binary_crossentropy",
     .abbreviation = "bce",
     .labels = LabelKind::binary,
     .of_probabilities = true,
     .takes = {"from_logits", "label_smoothing"},
     .lower = binary_crossentropy},
    {.name = "categorical_focal_crossentropy",
     .labels = LabelKind::one_hot,
     .of_probabilities = true,
     .takes = {"alpha", "gamma", "from_logits", "label_smoothing"},
     .of = LossDef::positions,
     .lower = categorical_focal_crossentropy},
    {.name = "binary_focal_crossentropy",
     .labels = LabelKind::binary,
     .of_probabilities = true,
     .takes = {"apply_class_balancing", "alpha", "gamma", "from_logits", "label_smoothing"},
     .lower = binary_focal_crossentropy},
    {.name = "categorical_generalized_cross_entropy",
     .labels = LabelKind::classes,
     .of_probabilities = true,
     .takes = {"q"},
     .of = LossDef::positions,
     .lower = generalized_cross_entropy},
    {.name = "mean_squared_error",
     .tfjs = "mean_squared_error",
     .abbreviation = "mse",
     .lower = [](const LossArguments& a) { return square(error_of(a)); }},
    {.name = "mean_absolute_error",
     .tfjs = "mean_absolute_error",
     .abbreviation = "mae",
     .lower = [](const LossArguments& a) { return abs(error_of(a)); }},
    {.name = "mean_absolute_percentage_error",
     .tfjs = "mean_absolute_percentage_error",
     .abbreviation = "mape",
     .lower = mean_absolute_percentage_error},
    {.name = "mean_squared_logarithmic_error",
     .tfjs = "mean_squared_logarithmic_error",
     .abbreviation = "msle",
     .lower = mean_squared_logarithmic_error},
    {.name = "huber", .takes = {"delta"}, .lower = huber},
    {.name = "log_cosh", .tfjs = "logcosh", .lower = log_cosh},
    {.name = "hinge", .tfjs = "hinge", .lower = hinge},
    {.name = "squared_hinge", .tfjs = "squared_hinge", .lower = squared_hinge},
    {.name = "categorical_hinge",
     .tfjs = "categorical_hinge",
     .labels = LabelKind::one_hot,
     .of = LossDef::positions,
     .lower = categorical_hinge},
    {.name = "kl_divergence",
     .tfjs = "kullback_leibler_divergence",
     .abbreviation = "kld",
     .of = LossDef::positions,
     .lower = kl_divergence},
    {.name = "poisson", .tfjs = "poisson", .lower = poisson},
    {.name = "cosine_similarity",
     .tfjs = "cosine_proximity",
     .abbreviation = "cosine",
     .of = LossDef::positions,
     .lower = cosine_similarity},
    {.name = "dice", .of = LossDef::batch, .lower = dice},
    {.name = "tversky", .takes = {"alpha", "beta"}, .of = LossDef::batch, .lower = tversky},
};

}  // namespace

const std::vector<LossOption>& loss_options() {
  static const std::vector<LossOption> all = {
      {"from_logits", &LossOptions::from_logits},   {"label_smoothing", &LossOptions::label_smoothing, kShare},
      {"delta", &LossOptions::delta, kNotNegative}, {"alpha", &LossOptions::alpha, kNotNegative},
      {"beta", &LossOptions::beta, kNotNegative},   {"gamma", &LossOptions::gamma, kNotNegative},
      {"q", &LossOptions::q, kPositiveShare},       {"apply_class_balancing", &LossOptions::apply_class_balancing},
      {"ignore_class", &LossOptions::ignore_class},
  };
  return all;
}

bool LossDef::has(std::string_view option) const { return std::find(takes.begin(), takes.end(), option) != takes.end(); }

const LossDef* find_loss(const std::string& name) {
  const auto plain = plain_name(name);
  for (const auto& loss : losses)
    for (const char* each : {loss.name, loss.tfjs, loss.abbreviation})
      if (each != nullptr && plain_name(each) == plain) return &loss;
  return nullptr;
}

std::vector<std::string> known_losses() {
  std::vector<std::string> names;
  for (const auto& loss : losses) names.push_back(camel_case(loss.name));
  return names;
}

std::string list_losses() {
  auto of_labels = [](LabelKind labels) {
    switch (labels) {
      case LabelKind::values: return "numbers";
      case LabelKind::binary: return "numbers from 0 to 1";
      case LabelKind::one_hot: return "one-hot, or probabilities";
      case LabelKind::classes: return "class numbers";
    }
    return "";
  };
  std::string table = "| loss | also named | labels | options |\n| --- | --- | --- | --- |\n";
  for (const auto& loss : losses) {
    std::vector<std::string> others;
    if (loss.tfjs != nullptr && plain_name(loss.tfjs) != plain_name(loss.name)) others.push_back(camel_case(loss.tfjs));
    if (loss.abbreviation != nullptr) others.push_back(loss.abbreviation);
    table += fmt::format("| {} | {} | {} | {} |\n", camel_case(loss.name), fmt::join(others, ", "), of_labels(loss.labels),
                         fmt::join(loss.takes, ", "));
  }
  return table;
}

std::string losses_with(const LossOption& option) {
  std::string names;
  for (const auto& loss : losses)
    if (loss.has(option.name)) names += (names.empty() ? "" : ", ") + camel_case(loss.name);
  return names;
}

std::string problem_of(const Loss& loss) {
  const auto* def = find_loss(loss.name);
  if (def == nullptr) return fmt::format("loss \"{}\" is not known; {}", loss.name, known_are(known_losses(), loss.name));
  for (const auto& option : loss_options()) {
    if (!option.is_given(loss.options)) continue;
    if (!def->has(option.name)) return fmt::format("loss {}: \"{}\" is an option of {}", loss.name, option.name, losses_with(option));
    if (auto problem = option.problem(loss.options); !problem.empty()) return fmt::format("loss {}: {}", loss.name, problem);
  }
  for (const auto& [number, weight] : loss.options.class_weights)
    if (number < 0 || !kFiniteNotNegative.contains(weight))
      return fmt::format("loss {}: class {} weighs {}; classes are numbers from 0, and weights finite numbers from 0", loss.name, number,
                         weight);
  if (!loss.options.class_weights.empty() && def->of == LossDef::batch)
    return fmt::format("loss {}: it is one number for the whole batch, in which classes cannot be weighted", loss.name);
  if (!std::isfinite(loss.options.weight))
    return fmt::format("loss {}: its weight is {}, expected a finite number", loss.name, loss.options.weight);
  return "";
}

std::optional<Symbol> weights_over(Symbol weights, const Ints& positions) {
  auto dims = type_of(weights).dims;
  if (dims.size() == positions.size() + 1 && dims.back() == 1) dims.pop_back();
  const auto fits = [](std::int64_t own, std::int64_t of_positions) { return own == of_positions || own == 1; };
  if (dims.size() > positions.size() || !std::equal(dims.begin(), dims.end(), positions.begin(), fits)) return std::nullopt;
  dims.resize(positions.size(), 1);
  return reshape(weights, dims);
}

ValueId shown_classes(Builder& b, const Loss& loss, ValueId labels) {
  return (1 - equal(Symbol{&b, labels}, static_cast<double>(*loss.options.ignore_class))).id;
}

ValueId class_weights_of(Builder& b, const Loss& loss, ValueId predicted, ValueId labels) {
  Symbol classes{&b, labels};
  if (find_loss(loss.name)->labels != LabelKind::classes) {
    auto dims = type_of(classes).dims;
    dims.pop_back();
    classes = type_of(classes).dims.back() > 1 ? argmax(classes) : reshape(classes, dims);
  }
  const auto count = b.type(predicted).dims.back();
  auto weights = constant(classes, 1);
  for (const auto& [number, weight] : loss.options.class_weights) {
    if (count > 1 && number >= count)
      throw Error("loss {}: class {} is given a weight, but the output has classes 0 to {}", loss.name, number, count - 1);
    weights = equal(classes, static_cast<double>(number)) * (weight - 1) + weights;
  }
  return weights.id;
}

ValueId lower_loss(Builder& b, const Loss& loss, ValueId predicted, ValueId labels, const Dialect& dialect, const Counting& counting) {
  const auto* def = find_loss(loss.name);
  check(def != nullptr, "a loss is known before it is lowered");
  const auto given = labels;
  if (def->labels == LabelKind::classes) labels = one_hot_labels(b, labels, predicted);
  auto losses = def->lower({{&b, predicted}, {&b, labels}, loss.options, dialect}).id;
  if (def->of == LossDef::batch) {
    if (counting.weights >= 0) throw Error("loss {} is one number for the whole batch, in which samples cannot be weighted", loss.name);
    return losses;
  }
  if (loss.options.ignore_class) {
    const Symbol shown{&b, shown_classes(b, loss, given)}, all{&b, losses};
    losses = select(shown, all, constant(all, 0)).id;
  }
  auto weigh = [&](Symbol weights) { losses = (Symbol{&b, losses} * with_rank(weights, b.type(losses).dims.size())).id; };
  if (counting.weighs_classes && !loss.options.class_weights.empty()) weigh({&b, class_weights_of(b, loss, predicted, given)});
  if (counting.weights >= 0) {
    auto positions = b.type(losses).dims;
    if (def->of == LossDef::elements) positions.pop_back();
    const auto weights = weights_over({&b, counting.weights}, positions);
    if (!weights)
      throw Error(
          "loss {}: sample weights have shape {}, but an image has losses of shape {}: give one for each image, or for each of these",
          loss.name, shape_string(b.type(counting.weights).image_dims()), shape_string({positions.begin() + 1, positions.end()}));
    weigh(*weights);
  }
  const auto mask = counting.mask;
  if (loss.options.reduction == Reduction::mean && mask < 0) return mean_of_image(b, losses);
  auto sum = mask < 0 ? sum_of_image(b, losses) : sum_of_seen(b, losses, mask).sum;
  return def->of == LossDef::elements ? b.emit(OpKind::mul, {sum, b.constant(1.0 / static_cast<double>(b.type(predicted).dims.back()))})
                                      : sum;
}

Symbol normalized(Symbol x, const Dialect& dialect) { return x / sqrt(max(sum_of_last(square(x), true), dialect.least_squared_length)); }

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

SeenSum sum_of_seen(Builder& b, ValueId x, ValueId mask) {
  const auto &dims = b.type(mask).dims, all = b.type(x).dims;
  if (dims.size() > all.size() || !std::equal(dims.begin(), dims.end(), all.begin()))
    throw Error("a loss or metric of each image has shape {}, but the output's mask {}", shape_string(b.type(x).image_dims()),
                shape_string(b.type(mask).image_dims()));
  std::int64_t times = 1;
  for (auto i = dims.size(); i < all.size(); ++i) times *= all[i];
  const Symbol value{&b, x}, seen = with_rank({&b, mask}, all.size());
  const auto count = sum_of_image(b, mask);
  return {sum_of_image(b, select(seen, value, constant(value, 0)).id),
          times == 1 ? count : b.emit(OpKind::mul, {count, b.constant(static_cast<double>(times))})};
}

ValueId mean_of_image(Builder& b, ValueId x) {
  auto elements = b.type(x).elements();
  if (b.type(x).rank() == 1) return x;
  return b.emit(OpKind::mul, {sum_of_image(b, x), b.constant(1.0 / static_cast<double>(elements))}, {}, "mean");
}

}  // namespace gradc
