#include "backends/halide/promises.h"

#include <set>
#include <sstream>

#include "gradc/error.h"

namespace gradc {
namespace {

using namespace Halide;
using namespace Halide::Internal;

/// The kinds of assertion that compare a buffer with what the kernel expects of it.
bool is_about_buffer(const std::string& error) {
  static const std::set<std::string> names = {"halide_error_buffer_argument_is_null",
                                              "halide_error_bad_type",
                                              "halide_error_bad_dimensions",
                                              "halide_error_constraint_violated",
                                              "halide_error_host_is_null",
                                              "halide_error_unaligned_host_ptr",
                                              "halide_error_device_dirty_with_no_device_support",
                                              "halide_error_buffer_extents_negative",
                                              "halide_error_buffer_extents_too_large",
                                              "halide_error_buffer_allocation_too_large"};
  return names.contains(error);
}

/// The variables that an expression reads.
std::set<std::string> variables_of(const Expr& expr) {
  struct Collect : IRVisitor {
    using IRVisitor::visit;
    void visit(const Variable* op) override { names.insert(op->name); }
    std::set<std::string> names;
  } collect;
  expr.accept(&collect);
  return collect.names;
}

/// The condition in a call that asks for the region that the kernel needs, where Halide also says that the region is not within the buffer.
Expr of_bounds_query(const Expr& condition) {
  struct Replace : IRMutator {
    using IRMutator::visit;
    Expr visit(const Call* op) override { return op->name == Call::buffer_is_bounds_query ? const_true() : IRMutator::visit(op); }
  } replace;
  return replace.mutate(condition);
}

/// The extent that an assertion compares the accesses to a buffer with, as "arg0.extent.1"; empty if it is about something else.
std::string extent_accessed(const Call& error) {
  if (error.name != "halide_error_access_out_of_bounds" && error.name != "halide_error_constraints_make_required_region_smaller") return "";
  const auto* buffer = error.args[0].as<StringImm>();
  const auto dimension = as_const_int(error.args[1]);
  if (buffer == nullptr || !dimension) return "";
  return buffer->value.substr(buffer->value.rfind(' ') + 1) + ".extent." + std::to_string(*dimension);
}

/// Iterations that are looked at one by one, for a promise about loops.
constexpr std::int64_t kMostIterations = 4096;

/// A loop that a condition depends on.
struct Loop {
  std::string name;
  std::int64_t min, extent;
};

bool holds_for_all(const Expr& condition, const std::vector<Loop>& loops, std::size_t next) {
  const auto known = simplify(condition);
  if (is_const_one(known)) return true;
  if (is_const_zero(known) || next == loops.size()) return false;
  for (std::int64_t i = 0; i < loops[next].extent; ++i)
    if (!holds_for_all(substitute(loops[next].name, static_cast<int>(loops[next].min + i), known), loops, next + 1)) return false;
  return true;
}

}  // namespace

Stmt Promises::visit(const For* op) {
  scope_.push_back({op->name, Expr(), op->min, op->extent});
  auto result = IRMutator::visit(op);
  scope_.pop_back();
  return result;
}

Stmt Promises::visit(const LetStmt* op) {
  scope_.push_back({op->name, op->value, Expr(), Expr()});
  auto result = IRMutator::visit(op);
  scope_.pop_back();
  return result;
}

Stmt Promises::visit(const AssertStmt* op) {
  const auto* error = op->message.as<Call>();
  if (error != nullptr && error->name == "halide_error_constraint_violated") {
    if (const auto* equal = op->condition.as<EQ>())
      if (const auto* variable = equal->a.as<Variable>()) buffers_[variable->name] = equal->b;
  } else if (error == nullptr || !is_about_buffer(error->name)) {
    std::ostringstream text;
    text << op->condition << ", or else " << op->message;
    promises_.push_back({op->condition, scope_, error == nullptr ? "" : extent_accessed(*error), text.str()});
  }
  return Evaluate::make(0);
}

Expr Promises::open(Expr condition, const std::vector<Binding>& scope) const {
  condition = substitute(buffers_, of_bounds_query(condition));
  std::vector<Loop> loops;
  std::int64_t iterations = 1;
  for (auto binding = scope.rbegin(); binding != scope.rend(); ++binding) {
    if (!variables_of(condition).contains(binding->name)) continue;
    if (binding->value.defined()) {
      condition = substitute(buffers_, substitute(binding->name, binding->value, condition));
      continue;
    }
    const auto min = as_const_int(simplify(binding->min)), extent = as_const_int(simplify(binding->extent));
    if (!min || !extent) continue;
    loops.push_back({binding->name, *min, *extent});
    iterations *= *extent;
  }
  return iterations <= kMostIterations && holds_for_all(condition, loops, 0) ? Expr() : simplify(condition);
}

std::string Promises::broken() const {
  std::ostringstream text;
  for (const auto& promise : promises_) {
    // Only the planner knows what buffers hold that are as long as a call says.
    if (!promise.extent.empty() && !buffers_.contains(promise.extent)) continue;
    if (auto rest = open(promise.condition, promise.scope); rest.defined())
      text << "\n  not proved: " << rest << "\n  asserted: " << promise.text;
  }
  return text.str();
}

}  // namespace gradc
