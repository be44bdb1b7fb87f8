#pragma once
/// What the files of this folder share. Each defines halide_<op>(Emitter&, const Op&), the algorithm of its op; schedules follow once
/// the whole kernel is known (schedule.cpp).

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include <Halide.h>

#include "backends/halide/compile.h"
#include "ir/graph.h"
#include "target/register_tile.h"

namespace gradc {

/// The Halide view of a value: a Func, or one element of a Func of tuples. Its arguments are the lane n, where the value is batched, and
/// then the dimensions from the last (the fastest) to the first.
struct FuncRef {
  Halide::Func func;
  int element = -1;
};

/// A contraction whose accumulators want to live in registers, inside the loops of what reads them.
struct Contraction {
  const Op* op = nullptr;
  /// Its result. Where that is put together from several sums, each with its own domain, those are `parts`: in the input gradient of a
  /// strided convolution `accumulator` chooses among them by pixel.
  Halide::Func accumulator;
  Halide::RDom domain;
  std::vector<std::pair<Halide::Func, Halide::RDom>> parts = {};
  /// What sums the lanes of each part, if lanes are along an inner product.
  std::vector<std::pair<Halide::Func, Halide::RDom>> horizontal_sums = {};
  /// Whether all columns of a row are unrolled, so that tests of where a column stands are decided at compile time.
  bool unroll_columns = false;
  /// Whether images, instead of columns, share each vector of a convolution's weights; only where lanes are features.
  bool images_share = false;
  std::int64_t groups = 1;  ///< Groups of a convolution's channels.
  Halide::Func weights;     ///< A convolution's, or a second matrix, computed in place unless it is scheduled.
};

class Emitter {
 public:
  explicit Emitter(const KernelSource& kernel, int candidate = 0);

  Halide::Pipeline pipeline();
  std::vector<Halide::Argument> arguments() const { return arguments_; }

  // For the ops ---------------------------------------------------------------------------------------------------------
  const Graph& graph() const { return kernel_.graph; }
  const Op& definer(ValueId value) const { return kernel_.graph.ops[definers_[value]]; }
  const Type& type(ValueId value) const { return kernel_.graph.type(value); }
  /// Whether the kernel has such an op.
  bool has(OpKind kind) const;
  /// f32 elements of a vector.
  int vector() const { return target_.lanes; }
  /// Images of a tile.
  int images() const { return kernel_.graph.lanes == Lanes::batch ? target_.lanes : static_cast<int>(kernel_.images()); }
  /// Elements, rows or columns of a block.
  std::int64_t block() const { return kernel_.size; }
  bool lanes_are_features() const { return kernel_.graph.lanes == Lanes::features; }
  /// Elements of the vectors for a dimension of this extent: whole vectors, or else a power of two that fits.
  int width(std::int64_t extent) const;
  const Target& target() const { return target_; }
  /// Which of a schedule's register blocks to take, by modelled cycles: 0 is the best one.
  int candidate() const { return candidate_; }

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
  /// A Func that is computed once a tile into scratch memory, its lanes in a vector. Where lanes are features, `features` is the extent of
  /// its first argument after the image, or 0 if that is no dimension to vectorize.
  void store(Halide::Func func, std::int64_t features);
  void set_product(Contraction product) { product_ = std::move(product); }
  /// Whether the value is an argument of the kernel, already in memory.
  bool in_memory(ValueId value) const;
  /// Such an argument; of a kernel that works on columns, all images' elements one after the other.
  const Halide::ImageParam& memory(ValueId value) const { return images_.at(value); }
  /// A partial value summed over all chunks, at an index; and the kernel's arguments that say how many chunks and how far apart.
  Halide::Param<int> partial_count{"partial_count"}, partial_stride{"partial_stride"};
  Halide::Expr partial_sum(ValueId partial, const std::vector<Halide::Expr>& index);
  /// The images of the batch, padded: an argument of kernels that work on all of them.
  Halide::Param<int> image_count{"image_count"};
  /// An output that is added to what its memory holds: out(index) += sum(index).
  void accumulate(ValueId value, Halide::Func sum);
  /// An output that is computed as it is scheduled, into memory that it describes itself; nothing else of the kernel reads it.
  void write(ValueId value, Halide::Func func) { written_.emplace(value, std::move(func)); }
  /// Funcs that several ops of the kernel compute from the same value, by that value.
  std::map<ValueId, std::vector<Halide::Func>> shared;

