#include "frontend/lower.h"

#include <algorithm>
#include <functional>
#include <map>
#include <ranges>
#include <set>

#include <fmt/ranges.h>

#include "frontend/layer_json.h"
#include "frontend/layers/layers.h"
#include "frontend/names.h"
#include "frontend/problems.h"
#include "gradc/error.h"
#include "ir/roles.h"
#include "support/memory.h"

namespace gradc {
namespace {

/// Throws unless one array of these dimensions (of one image, without its batch) fits this machine's memory, and the kernels' counters.
void expect_fits(const std::vector<std::int64_t>& dims, const char* what) {
  double elements = 1;
  for (auto dim : dims)
    if (dim != kBatch) elements *= static_cast<double>(dim);
  const auto bytes = 4 * elements;
  if (bytes > physical_memory())
    throw Error("{} of shape {} would take {:.3g} GB, more than this machine's memory of {:.3g} GB", what, shape_string(dims), bytes / 1e9,
                physical_memory() / 1e9);
  if (elements > static_cast<double>(kMostElements))
    throw Error("{} of shape {} would have {:.3g} elements, more than gradc can count, {}", what, shape_string(dims), elements,
                kMostElements);
}

/// The same of what ops and those of their bodies compute.
void expect_all_fit(const Graph& graph, std::span<const Op> ops) {
  for (const auto& op : ops) {
    for (auto value : op.results) expect_fits(graph.type(value).dims, "what it computes");
    if (op.body) expect_all_fit(*op.body, op.body->ops);
  }
}

class Lowering {
 public:
  Lowering(const Topology& topology, const LowerOptions& options) : topology_(topology), options_(options), b_(lowered_.graph) {}

  Lowered run() {
    lowered_.graph.name = "model";
    std::set<std::int64_t> batch_sizes;
    for (const auto& input : topology_.inputs) batch_sizes.insert(input.batch_size);
    if (batch_sizes.size() == 1) batch_size_ = *batch_sizes.begin();
    for (const auto& input : topology_.inputs) {
      expect_fits(input.shape, "an input");
      Type images{DType::f32, {kBatch}};
      images.dims.insert(images.dims.end(), input.shape.begin(), input.shape.end());
      given_[input.layer] = emit_input(b_, InputRole::data, images, topology_.inputs.size() == 1 ? "images" : "images/" + input.layer,
                                       static_cast<std::int64_t>(given_.size()));
    }
    if (options_.mode == Mode::train) {
      emit_input(b_, InputRole::step_key, {DType::i32, {}}, "random_key");
      sample_index(b_);
    }
    if (options_.mode != Mode::predict) {
      weight_ = batch_mask(b_);
      images_ = emit_input(b_, InputRole::batch_size, {DType::f32, {}}, "batch_size");
    }
    find_takers();
    for (const auto& node : topology_.layers) lower_layer(node);
    if (options_.mode != Mode::predict) problems_.insert(problems_.end(), options_.problems.begin(), options_.problems.end());
    for (const auto& given : topology_.outputs) {
      const auto name = to_string(given);
      std::vector<std::string> problems;
      const auto output = results_[name] = result_of(given, problems);
      masks_[name] = given.output == 0 ? masks_[given.node] : Masks{};
      for (const auto& problem : problems) problems_.push_back("the model " + problem);
      lowered_.outputs.push_back({name, output >= 0 ? b_.type(output) : Type(), {}, {}});
      if (output >= 0 && b_.type(output).rank() < 2)
        problems_.push_back(
            fmt::format("layer \"{}\": the model's output has no dimension beside the batch; put a Flatten after it", name));
    }
    if (options_.mode != Mode::predict) add_losses();
    throw_problems(problems_);
    b_.loc.clear();
    if (options_.mode == Mode::predict)
      for (const auto& name : output_names(topology_))
        b_.emit(OpKind::output, {results_[name]}, {{"name", predictions_of(topology_, name)}});
    return std::move(lowered_);
  }

 private:
  /// The masks of a result, -1 where there is none: as Keras knows it when the model is made, and what is on the tensor as the model runs.
  struct Masks {
    ValueId made = -1, attached = -1;
  };

