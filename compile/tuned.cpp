#include "compile/tuned.h"

#include <charconv>

namespace gradc {
namespace {

std::string entry(const std::string& code) { return code + "-tuned"; }

}  // namespace

int tuned_candidate(const KernelCache& cache, const std::string& code) {
  auto text = cache.find(entry(code));
  int candidate = 0;
  if (!text || std::from_chars(text->data(), text->data() + text->size(), candidate).ec != std::errc()) return 0;
  return candidate > 0 && candidate < kMostCandidates ? candidate : 0;
}

void keep_candidate(const KernelCache& cache, const std::string& code, int candidate) {
  if (candidate > 0)
    cache.store(entry(code), std::to_string(candidate));
  else
    cache.remove(entry(code));
}

}  // namespace gradc
