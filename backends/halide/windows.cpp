#include "backends/halide/windows.h"

namespace gradc {

void also(Halide::Expr& all, const Halide::Expr& condition) { all = all.defined() ? all && condition : condition; }

CutRows cut_rows(Halide::Func consumer, const std::vector<std::int64_t>& periods, Halide::TailStrategy tail) {
  const auto args = consumer.args();
  CutRows rows;
  for (std::size_t d = 1; d < periods.size(); ++d) {
    const auto& row = args[d + 2];
    rows.outer.emplace_back(row.name() + "o");
    rows.inner.emplace_back(row.name() + "i");
    consumer.split(row, rows.outer.back(), rows.inner.back(), static_cast<int>(periods[d]), tail);
  }
  return rows;
}

std::vector<Halide::Var> place_variables(std::size_t spatial, const std::string& prefix) {
  static constexpr const char* kNames[] = {"x", "y", "z"};
  std::vector<Halide::Var> variables;
  for (std::size_t d = 0; d < spatial; ++d) variables.emplace_back(prefix + kNames[d]);
  return variables;
}

}  // namespace gradc
