#include "runtime/kernel_code.h"

#include <cstdlib>
#include <filesystem>
#include <map>

#include "backends/cache.h"
#include "runtime/thread_pool.h"
#include "runtime/tuned.h"
#include "support/error.h"
#include "support/files.h"

namespace gradc {
namespace {

namespace fs = std::filesystem;

/// A folder for object files on their way from Halide, removed with all that is in it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    auto pattern = (fs::temp_directory_path() / "gradc.XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw Error("{}: no temporary folder can be made", fs::temp_directory_path().string());
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// Of what the code depends on: the kernel's text, the target, and who compiles it.
std::string hash_of(const KernelSource& source, const KernelTarget& target) {
  return hash_text(source.text() + target.name + " halide " + halide_version() + " gradc " + GRADC_KERNEL_VERSION);
}

}  // namespace

KernelTarget target_of(const StepOptions& options) {
  const char* environment = std::getenv("GRADC_TARGET");
  return kernel_target(options.target.empty() && environment != nullptr ? environment : options.target);
}

KernelCode compile_kernels(StepPlan& plan, const KernelTarget& target, const StepOptions& options, CompileReport& report) {
  auto cache = options.use_cache ? KernelCache::of_user(options.warn) : KernelCache();
  KernelCode code;
  struct Distinct {
    std::string key;
    const KernelSource* source;
    int candidate;
  };
  std::map<std::string, Distinct> distinct;
  for (auto& kernel : plan.kernels) {
    auto own = hash_of(kernel.source, target);
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
    if (auto object = cache.find(each.key))
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
      compile_kernel(*source, target, "gradc_kernel_" + key, path, candidate);
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

std::string kernel_listing(const KernelSource& source, KernelForm form, const StepOptions& options) {
  auto target = target_of(options);
  auto cache = options.use_cache ? KernelCache::of_user(options.warn) : KernelCache();
  auto own = hash_of(source, target);
  TemporaryFolder folder;
  auto path = folder.path() / "listing";
  compile_kernel(source, target, "gradc_kernel", path, options.candidate.value_or(tuned_candidate(cache, own)), form);
  return read_file(path);
}

}  // namespace gradc