  void lower_layer(const LayerNode& node) {
    auto& result = results_[node.name];
    result = -1;
    masks_[node.name] = {};
    std::vector<std::string> problems;
    const auto* def = find_layer(node.layer.class_name());
    if (def == nullptr) problems_.push_back(unknown_layer(node.name, node.layer.class_name()));
    std::vector<ValueId> inputs;
    bool known = true;
    for (const auto& from : node.inbound) {
      inputs.push_back(result_of(from, problems));
      known = known && inputs.back() >= 0;
    }
    if (node.inbound.empty()) inputs.push_back(given_.at(node.name));
    for (const auto& argument : node.arguments)
      if (!argument.empty() && !takes_arguments(node.layer))
        problems.push_back(fmt::format("is called with \"{}\", which gradc does not have; save the model without it", argument));
    if (inputs.size() > 1 && def != nullptr && def->inputs == Inputs::one && problems.empty())
      problems.push_back(fmt::format("takes one input, got {}", inputs.size()));
    for (auto input : inputs)
      if (input >= 0 && b_.type(input).rank() < 2 && def != nullptr && !def->takes_numbers)
        problems.push_back("takes vectors or images, got numbers without a dimension; put a Flatten before it");
    // What comes after a layer that failed has no input, so that its options alone are checked.
    if (def != nullptr && known && problems.empty()) {
      b_.loc = node.name;
      ConfigReader config(json_of(node.layer), dialect_of(topology_.writer), problems);
      const auto first_weight = lowered_.weights.size(), first_state = lowered_.states.size(), first_op = b_.graph().ops.size();
      auto mode = node.inference && options_.mode == Mode::train ? Mode::eval : options_.mode;
      const auto& weights_name = node.weights.empty() ? node.name : node.weights;
      LayerContext layer{b_,          config,     node.name, weights_name, mode, inputs, lowered_.weights, lowered_.states,
                         batch_size_, penalties_, streams_};
      const auto [made, attached] = masks_of_inputs(node);
      layer.masks = def->masks.argument ? made : attached;
      if (node.masked && std::ranges::all_of(made, [](ValueId mask) { return mask < 0; }))
        problems.push_back("is called with a \"mask\" that no layer made; Masking and Embedding with mask_zero make masks");
      layer.arguments = node.arguments;
      try {
        result = apply_layer(*def, layer);
        masks_[node.name] = {made == layer.masks ? layer.mask : mask_of_output(*def, layer, made), layer.mask};
        more_results_[node.name] = layer.more_results;
        for (auto i = first_weight; i < lowered_.weights.size(); ++i) expect_fits(lowered_.weights[i].shape, "a weight");
        for (auto i = first_state; i < lowered_.states.size(); ++i) expect_fits(lowered_.states[i].shape, "a state");
        if (result >= 0) expect_fits(b_.type(result).dims, "an output");
        expect_all_fit(b_.graph(), std::span(b_.graph().ops).subspan(first_op));
      } catch (const Error& error) {
        problems.push_back(error.what());
      }
      if (problems.empty()) lowered_.layers.push_back(lowered_layer(result, first_weight));
    } else if (def != nullptr) {
      check_layer(node.name, node.layer, dialect_of(topology_.writer), problems_);
    }
    if (!problems.empty()) result = -1;
    for (const auto& problem : problems) problems_.push_back(problem_of_layer(node.name, node.layer.class_name(), problem));
  }

  struct InputMasks {
    std::vector<ValueId> made, attached;
  };

  /// Those of `Masks` of each input; of an input of the model, of the one that it is given.
  InputMasks masks_of_inputs(const LayerNode& node) {
    InputMasks masks;
    for (const auto& from : node.inbound) {
      const auto of_input = from.output == 0 && !node.operation ? masks_[from.node] : Masks{};
      masks.made.push_back(of_input.made);
      masks.attached.push_back(is_taken_off(from, node) ? -1 : of_input.attached);
    }
    return node.inbound.empty() ? InputMasks{{-1}, {-1}} : masks;
  }

