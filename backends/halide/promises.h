#pragma once
#include <map>
#include <string>
#include <vector>

#include <Halide.h>

namespace gradc {

/// Proves what a lowered kernel asserts, and takes the assertions out: a custom lowering pass of Halide.
///
/// Halide asserts what a schedule promises (`bound_extent` and the like) and cannot be concluded from the algorithm, and its simplifier
/// then believes it. A false promise therefore makes wrong code, whether or not the assertion is still there to fail: it has to hold for
/// every iteration of the loops around it. What is asserted of the buffers themselves holds by the plan that lays them out.
class Promises : public Halide::Internal::IRMutator {
 public:
  using IRMutator::visit;
  /// The promises of the lowered kernel that do not hold, or cannot be shown to, a line each; empty if there are none.
  std::string broken() const;

 protected:
  Halide::Internal::Stmt visit(const Halide::Internal::For* op) override;
  Halide::Internal::Stmt visit(const Halide::Internal::LetStmt* op) override;
  Halide::Internal::Stmt visit(const Halide::Internal::AssertStmt* op) override;

 private:
  /// A variable's value, or the range of a loop's, from the outermost.
  struct Binding {
    std::string name;
    Halide::Expr value;  ///< Undefined for a loop.
    Halide::Expr min, extent;
  };
  struct Promise {
    Halide::Expr condition;
    std::vector<Binding> scope;
    std::string extent;  ///< The buffer's extent that it is about, if any.
    std::string text;
  };

  /// What is left to prove of a condition; undefined if it holds in every iteration.
  Halide::Expr open(Halide::Expr condition, const std::vector<Binding>& scope) const;

  std::vector<Binding> scope_;
  std::vector<Promise> promises_;
  std::map<std::string, Halide::Expr> buffers_;  ///< What is known of the arguments' mins, extents and strides.
};

}  // namespace gradc
