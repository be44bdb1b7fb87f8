#include "backends/halide/compile.h"

#include <cinttypes>
#include <cstdio>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "backends/halide/emitter.h"
#include "backends/halide/promises.h"
#include "support/error.h"
#include "support/machine.h"

namespace gradc {
namespace {

using T = Halide::Target;

/// The features by which code uses instructions that not every CPU of its architecture has.
constexpr T::Feature kInstructionSets[] = {T::SSE41,
                                           T::AVX,
                                           T::AVX2,
                                           T::FMA,
                                           T::FMA4,
                                           T::F16C,
                                           T::AVX512,
                                           T::AVX512_KNL,
                                           T::AVX512_Skylake,
                                           T::AVX512_Cannonlake,
                                           T::AVX512_Zen4,
                                           T::AVX512_SapphireRapids,
                                           T::SVE,
                                           T::SVE2,
                                           T::ARMv7s,
                                           T::ARMDotProd,
                                           T::ARMFp16};
/// Others, which code for f32 gains nothing from.
constexpr T::Feature kUnusedInstructionSets[] = {T::AVX512_Zen5, T::AVXVNNI, T::AVX10_1};

/// The instruction sets alone: tuning flags and CPU names are left out, so that a cache is shared by machines that can run the same code.
Halide::Target code_target(const Halide::Target& target) {
  Halide::Target plain(target.os, target.arch, target.bits);
  for (auto feature : kInstructionSets)
    if (target.has_feature(feature)) plain.set_feature(feature);
  if (target.has_feature(T::NoNEON)) plain.set_feature(T::NoNEON);
  plain.vector_bits = target.vector_bits;  // of SVE, whose instructions do not say it
  return plain;
}

/// The bytes that `l2=512k`, `l2=1M` or `l2=262144` says.
std::int64_t l2_option(const std::string& option) {
  std::int64_t count = 0;
  char unit = 0, more = 0;
  const int read = std::sscanf(option.c_str(), "l2=%" SCNd64 "%c%c", &count, &unit, &more);
  const std::int64_t scale = read == 1 ? 1 : read == 2 && unit == 'k' ? 1 << 10 : read == 2 && unit == 'M' ? 1 << 20 : 0;
  if (scale == 0 || count < 1 || count > (std::int64_t{1} << 40) / scale)
    throw Error("GRADC_TARGET: \"{}\" is not known; a core's own cache is given as l2=512k or l2=1M", option);
  return count * scale;
}

/// The names of the target's instruction sets that the host lacks.
std::vector<std::string> lacking(const Halide::Target& target, const Halide::Target& host) {
  std::vector<std::string> names;
  for (std::span<const T::Feature> features :
       {std::span<const T::Feature>(kInstructionSets), std::span<const T::Feature>(kUnusedInstructionSets)})
    for (auto feature : features)
      if (target.has_feature(feature) && !host.has_feature(feature)) names.push_back(Halide::Target::feature_to_name(feature));
  return names;
}

}  // namespace

std::string halide_version() { return fmt::format("{}.{}.{}", HALIDE_VERSION_MAJOR, HALIDE_VERSION_MINOR, HALIDE_VERSION_PATCH); }

KernelTarget kernel_target(const std::string& text) try {
  const auto comma = text.find(',');
  const auto name = text.substr(0, comma);
  const auto l2_bytes = comma == std::string::npos ? l2_cache_bytes() : l2_option(text.substr(comma + 1));
  auto host = Halide::get_host_target();
  auto target = host;
  if (!name.empty()) {
    if (!Halide::Target::validate_target_string(name))
      throw Error("GRADC_TARGET: \"{}\" is not a Halide target; this machine is {}", name, code_target(host).to_string());
    target = Halide::Target(name);
    if (target.arch != host.arch || target.os != host.os || target.bits != host.bits)
      throw Error("GRADC_TARGET: code for \"{}\" does not run on this machine, {}", name, code_target(host).to_string());
    if (auto lacks = lacking(target, host); !lacks.empty())
      throw Error("GRADC_TARGET: this machine has no {}; it is {}", fmt::join(lacks, ", "), code_target(host).to_string());
  }
  auto code = code_target(target);
  bool avx512 = code.has_feature(Halide::Target::AVX512) || code.has_feature(Halide::Target::AVX512_Skylake) ||
                code.has_feature(Halide::Target::AVX512_KNL) || code.has_feature(Halide::Target::AVX512_SapphireRapids);
  int registers = avx512 || code.arch == Halide::Target::ARM ? 32 : 16;
  return {code.to_string(), code.natural_vector_size<float>(), registers, l2_bytes};
} catch (const Halide::Error& error) {
  const std::string what = error.what();
  throw Error("GRADC_TARGET: {}", what.substr(0, what.find('\n')));
}

void compile_kernel(const KernelSource& kernel, const KernelTarget& target, const std::string& function,
                    const std::map<KernelForm, std::filesystem::path>& files, int candidate) {
  try {
    Emitter emitter(kernel, target, candidate);
    auto pipeline = emitter.pipeline();
    auto code = Halide::Target(target.name).with_feature(Halide::Target::NoRuntime).with_feature(Halide::Target::NoBoundsQuery);
    // Lowered with its assertions, which are proved here, and compiled without any.
    Promises promises;
    pipeline.add_custom_lowering_pass(&promises, [] {});
    const auto lowered = pipeline.compile_to_module(emitter.arguments(), function, code);
    if (auto broken = promises.broken(); !broken.empty())
      throw InternalError("a kernel's schedule promises what does not hold:" + broken + "\n" + kernel.text());
    Halide::Module module(lowered.name(), code.with_feature(Halide::Target::NoAsserts));
    for (const auto& part : lowered.functions()) module.append(part);
    for (const auto& buffer : lowered.buffers()) module.append(buffer);
    std::map<Halide::OutputFileType, std::string> outputs;
    for (const auto& [form, file] : files)
      outputs[form == KernelForm::object     ? Halide::OutputFileType::object
              : form == KernelForm::assembly ? Halide::OutputFileType::assembly
                                             : Halide::OutputFileType::stmt] = file.string();
    module.compile(outputs);
  } catch (const Halide::Error& error) {
    throw InternalError(fmt::format("Halide cannot compile a kernel: {}\n{}", error.what(), kernel.text()));
  }
}

}  // namespace gradc