  /// Whether another layer that runs before this one has taken the mask off what it takes.
  bool is_taken_off(const NodeOutput& from, const LayerNode& node) const {
    return std::ranges::any_of(takers_, [&](const LayerNode* taker) {
      return runs_.at(taker->name) < runs_.at(node.name) && std::ranges::find(taker->inbound, from) != taker->inbound.end();
    });
  }

  /// Finds the layers that take masks off, and the order in which Keras runs layers: what is farther from the end, in steps, comes first.
  void find_takers() {
    if (!dialect_of(topology_.writer).attention_takes_masks) return;
    for (const auto& node : topology_.layers)
      if (const auto* def = find_layer(node.layer.class_name()); def != nullptr && def->masks.output == MaskOfOutput::moves)
        takers_.push_back(&node);
    std::map<std::string, int> steps_to_end;
    for (const auto& node : std::views::reverse(topology_.layers))
      for (const auto& from : node.inbound) steps_to_end[from.node] = std::max(steps_to_end[from.node], steps_to_end[node.name] + 1);
    std::vector<std::string> order;
    for (const auto& node : topology_.layers) order.push_back(node.name);
    std::ranges::stable_sort(order, std::greater(), [&](const std::string& name) { return steps_to_end[name]; });
    for (std::size_t i = 0; i < order.size(); ++i) runs_[order[i]] = i;
  }

  /// -1 for what a layer that failed would give.
  ValueId result_of(const NodeOutput& from, std::vector<std::string>& problems) {
    const auto first = results_[from.node];
    if (first < 0 || from.output == 0) return first;
    const auto& more = more_results_[from.node];
    if (static_cast<std::size_t>(from.output) <= more.size()) return more[static_cast<std::size_t>(from.output) - 1];
    problems.push_back(fmt::format("takes output {} of layer \"{}\", which has {} (return_state gives those of a recurrent layer)",
                                   from.output, from.node, more.size() + 1));
    return -1;
  }

  Lowered::LoweredLayer lowered_layer(ValueId result, std::size_t first_weight) const {
    Lowered::LoweredLayer layer{b_.type(result)};
    for (auto i = first_weight; i < lowered_.weights.size(); ++i) {
      const auto& weight = lowered_.weights[i];
      std::int64_t numbers = 1;
      for (auto dim : weight.shape) numbers *= dim;
      (weight.trainable ? layer.trainable : layer.frozen) += numbers;
    }
    return layer;
  }

  OutputTraining training_of(const std::string& output) const {
    const auto own = options_.outputs.find(output);
    return own != options_.outputs.end() ? own->second : OutputTraining{options_.loss, options_.metrics};
  }

