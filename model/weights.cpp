#include "model/weights.h"

#include <map>
#include <set>

#include "frontend/names.h"
#include "frontend/problems.h"
#include "gradc/error.h"

namespace gradc {
namespace {

/// The weight that a file's name stands for, or nullptr.
const WeightSpec* find_weight(const std::map<std::string, const WeightSpec*>& by_name, const std::string& in_file) {
  for (const auto& name : names_of_weight(in_file))
    if (auto found = by_name.find(name); found != by_name.end()) return found->second;
  return nullptr;
}

}  // namespace

void set_weights(Params& params, const std::vector<WeightSpec>& specs, const std::vector<WeightValues>& weights, bool all) {
  std::map<std::string, const WeightSpec*> by_name;
  for (const auto& spec : specs) by_name[spec.name] = &spec;
  std::vector<std::string> problems;
  std::set<std::string> seen;
  std::vector<std::pair<const WeightSpec*, const WeightValues*>> found;
  for (const auto& weight : weights) {
    const auto* match = find_weight(by_name, weight.name);
    if (match == nullptr) {
      problems.push_back(fmt::format("weight \"{}\": the model has no weight of this name", weight.name));
      continue;
    }
    const auto& spec = *match;
    seen.insert(spec.name);
    auto elements = Type{DType::f32, spec.shape}.elements();
    if (spec.shape != weight.shape)
      problems.push_back(
          fmt::format("weight \"{}\": has shape {}, the layer's is {}", weight.name, shape_string(weight.shape), shape_string(spec.shape)));
    else if (static_cast<std::int64_t>(weight.values.size()) != elements)
      problems.push_back(fmt::format("weight \"{}\": has {} values, its shape {} takes {}", weight.name, weight.values.size(),
                                     shape_string(spec.shape), elements));
    else
      found.emplace_back(&spec, &weight);
  }
  if (all)
    for (const auto& spec : specs)
      if (!seen.contains(spec.name))
        problems.push_back(fmt::format("weight \"{}\" of shape {} is missing", spec.name, shape_string(spec.shape)));
  throw_problems(problems);
  for (const auto& [spec, weight] : found) params.set(spec->name, weight->shape, weight->values);
}

void initialize(Params& params, const std::vector<WeightSpec>& specs, std::uint64_t seed) {
  std::vector<std::string> problems;
  for (std::size_t i = 0; i < specs.size(); ++i) try {
      const auto& shape = specs[i].drawn_as.empty() ? specs[i].shape : specs[i].drawn_as;
      auto values = specs[i].initializer.values(shape, seed, static_cast<std::uint32_t>(i));
      std::fill(values.begin() + specs[i].ones_begin, values.begin() + specs[i].ones_end, 1.0F);
      params.set(specs[i].name, specs[i].shape, values);
    } catch (const Error& error) {
      problems.push_back(fmt::format("weight \"{}\": {}", specs[i].name, error.what()));
    }
  throw_problems(problems);
}

}  // namespace gradc