 private:
  void add_inputs();
  /// Whether a value's memory starts at a multiple of a vector.
  bool aligned(const Type& type, std::int64_t steps) const;
  /// Of how many steps that lie one after the other in an image an input or output is one.
  static std::int64_t steps_of(const Op& argument);
  std::int64_t steps_of_output(ValueId value) const;
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
  const Target& target_;
  int candidate_;
  std::vector<std::int32_t> definers_;
  std::map<ValueId, FuncRef> values_;
  std::map<ValueId, Halide::ImageParam> images_;
  std::map<ValueId, Halide::Func> sums_, written_;
  std::vector<Halide::Argument> arguments_;
  std::vector<Halide::Func> outputs_;
  Contraction product_;
};

#define GRADC_OP(name, gradient, reference, halide) GRADC_IF_##halide(void halide_##name(Emitter&, const Op&);)
#include "ir/ops/ops.def"
#undef GRADC_OP
void halide_pointwise(Emitter&, const Op&);

/// Schedules of whole kernels, each with the reasons for its numbers.
void schedule_product(Emitter& e, Halide::Func consumer, const Type& sink_type, const Contraction& product, const Op* pool);
void schedule_product_of_features(Emitter& e, Halide::Func consumer, const Type& sink_type, const Contraction& product, const Op* pool);
/// Of products of matrices, whose consumers have their arguments: where lanes are images, and where they are features.
void schedule_matrices(Emitter& e, Halide::Func consumer, const Type& type, const Contraction& product);
void schedule_matrices_of_features(Emitter& e, Halide::Func consumer, const Type& type, const Contraction& product);
void schedule_map(const Emitter& e, Halide::Func consumer, const Type& type);

/// The pixels of a product that a pooling in its kernel makes one: columns, and rows times planes.
struct PooledPixels {
  std::int64_t rows = 1, columns = 1;

  /// `pool`: the pooling, or none.
  explicit PooledPixels(const Op* pool);
};

/// The channels that a convolution or its input gradient sums over. Of an input gradient's transposed kernel the second last dimension has
/// the filters of all groups.
std::int64_t terms_of_channels(const Emitter& e, const Contraction& product);

/// The loops over the terms of a convolution's sum, innermost first: channels, kernel columns, rows and planes, as tf.js's CPU backend adds
/// them. Where a relu or pooling decides between nearly equal values, it then decides as tf.js does, rounding for rounding.
std::vector<Halide::VarOrRVar> loops_over_terms(const Halide::RDom& r);

/// Sums a Func's first argument, the images, away: f(n, i...) becomes g(i...), of the extents of `type`.
Halide::Func sum_images(Emitter& e, Halide::Func of_images, const std::vector<Halide::Var>& index, const Type& type);

/// Whether features fill half vectors, but not whole ones.
inline bool fill_half_vectors(std::int64_t features, int width) { return features % width != 0 && features % (width / 2) == 0; }

/// Tells a Func the extents of its arguments.
void bound_all(Halide::Func func, const Type& type, int images);

/// Gives a Func's first argument the largest stride, so that the elements of each image, or lane, lie together. Returns its arguments in
/// the order of their strides.
std::vector<Halide::Var> first_outermost(Halide::Func func);

/// Keeps accumulators whose lanes are `feature` in registers while a sum runs: vectors of `width` are unrolled, as is every other argument,
/// inside the loops of `reduction`, innermost first, of which so many turns of the innermost are unrolled.
void keep_in_registers(Halide::Func acc, const Halide::Var& feature, int width, std::vector<Halide::VarOrRVar> reduction, int turns = 1);

/// Keeps the accumulators of a tile of features × rows in registers, within the loop `at` of their consumer. Too few to hide the latency of
/// a multiply-add are split into chains, which take turns.
void sum_in_chains(const Emitter& e, Halide::Func consumer, const Halide::Var& at, const Contraction& product, const FeatureTile& tile,
                   int width, std::int64_t depth);

/// Vectors of a convolution's features do not cross its groups, so that they take the same inputs: the largest power of two of lanes that
/// divides the features of a group; or any number of features if each is a group of its own.
int group_width(const Emitter& e, std::int64_t features, std::int64_t groups);

/// choose_feature_tile for the emitter's target and candidate.
FeatureTile choose_feature_tile(const Emitter& e, const FeatureLanes& lanes, std::int64_t others, std::int64_t depth,
                                std::int64_t repeat = 1);

}  // namespace gradc
