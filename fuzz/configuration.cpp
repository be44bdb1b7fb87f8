#include "fuzz/configuration.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "backends/halide/compile.h"
#include "gradc/error.h"
#include "runtime/step.h"

namespace gradc::fuzz {

using nlohmann::json;

const std::vector<std::string>& runnable_targets() {
  static const auto targets = [] {
    std::vector<std::string> all;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.1")) all.push_back("x86-64-linux-sse41");
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c"))
      all.push_back("x86-64-linux-avx-avx2-f16c-fma-sse41");
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
      all.push_back("x86-64-linux-avx-avx2-avx512-avx512_skylake-f16c-fma-sse41");
#endif
    return all;
  }();
  return targets;
}

Configuration random_configuration(Choices& choices) {
  Configuration c;
  c.mode = choices.of<const char*>({"train", "gradients", "train", "gradients", "train", "predict", "evaluate"});
  c.batch = choices.of({1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 18, 31, 32, 33, 47, 64, 65, 70});
  c.steps = choices.integer(1, 2);
  c.threads = static_cast<int>(choices.integer(1, 4));
  c.other_threads = choices.coin() ? static_cast<int>(choices.integer(1, 4)) : c.threads;
  c.lanes = choices.of<std::optional<Lanes>>({std::nullopt, Lanes::features, Lanes::batch, Lanes::features, Lanes::batch});
  c.images = choices.of({0, 0, 0, 1, 2, 3, 5, 8, 14, 16, 20});
  c.candidate = choices.coin() ? static_cast<int>(choices.integer(0, 20)) : 0;
  c.fuse = !choices.one_in(5);
  if (choices.one_in(4)) c.disable.push_back(choices.of(optional_passes()));
  if (!runnable_targets().empty() && choices.coin()) c.target = choices.of(runnable_targets());
  c.cache_bytes = choices.of<std::int64_t>({2 << 20, 1 << 20, 512 << 10, 256 << 10});
  c.numbers = choices.of<const char*>({"floats", "floats", "sparse", "bytes"});
  c.memory = choices.of<const char*>({"zeros", "huge", "nan"});
  c.guards = choices.of<const char*>({"none", "behind", "before"});
  c.data = static_cast<std::uint64_t>(choices.integer(0, 9999));
  return c;
}

namespace {

const char* name_of_lanes(Lanes lanes) { return lanes == Lanes::features ? "features" : "images"; }

/// Calls visit(key, field) for every field that is a number, text or flag.
template <class AConfiguration, class Visit>
void for_each_field(AConfiguration& c, Visit visit) {
  visit("mode", c.mode);
  visit("batch", c.batch);
  visit("steps", c.steps);
  visit("threads", c.threads);
  visit("other_threads", c.other_threads);
  visit("images", c.images);
  visit("candidate", c.candidate);
  visit("fuse", c.fuse);
  visit("disable", c.disable);
  visit("target", c.target);
  visit("cache_bytes", c.cache_bytes);
  visit("numbers", c.numbers);
  visit("memory", c.memory);
  visit("guards", c.guards);
  visit("data", c.data);
}

}  // namespace

json to_json(const Configuration& configuration) {
  const Configuration plain;
  json result = json::object(), defaults = json::object();
  for_each_field(plain, [&](const char* key, const auto& value) { defaults[key] = value; });
  for_each_field(configuration, [&](const char* key, const auto& value) {
    if (json(value) != defaults[key]) result[key] = value;
  });
  result["batch"] = configuration.batch;
  if (configuration.lanes) result["lanes"] = name_of_lanes(*configuration.lanes);
  return result;
}

Configuration configuration_from_json(const json& given) {
  Configuration c;
  auto left = given;
  for_each_field(c, [&](const char* key, auto& value) {
    if (!left.contains(key)) return;
    value = left[key].get<std::remove_reference_t<decltype(value)>>();
    left.erase(key);
  });
  if (left.contains("lanes")) {
    c.lanes = left["lanes"] == "features" ? Lanes::features : Lanes::batch;
    left.erase("lanes");
  }
  if (!left.empty()) throw Error("a configuration has no \"{}\"", left.begin().key());
  return c;
}

Target target_of(const Configuration& configuration) {
  auto target = read_target(configuration.target);
  target.l2 = configuration.cache_bytes;
  return target;
}

Workload workload_of(const Configuration& configuration) {
  return {.batch = configuration.batch, .force_lanes = configuration.lanes, .force_images = configuration.images};
}

}  // namespace gradc::fuzz
