#include "compile/kernel_code.h"

#include <filesystem>
#include <map>

#include "backends/cache.h"
#include "compile/tuned.h"
#include "gradc/error.h"
#include "support/files.h"
#include "support/hash.h"
#include "support/processors.h"

namespace gradc {
namespace {

/// A hash of what the code depends on: the kernel's text, which names its target, and who compiles it.
std::string hash_of(const KernelSource& source) {
  return hash_text(source.text() + " halide " + halide_version() + " gradc " + GRADC_KERNEL_VERSION);
}

}  // namespace

KernelCode compile_kernels(StepPlan& plan, const StepOptions& options, CompileReport& report, bool anew) {
  auto cache = options.use_cache ? KernelCache::of_user(options.warn) : KernelCache();
  KernelCode code;
  struct Distinct {
    std::string key;
    const KernelSource* source;
    int candidate;
  };
  std::map<std::string, Distinct> distinct;
  for (auto& kernel : plan.kernels) {
    auto own = hash_of(kernel.source);
    kernel.info.code = own;
    auto found = distinct.find(own);
    if (found == distinct.end()) {
      int candidate = !kernel.info.contraction ? 0 : options.candidate.value_or(tuned_candidate(cache, own));
      auto key = candidate == 0 ? own : hash_text(fmt::format("{} candidate {}", own, candidate));
      found = distinct.emplace(own, Distinct{key, &kernel.source, candidate}).first;
    }
    code.symbols.push_back("gradc_kernel_" + found->second.key);
  }
  std::vector<Distinct> missing;
  for (const auto& [own, each] : distinct) {
    if (auto object = anew ? std::nullopt : cache.find(each.key))
      code.objects.push_back({"gradc_kernel_" + each.key, std::move(*object)});
    else
      missing.push_back(each);
  }
  report.kernels = static_cast<int>(plan.kernels.size());
  report.distinct = static_cast<int>(distinct.size());
  report.from_cache = report.distinct - static_cast<int>(missing.size());
  if (missing.empty()) return code;

  TemporaryFolder folder;
  std::vector<std::string> objects(missing.size());
  try {
    run_on_all_processors(missing.size(), [&](std::size_t i) {
      const auto& [key, source, candidate] = missing[i];
      auto path = folder.path() / (key + ".o");
      compile_kernel(*source, "gradc_kernel_" + key, {{CodeForm::object, path}}, candidate);
      objects[i] = read_file(path);
      cache.store(key, objects[i]);
    });
  } catch (...) {
    cache.trim();
    throw;
  }
  cache.trim();
  for (std::size_t i = 0; i < missing.size(); ++i) code.objects.push_back({"gradc_kernel_" + missing[i].key, std::move(objects[i])});
  return code;
}

std::map<CodeForm, std::string> kernel_listings(const KernelSource& source, const std::vector<CodeForm>& forms,
                                                const StepOptions& options) {
  auto cache = options.use_cache ? KernelCache::of_user(options.warn) : KernelCache();
  TemporaryFolder folder;
  std::map<CodeForm, std::filesystem::path> files;
  for (auto form : forms) files[form] = folder.path() / std::to_string(static_cast<int>(form));
  compile_kernel(source, "gradc_kernel", files, options.candidate.value_or(tuned_candidate(cache, hash_of(source))));
  std::map<CodeForm, std::string> listings;
  for (const auto& [form, file] : files) listings[form] = read_file(file);
  return listings;
}

}  // namespace gradc
