#include "target/target.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "gradc/error.h"

namespace gradc {
namespace {

constexpr std::int64_t kKilo = std::int64_t{1} << 10, kMega = std::int64_t{1} << 20;

/// A number of a target, and its name in texts.
struct Field {
  std::string_view name;
  std::variant<int Target::*, std::int64_t Target::*> member;
  std::int64_t most;

  bool is_bytes() const { return member.index() == 1; }
  std::int64_t of(const Target& target) const {
    return std::visit([&](auto at) { return static_cast<std::int64_t>(target.*at); }, member);
  }
  void set(Target& target, std::int64_t value) const {
    std::visit([&](auto at) { target.*at = static_cast<std::remove_reference_t<decltype(target.*at)>>(value); }, member);
  }
};

const Field kFields[] = {
    {"lanes", &Target::lanes, 64},
    {"registers", &Target::registers, 1024},
    {"fma", &Target::fma_per_cycle, 64},
    {"latency", &Target::fma_latency, 64},
    {"loads", &Target::loads_per_cycle, 64},
    {"l1", &Target::l1, std::int64_t{1} << 40},
    {"l2", &Target::l2, std::int64_t{1} << 40},
    {"l2_bandwidth", &Target::l2_bandwidth, 1 << 20},
    {"memory_bandwidth", &Target::memory_bandwidth, 1 << 20},
};

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

/// 1048576, 1024k and 1M are the same.
std::string bytes_text(std::int64_t bytes) {
  if (bytes % kMega == 0) return fmt::format("{}M", bytes / kMega);
  if (bytes % kKilo == 0) return fmt::format("{}k", bytes / kKilo);
  return fmt::format("{}", bytes);
}

/// The number that a text is, or 0.
std::int64_t parse_number(std::string_view text, const Field& field) {
  std::int64_t scale = 1, number = 0;
  if (field.is_bytes() && !text.empty() && (text.back() == 'k' || text.back() == 'M')) {
    scale = text.back() == 'k' ? kKilo : kMega;
    text.remove_suffix(1);
  }
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size() || number < 1 || number > field.most / scale) return 0;
  return number * scale;
}

void set_number(Target& target, std::string_view option) {
  const auto equals = std::min(option.find('='), option.size());
  const auto name = option.substr(0, equals), value = option.substr(std::min(equals + 1, option.size()));
  std::string names;
  for (const auto& field : kFields) {
    names += (names.empty() ? "" : ", ") + std::string(field.name);
    if (field.name != name) continue;
    const auto number = parse_number(value, field);
    if (number == 0)
      throw Error("{} is \"{}\", not a whole number from 1 to {}{}", name, value, field.most,
                  field.is_bytes() ? fmt::format("; it is given as {}=512k or {}=1M", name, name) : "");
    field.set(target, number);
    return;
  }
  throw Error("\"{}\" is not known; a number is given as l2=512k or l2=1M, and its name is one of {}", option, names);
}

const TargetPreset* find_preset(std::string_view name) {
  for (const auto& preset : target_presets())
    if (preset.name == name) return &preset;
  return nullptr;
}

Target base_of(std::string_view name, const Target& base) {
  if (name.empty()) return base;
  if (const auto* preset = find_preset(name)) return preset->target;
  if (name.find('-') != std::string_view::npos) return target_of_code(std::string(name));
  std::string names;
  for (const auto& preset : target_presets()) names += (names.empty() ? "" : ", ") + std::string(preset.name);
  throw Error("\"{}\" is not a Halide target string, such as {}, and not one of {}", name, find_preset("avx2")->target.code, names);
}

}  // namespace

std::span<const TargetPreset> target_presets() {
  // The rates of L2 and memory are those that tiles were chosen with on AVX-512 machines; nobody has measured them for the others.
  static const TargetPreset presets[] = {
      {"avx512", {}, "Skylake-SP, Zen 4 and 5: two units, latency 4, L2 of 1 MB or more"},
      {"avx2",
       {.code = "x86-64-linux-avx-avx2-f16c-fma-sse41", .lanes = 8, .registers = 16, .l2 = 512 * kKilo},
       "Zen 3: two units, latency 4, L2 of 512 kB"},
      {"sse4",
       {.code = "x86-64-linux-sse41", .lanes = 4, .registers = 16, .l2 = 256 * kKilo},
       "CPUs before AVX, not measured; a multiplication and an addition are counted as a multiply-add each"},
      {"neoverse", {.code = "arm-64-linux", .lanes = 4, .l1 = 64 * kKilo}, "Neoverse N1, not measured: two units of 128 bits"},
      {"apple_m",
       {.code = "arm-64-osx", .lanes = 4, .fma_per_cycle = 4, .loads_per_cycle = 3, .l1 = 128 * kKilo, .l2 = 3 * kMega},
       "M1's performance cores, not measured: four units of 128 bits, 12 MB of L2 for four cores"},
      {"wasm_simd",
       {.code = "wasm-32-wasmrt-wasm_simd128", .lanes = 4, .registers = 16, .l2 = 256 * kKilo},
       "as sse4, not measured: a module does not know its machine"},
  };
  return presets;
}

Target target_of_code(std::string code) {
  const auto features = split(code, '-');
  auto has = [&](std::string_view prefix) {
    return std::any_of(features.begin(), features.end(), [&](std::string_view feature) { return feature.starts_with(prefix); });
  };
  const auto* kind = features[0] == "arm"    ? has("osx") || has("ios") ? "apple_m" : "neoverse"
                     : features[0] == "wasm" ? "wasm_simd"
                     : has("avx512")         ? "avx512"
                     : has("avx")            ? "avx2"
                                             : "sse4";
  auto target = find_preset(kind)->target;
  constexpr std::string_view kVectorBits = "vector_bits_";
  if (has("sve"))
    for (auto feature : features)
      if (std::int64_t bits = 0; feature.starts_with(kVectorBits)) {
        std::from_chars(feature.data() + kVectorBits.size(), feature.data() + feature.size(), bits);
        if (bits >= 128 && bits <= 2048) target.lanes = static_cast<int>(bits / 32);
      }
  target.code = std::move(code);
  return target;
}

Target parse_target(std::string_view text, const Target& base) {
  const auto parts = split(text, ',');
  auto target = base_of(parts[0], base);
  for (std::size_t i = 1; i < parts.size(); ++i) set_number(target, parts[i]);
  if (!std::has_single_bit(static_cast<unsigned>(target.lanes))) throw Error("lanes is {}, not a power of two", target.lanes);
  return target;
}

std::string to_string(const Target& target) {
  const auto presets = target_presets();
  const auto preset = std::find_if(presets.begin(), presets.end(), [&](const auto& each) { return each.target.code == target.code; });
  std::string text = preset != presets.end() ? std::string(preset->name) : target.code;
  const auto base = preset != presets.end() ? preset->target : target_of_code(target.code);
  for (const auto& field : kFields)
    if (const auto value = field.of(target); value != field.of(base))
      text += fmt::format(",{}={}", field.name, field.is_bytes() ? bytes_text(value) : std::to_string(value));
  return text;
}

}  // namespace gradc