  void add_losses() {
    // Who read a file has told its problems already.
    auto add_problem = [&](const std::string& problem) {
      if (!problem.empty() && std::find(problems_.begin(), problems_.end(), problem) == problems_.end()) problems_.push_back(problem);
    };
    const auto outputs = output_names(topology_);
    const auto is_output = [&](const std::string& name) { return std::find(outputs.begin(), outputs.end(), name) != outputs.end(); };
    for (const auto& [name, training] : options_.outputs)
      if (!is_output(name))
        add_problem(fmt::format("there is a loss for \"{}\", but the model's outputs are {}", name, fmt::join(outputs, ", ")));
    for (const auto& [name, shape] : options_.sample_weights)
      if (!is_output(name))
        add_problem(fmt::format("there are sample weights for \"{}\", but the model's outputs are {}", name, fmt::join(outputs, ", ")));
    for (const auto& output : lowered_.outputs) {
      const auto training = training_of(output.name);
      add_problem(problem_of(training.loss));
      for (const auto& metric : training.metrics) add_problem(problem_of(metric));
    }
    for (const auto& output : lowered_.outputs)
      if (results_[output.name] < 0) return;
    if (!problems_.empty()) return;
    ValueId total = -1;
    std::int64_t weight_inputs = 0;
    const bool several = lowered_.outputs.size() > 1;
    lowered_.metrics = {mean_of_batch("loss")};
    for (auto& output : lowered_.outputs) {
      output.loss = training_of(output.name).loss;
      output.labels = output.predictions;
      if (find_loss(output.loss.name)->labels == LabelKind::classes) output.labels.dims.pop_back();
      labels_[output.name] = emit_input(b_, InputRole::label, output.labels, several ? "labels/" + output.name : "labels",
                                        static_cast<std::int64_t>(labels_.size()));
      Counting counting{.mask = shown(output), .weighs_classes = options_.mode == Mode::train};
      if (const auto weights = options_.sample_weights.find(output.name); weights != options_.sample_weights.end()) {
        Type type{DType::f32, {kBatch}};
        type.dims.insert(type.dims.end(), weights->second.begin(), weights->second.end());
        counting.weights =
            emit_input(b_, InputRole::sample_weight, type, several ? "sample_weights/" + output.name : "sample_weights", weight_inputs++);
      }
      weights_[output.name] = weights_in_metrics(output, counting);
      b_.loc = "loss";
      const auto name = several ? output.name + "_loss" : "loss";
      const auto of_images =
          lower_loss(b_, output.loss, results_[output.name], labels_[output.name], dialect_of(options_.writer), counting);
      auto loss = over_batch(name, of_images, output.loss.options.reduction, counting.mask);
      if (several) {
        add_output(name, loss);
        lowered_.metrics.push_back(mean_of_batch(name));
      }
      if (output.loss.options.weight != 1) loss = b_.emit(OpKind::mul, {loss, b_.constant(output.loss.options.weight)});
      total = total < 0 ? loss : b_.emit(OpKind::add, {total, loss}, {}, "loss");
    }
    for (auto term : penalties_) total = b_.emit(OpKind::add, {total, over_batch("activity", term, Reduction::mean)}, {}, "loss");
    add_output("loss", total);
    std::set<std::string> names;
    for (const auto& result : lowered_.metrics) names.insert(result.name);
    for (const auto& output : lowered_.outputs)
      for (const auto& metric : training_of(output.name).metrics) add_metric(output, metric, several ? output.name + "_" : "", names);
  }

  /// The positions of an output that count in its loss, or -1: all do.
  ValueId shown(const LoweredOutput& output) {
    const auto mask = seen_mask(output.name);
    if (!output.loss.options.ignore_class) return mask;
    const Symbol own{&b_, shown_classes(b_, output.loss, labels_[output.name])};
    if (mask >= 0 && b_.type(mask) != type_of(own))
      throw Error("loss {}: \"ignore_class\" with labels of shape {}, but the output's mask has shape {}", output.loss.name,
                  shape_string(type_of(own).image_dims()), shape_string(b_.type(mask).image_dims()));
    return mask < 0 ? own.id : (own * Symbol{&b_, mask}).id;
  }

  /// How many times an image, or its positions, counts where metrics heed weights; or -1.
  ValueId weights_in_metrics(const LoweredOutput& output, const Counting& counting) {
    const auto metrics = training_of(output.name).metrics;
    if (std::ranges::none_of(metrics, [](const Metric& metric) { return metric.weighted; })) return -1;
    if (!counting.weighs_classes || output.loss.options.class_weights.empty()) return counting.weights;
    const Symbol of_classes{&b_, class_weights_of(b_, output.loss, results_[output.name], labels_[output.name])};
    if (counting.weights < 0) return of_classes.id;
    const Symbol of_samples{&b_, counting.weights};
    const auto rank = std::max(type_of(of_samples).dims.size(), type_of(of_classes).dims.size());
    return (with_rank(of_samples, rank) * with_rank(of_classes, rank)).id;
  }

  void add_metric(const LoweredOutput& output, const Metric& metric, const std::string& prefix, std::set<std::string>& names) {
    b_.loc = metric.name;
    auto plain = prefix + metric_log_name(metric);
    if (metric.weighted && names.contains(plain)) plain = prefix + "weighted_" + metric_log_name(metric);
    auto name = plain;
    for (int i = 1; !names.insert(name).second; ++i) name = plain + "_" + std::to_string(i);
    auto lowered = lower_metric(b_, metric, output.loss, results_[output.name], labels_[output.name], dialect_of(options_.writer),
                                seen_mask(output.name), metric.weighted ? weights_[output.name] : -1);
    MetricResult result{name, lowered.formula, {}, std::make_shared<MetricOptions>(metric.options)};
    for (const auto& [part, of_images] : lowered.sums) {
      const auto of_part = part[0] == '\0' ? name : name + "/" + part;
      const auto value = over_batch(of_part, of_images, lowered.reduction);
      add_output(of_part, value);
      result.outputs.push_back({of_part, b_.type(value).elements(), lowered.reduction});
    }
    lowered_.metrics.push_back(std::move(result));
  }

