#include "backends/halide/compile.h"

#include <algorithm>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "backends/halide/emitter.h"
#include "backends/halide/promises.h"
#include "gradc/error.h"
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

const Target& host_target() {
  static const Target host = [] {
    auto target = target_of_code(code_target(Halide::get_host_target()).to_string());
    if (const auto bytes = l1_cache_bytes(); bytes > 0) target.l1 = bytes;
    if (const auto bytes = l2_cache_bytes(); bytes > 0) target.l2 = bytes;
    return target;
  }();
  return host;
}

Target read_target(const std::string& text) try {
  const auto& host = host_target();
  auto target = parse_target(text, host);
  if (!Halide::Target::validate_target_string(target.code))
    throw Error("\"{}\" is not a Halide target; this machine is {}", target.code, host.code);
  target.code = code_target(Halide::Target(target.code)).to_string();
  // This machine by its name has its own caches too.
  return target.code == host.code ? parse_target(text.substr(std::min(text.find(','), text.size())), host) : target;
} catch (const Halide::Error& error) {
  const std::string what = error.what();
  throw Error("{}", what.substr(0, what.find('\n')));
}

void expect_runs_here(const Target& target) {
  const auto host = Halide::get_host_target();
  const Halide::Target code(target.code);
  if (code.arch != host.arch || code.os != host.os || code.bits != host.bits)
    throw Error("GRADC_TARGET: code for \"{}\" does not run on this machine, {}", target.code, host_target().code);
  if (auto lacks = lacking(code, host); !lacks.empty())
    throw Error("GRADC_TARGET: this machine has no {}; it is {}", fmt::join(lacks, ", "), host_target().code);
}

void compile_kernel(const KernelSource& kernel, const std::string& function, const std::map<CodeForm, std::filesystem::path>& files,
                    int candidate) {
  try {
    Emitter emitter(kernel, candidate);
    auto pipeline = emitter.pipeline();
    auto code = Halide::Target(emitter.target().code).with_feature(Halide::Target::NoRuntime).with_feature(Halide::Target::NoBoundsQuery);
    // Lowered with its assertions, which are proved here, and compiled without any.
    Promises promises;
    pipeline.add_custom_lowering_pass(&promises, [] {});
    const auto lowered = pipeline.compile_to_module(emitter.arguments(), function, code, Halide::LinkageType::External);
    if (auto broken = promises.broken(); !broken.empty())
      throw InternalError("a kernel's schedule promises what does not hold:" + broken + "\n" + kernel.text());
    Halide::Module module(lowered.name(), code.with_feature(Halide::Target::NoAsserts));
    module.set_any_strict_float(lowered.any_strict_float());
    for (const auto& part : lowered.functions()) module.append(part);
    for (const auto& buffer : lowered.buffers()) module.append(buffer);
    std::map<Halide::OutputFileType, std::string> outputs;
    for (const auto& [form, file] : files)
      outputs[form == CodeForm::object     ? Halide::OutputFileType::object
              : form == CodeForm::assembly ? Halide::OutputFileType::assembly
                                           : Halide::OutputFileType::stmt] = file.string();
    module.compile(outputs);
  } catch (const Halide::Error& error) {
    throw InternalError(fmt::format("Halide cannot compile a kernel: {}\n{}", error.what(), kernel.text()));
  }
}

}  // namespace gradc
