#pragma once
/// What the files of this folder share. Each defines halide_<op>(Emitter&, const Op&), the algorithm of its op; schedules follow once
/// the whole kernel is known (schedule.cpp).

#include <map>
#include <optional>
#include <vector>

#include <Halide.h>

#include "backends/halide/compile.h"
#include "ir/graph.h"

namespace gradc {

/// The Halide view of a value: a Func, or one element of a Func of tuples. Its arguments are the lane n, where the value is batched, and
/// then the dimensions from the last (the fastest) to the first.
struct FuncRef {
  Halide::Func func;
  int element = -1;
};

/// A contraction whose accumulators want to live in registers, inside the loops of what reads them.
struct Product {
  const Op* op = nullptr;
  Halide::Func accumulator;
  Halide::RDom domain;
  /// Whether all columns of a row are unrolled, so that tests of where a column stands are decided at compile time.
  bool unroll_columns = false;
};

class Emitter {
 public:
  Emitter(const KernelSource& kernel, const KernelTarget& target);

  Halide::Pipeline pipeline();
  std::vector<Halide::Argument> arguments() const { return arguments_; }

  // For the ops ---------------------------------------------------------------------------------------------------------
  const Graph& graph() const { return kernel_.graph; }
  const Type& type(ValueId value) const { return kernel_.graph.type(value); }
  int lanes() const { return target_.lanes; }
  const KernelTarget& target() const { return target_; }

  const Halide::Var n{"n"};
  /// Index variables for a value's dimensions, fastest first; with n first if it is batched.
  std::vector<Halide::Var> indices(const Type& type) const;
  std::vector<Halide::Var> arguments_of(const Type& type) const;
  /// The value at an index: its dimensions fastest first, and the lane, which is not used if it is not batched.
  Halide::Expr at(ValueId value, const Halide::Expr& lane, std::vector<Halide::Expr> index) const;
  /// The operand of a pointwise op for an element of its result, broadcast as NumPy does.
  Halide::Expr broadcast_at(ValueId operand, const Type& result, const Halide::Expr& lane, const std::vector<Halide::Expr>& index) const;

  /// Says how a value is computed. A Func that is not inlined says so with `store`.
  void define(ValueId value, Halide::Func func, int element = -1) { values_[value] = {std::move(func), element}; }
  /// A Func that is computed once a tile into scratch memory, its lanes in a vector.
  void store(Halide::Func func);
  void set_product(Product product) { product_ = std::move(product); }
  /// Whether the value is an argument of the kernel, already in memory.
  bool in_memory(ValueId value) const;
  /// A partial value summed over all chunks, at an index; and the kernel's arguments that say how many chunks and how far apart.
  Halide::Param<int> partial_count{"partial_count"}, partial_stride{"partial_stride"};
  Halide::Expr partial_sum(ValueId partial, const std::vector<Halide::Expr>& index);
  /// An output that is added to what its memory holds: out(index) += sum(index).
  void accumulate(ValueId value, Halide::Func sum);
  /// Funcs that several ops of the kernel compute from the same value, by that value.
  std::map<ValueId, std::vector<Halide::Func>> shared;

 private:
  void add_inputs();
  void emit(const Op& op);
  void make_outputs();
  bool reaches_product(ValueId value) const;
  /// Whether computing the value from inputs and outputs alone needs the product itself.
  bool needs_unstored_product(ValueId value) const;
  bool is_output(ValueId value) const;
  /// Lets pointwise values read the outputs in memory instead of what those were computed from.
  void emit_pointwise_again();
  void store_product();

  const KernelSource& kernel_;
  KernelTarget target_;
  std::vector<std::int32_t> definers_;
  std::map<ValueId, FuncRef> values_;
  std::map<ValueId, Halide::ImageParam> images_;
  std::map<ValueId, Halide::Func> sums_;
  std::vector<Halide::Argument> arguments_;
  std::vector<Halide::Func> outputs_;
  Product product_;
};

#define GRADC_OP(name) void halide_##name(Emitter&, const Op&);
#include "ir/ops/ops.def"
#undef GRADC_OP
void halide_pointwise(Emitter&, const Op&);

/// Schedules of whole kernels, each with the reasons for its numbers.
void schedule_product(Emitter& e, Halide::Func sink, const Type& sink_type, const Product& product, const Op* pool);
void schedule_map(const Emitter& e, Halide::Func sink, const Type& type);

/// Sums a Func's first argument, the lanes, away: f(n, i...) becomes g(i...).
Halide::Func sum_lanes(Emitter& e, Halide::Func lanes, const std::vector<Halide::Var>& index);

}  // namespace gradc