  static MetricResult mean_of_batch(const std::string& output) { return {output, mean_over_images, {{output, 1, Reduction::mean}}}; }

  /// The mask of an output where losses and metrics look at it, or -1.
  ValueId seen_mask(const std::string& output) {
    return dialect_of(topology_.writer).masks_skip_steps_alone ? -1 : masks_[output].attached;
  }

  /// The mean or the sum over the batch, in which padding does not count; what is no number of each image stays. With a mask the mean is
  /// that of the positions which it shows.
  ValueId over_batch(const std::string& name, ValueId of_images, Reduction reduction, ValueId mask = -1) {
    if (!b_.type(of_images).batched()) return of_images;
    auto weight = weight_;
    if (b_.type(of_images).rank() == 2) weight = b_.emit(OpKind::reshape, {weight_}, {{"dims", Ints{kBatch, 1}}});
    auto weighted = b_.emit(OpKind::mul, {of_images, weight});
    auto sum = b_.emit(OpKind::reduce_sum, {weighted}, {{"axes", Ints{0}}, {"keep_dims", std::int64_t{0}}}, name + "_sum");
    if (reduction == Reduction::sum) return sum;
    if (mask < 0) return b_.emit(OpKind::div, {sum, images_}, {}, name);
    // A batch of which nothing is seen has a loss of 0.
    const auto seen = over_batch(name + "_seen", sum_of_image(b_, mask), Reduction::sum);
    return b_.emit(OpKind::div, {sum, b_.emit(OpKind::max, {seen, b_.constant(1)})}, {}, name);
  }

  void add_output(const std::string& name, ValueId value) { b_.emit(OpKind::output, {value}, {{"name", name}}); }

  const Topology& topology_;
  const LowerOptions& options_;
  Lowered lowered_;
  Builder b_;
  std::vector<std::string> problems_;
  std::map<std::string, ValueId> given_;                      ///< The model's inputs, by their layers.
  std::map<std::string, std::vector<ValueId>> more_results_;  ///< Of layers: outputs after the first.
  std::map<std::string, ValueId> results_;                    ///< Of layers and the model's outputs.
  std::map<std::string, Masks> masks_;                        ///< Of the same.
  std::vector<const LayerNode*> takers_;                      ///< Layers that take the masks off their inputs.
  std::map<std::string, std::size_t> runs_;                   ///< By layers: the place in the order in which Keras runs them.
  std::map<std::string, ValueId> labels_, weights_;           ///< By outputs.
  ValueId weight_ = -1, images_ = -1;
  std::int64_t batch_size_ = 0;  ///< That all inputs of the model state, or 0.
  std::vector<ValueId> penalties_;
  std::uint32_t streams_ = 0;
};

}  // namespace

std::string predictions_of(const Topology& topology, const std::string& output) {
  return topology.outputs.size() == 1 ? "predictions" : "predictions/" + output;
}

std::vector<std::optional<NumberedTable>> numbered_tables(const Graph& graph) {
  const auto definers = graph.definers();
  std::vector<std::optional<NumberedTable>> tables(find_inputs(graph, InputRole::data).size());
  for (const auto& op : graph.ops) {
    if (op.kind != OpKind::gather) continue;
    const auto& from = graph.ops[definers[storage_of(graph, definers, op.operands[1])]];
    if (from.kind != OpKind::input || input_role(from) != InputRole::data) continue;
    auto& table = tables[static_cast<std::size_t>(input_number(from))];
    if (const auto rows = graph.type(op.operands[0]).dims[0]; !table || rows < table->rows) table = NumberedTable{rows, op.loc};
  }
  return tables;
}

Lowered lower(const Topology& topology, const LowerOptions& options) { return Lowering(topology, options).run(); }

}  // namespace gradc
