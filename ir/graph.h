#pragma once
/// The graph: values in single static assignment, and ops in an order in which every value is defined before its uses.
/// A graph is a value: it can be copied, and a pass edits it in place. Values are named by index.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ir/op.h"
#include "target/target.h"

namespace gradc {

using ValueId = std::int32_t;

struct Value {
  Type type;
  std::string name;  ///< Without the `%`; unique in its graph.
};

/// The part of a training step that an op belongs to.
enum class Stage : std::uint8_t {
  forward,   ///< Predictions, loss and metrics from data and params.
  backward,  ///< Gradients.
  update,    ///< The next values of params and other state.
};

std::string_view name_of(Stage stage);

class Graph;

struct Op {
  OpKind kind;
  std::vector<ValueId> operands;
  std::vector<ValueId> results;
  Attributes attributes;
  std::string loc;  ///< The name of the layer that it comes from.
  Stage stage = Stage::forward;
  std::int32_t kernel = -1;                ///< Index into Graph::kernels, or -1 before `fuse`.
  std::shared_ptr<const Graph> body = {};  ///< What a scan does in each step; nullptr for other ops.

  ValueId result() const { return results.front(); }
};

/// Where the lanes of the vectors in a step's code come from, and so how a batched value lies in memory.
enum class Lanes : std::uint8_t {
  batch,     ///< Neighbouring images: one vector's worth of images lies as [d1]..[dk][image].
  features,  ///< The last dimension, channels or features, of one image: images lie one after the other, [d1]..[dk], each at a cache line.
};

/// What one call of a kernel works on.
enum class KernelForm : std::uint8_t {
  tile,     ///< A tile of the batch.
  once,     ///< All there is, once a step.
  flat,     ///< A block of the elements of its arrays, which are of one shape: threads share the blocks.
  rows,     ///< A block of rows of a weight's gradient over the whole batch, and of what follows it: threads share the blocks.
  columns,  ///< A block of columns of a table's gradient over the whole batch, which has all rows: threads share the blocks.
};

std::string_view name_of(KernelForm form);
/// Whether a call works on all images of the batch, whose number it is told.
inline bool sees_batch(KernelForm form) { return form == KernelForm::rows || form == KernelForm::columns; }

/// A group of neighbouring ops that is compiled as one kernel.
struct Kernel {
  std::string name;
  std::int32_t phase = -1;  ///< Which phase of the step it runs in, or -1 before `partition`.
  KernelForm form = KernelForm::tile;
  std::int64_t size = 0;  ///< Images of a tile, elements, rows or columns of a block; 0 before `partition`, and for `once`.

  bool tiled() const { return form == KernelForm::tile; }
};

class Graph {
 public:
  std::string name = "graph";
  std::deque<Value> values;  ///< Adding one leaves references to the others valid.
  std::vector<Op> ops;
  std::vector<Kernel> kernels;
  Lanes lanes = Lanes::batch;
  std::optional<Target> target = {};  ///< What its code is made for; without one, passes choose for `avx512`.

  const Target& target_or_default() const;
  const Type& type(ValueId value) const { return values[value].type; }
  /// A new value; its name is `hint`, made unique with a number where it is taken.
  ValueId add_value(Type type, const std::string& hint);
  /// Gives a value another name, made unique like a new one's.
  void rename(ValueId value, const std::string& hint);
  /// Lets every use of `from` use `to`.
  void replace_uses(ValueId from, ValueId to);
  /// For each value the indices of the ops that use it, in order, once per op.
  std::vector<std::vector<std::int32_t>> users() const;
  /// For each value the index of the op that defines it.
  std::vector<std::int32_t> definers() const;
  OpView view(const Op& op, std::vector<Type>& scratch) const;
  /// Floating-point operations an image, or in all for an unbatched op; a multiply-add counts two.
  std::int64_t flops(const Op& op) const;
  /// The loops of a contraction.
  Iteration iteration(const Op& op) const;
  /// The ops named `name` of this kind (input, param, output), or nullptr.
  const Op* find(OpKind kind, const std::string& name) const;

 private:
  std::string unique_name(const std::string& hint);

  std::map<std::string, int> names_;
};

/// The value that a reshape, or a chain of them, shows in another shape.
ValueId storage_of(const Graph& graph, const std::vector<std::int32_t>& definers, ValueId value);

/// How many phases the kernels have.
int phase_count(const Graph& graph);

/// Whether an op sums over the batch: computed tile by tile, its result is *partial*, of which each tile has its part, until a `reduce`
/// makes it whole. Ops that see the whole batch at once do not.
bool sums_over_batch(const Graph& graph, const Op& op);

/// Pairs of ops of which the first reads a param and the second makes its new value. An update writes in place, so the first has to be done
/// before the second.
std::vector<std::pair<std::int32_t, std::int32_t>> reads_before_updates(const Graph& graph);

/// Appends ops to a graph. Every op gets the builder's current location and stage.
class Builder {
 public:
  explicit Builder(Graph& graph) : graph_(graph) {}

  /// Appends an op whose result types its shape rule gives; throws gradc::Error where the rule refuses its operands.
  std::vector<ValueId> emit_all(OpKind kind, std::vector<ValueId> operands, Attributes attributes = {}, const std::string& hint = "",
                                std::shared_ptr<const Graph> body = nullptr);
  ValueId emit(OpKind kind, std::vector<ValueId> operands, Attributes attributes = {}, const std::string& hint = "");
  /// Appends an op that states its type: input, param.
  ValueId emit_typed(OpKind kind, Type type, Attributes attributes, const std::string& hint);
  /// A constant of one value, a scalar unless `type` says otherwise.
  ValueId constant(double value, Type type = {});

  Graph& graph() { return graph_; }
  const Type& type(ValueId value) const { return graph_.type(value); }

  /// Lets the ops that follow come from where this one does.
  void stand_at(const Op& op) {
    loc = op.loc;
    stage = op.stage;
  }

  std::string loc;
  Stage stage = Stage::forward;

 private:
  Graph& graph_;
};

/// Lets a builder emit ops of a stage as long as this lives.
class InStage {
 public:
  InStage(Builder& b, Stage stage) : b_(b), before_(b.stage) { b.stage = stage; }
  ~InStage() { b_.stage = before_; }
  InStage(const InStage&) = delete;
  InStage& operator=(const InStage&) = delete;

 private:
  Builder& b_;
  Stage before_;
};

}  // namespace gradc
