#pragma once
/// What the file of an optimizer says: its names, its fields and its update rule. A new optimizer is a structure in optimizers.h, one such
/// file, and its place in the variant.

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "frontend/matrices.h"
#include "frontend/number_range.h"
#include "frontend/optimizers.h"

namespace gradc {

template <class Owner>
struct NumberField {
  std::variant<double Owner::*, std::int64_t Owner::*, std::optional<double> Owner::*> member;
  const char* keras;
  NumberRange range = kFiniteNotNegative;
  const char* tfjs = nullptr;  ///< If it is not the camel case of Keras's name.
  /// Null in a file, 0 or nothing here, says that it is not done; else null says nothing.
  bool null_is_none = false;
};

template <class Owner>
struct FlagField {
  bool Owner::* member;
  const char* keras;
  const char* tfjs = nullptr;
};

template <class Owner>
struct TextsField {
  std::vector<std::string> Owner::* member;
  const char* keras;
};

/// A name in files, and the defaults that it stands for.
template <class O>
struct NamedDefaults {
  const char* name;
  O defaults;
};

/// Emits the updates of one optimizer.
class Updates {
 public:
  /// A trainable param: what gradient it gets, and what the step is subtracted from.
  struct Param {
    std::string name;
    ValueId value, gradient, start;
  };

  /// What a param's weight_decay is.
  using DecayOf = std::function<double(const std::string& name, const Type& type)>;
  Updates(Graph& graph, const LearningRate& learning_rate, const OptimizerOptions& options, const DecayOf& decay_of);

  UpdateRule rule;
  std::vector<Param> params;  ///< With their gradients clipped and their weights decayed.
  std::vector<OptimizerState> states;

  ValueId rate() const { return rate_; }
  Type type(const Param& param) const { return b_.type(param.value); }
  /// A state of a param, or of the optimizer: "optimizer/PARAM/NAME", "optimizer/NAME".
  ValueId state(const Param& param, const std::string& name, double initial = 0);
  ValueId state(const Param& param, const std::string& name, std::vector<std::int64_t> shape, double initial);
  ValueId state(const std::string& name, double initial);
  /// Lets `value` be the state's or param's in the next step, if this one is an update and does not only add up gradients. Returns it.
  ValueId update(ValueId param, ValueId value);
  /// The same for a state that changes with each step.
  ValueId set(ValueId state, ValueId value);
  /// Subtracts the step from a param.
  void move(const Param& param, ValueId step) { update(param.value, sub(param.start, step)); }
  /// state * keep + value * (1 - keep), as the new state.
  ValueId average(ValueId state, double keep, ValueId value) { return update(state, add(mul(state, c(keep)), mul(value, c(1 - keep)))); }
  /// base^(steps done + 1), which a state holds.
  ValueId power(const std::string& name, double base);
  /// Ops that follow get the location of this param.
  void at(const Param& param) { b_.loc = param.name; }

  ValueId c(double v) { return b_.constant(v); }
  ValueId add(ValueId x, ValueId y) { return b_.emit(OpKind::add, {x, y}); }
  ValueId sub(ValueId x, ValueId y) { return b_.emit(OpKind::sub, {x, y}); }
  ValueId mul(ValueId x, ValueId y) { return b_.emit(OpKind::mul, {x, y}); }
  ValueId div(ValueId x, ValueId y) { return b_.emit(OpKind::div, {x, y}); }
  ValueId max(ValueId x, ValueId y) { return b_.emit(OpKind::max, {x, y}); }
  ValueId min(ValueId x, ValueId y) { return b_.emit(OpKind::min, {x, y}); }
  ValueId abs(ValueId x) { return b_.emit(OpKind::abs, {x}); }
  ValueId square(ValueId x) { return b_.emit(OpKind::square, {x}); }
  ValueId sqrt(ValueId x) { return b_.emit(OpKind::sqrt, {x}); }
  ValueId sign(ValueId x) { return b_.emit(OpKind::sign, {x}); }
  ValueId round(ValueId x) { return b_.emit(OpKind::round, {x}); }
  ValueId cos(ValueId x) { return b_.emit(OpKind::cos, {x}); }
  ValueId pow(ValueId x, ValueId exponent) { return b_.emit(OpKind::pow, {x, exponent}); }
  ValueId greater(ValueId x, ValueId y) { return b_.emit(OpKind::greater, {x, y}); }
  ValueId equal(ValueId x, ValueId y) { return b_.emit(OpKind::equal, {x, y}); }
  ValueId select(ValueId condition, ValueId yes, ValueId no) { return b_.emit(OpKind::select, {condition, yes, no}); }
  /// Of matrices.
  ValueId transpose(ValueId x) { return gradc::transpose(b_, x); }
  ValueId product(ValueId x, ValueId y) { return gradc::product(b_, x, y); }
  ValueId product_of_rows(ValueId x) { return gradc::product_of_rows(b_, x); }
  /// Over all elements.
  ValueId sum_of_squares(ValueId x);
  ValueId mean_square(ValueId x) { return mul(sum_of_squares(x), c(1 / static_cast<double>(b_.type(x).elements()))); }
  /// Along one dimension, which stays as 1.
  ValueId mean(ValueId x, int axis);

 private:
  void take_gradients();
  /// What the graph makes of a trained param by itself, made of `value` instead.
  ValueId constrained(ValueId param, ValueId value);
  void clip(const OptimizerOptions& options);
  /// Takes means of gradients over so many steps, of which the last is an update.
  void accumulate(std::int64_t steps);
  void begin_average(const OptimizerOptions& options);
  /// Brings a param's next value into its average, and gives what it then is.
  ValueId averaged(const Param& param, ValueId value);

  Builder b_;
  ValueId rate_;
  ValueId is_update_ = -1;                           ///< If not each step is one.
  ValueId average_keep_ = -1, is_overwritten_ = -1;  ///< Of moving averages of weights, if there are any.
  std::map<ValueId, ValueId> constrained_;           ///< By trained params.
};

template <class O>
struct Description {
  std::vector<NamedDefaults<O>> names;  ///< The first is Keras's.
  std::vector<NumberField<O>> numbers;  ///< Besides the learning rate.
  std::vector<FlagField<O>> flags;
  /// The name under which tf.js knows this optimizer and does the same, or nullptr. Other `options` than none are none of its concern.
  const char* (*tfjs_name)(const O&);
  void (*update)(Updates&, const O&);
  // What few have.
  std::vector<TextsField<O>> texts = {};
  double (*weight_decay)(const O&, const std::string& name, const Type& type) = nullptr;  ///< If it is not the options'.
  std::string (*problem)(const O&) = nullptr;                                             ///< What is wrong with it besides ranges.
};

template <class O>
const Description<O>& description();

template <>
const Description<SGD>& description();
template <>
const Description<Adam>& description();
template <>
const Description<RMSProp>& description();
template <>
const Description<Adadelta>& description();
template <>
const Description<Adagrad>& description();
template <>
const Description<Adamax>& description();
template <>
const Description<Nadam>& description();
template <>
const Description<Lion>& description();
template <>
const Description<Lamb>& description();
template <>
const Description<Ftrl>& description();
template <>
const Description<Adafactor>& description();
template <>
const Description<Muon>& description();

}  // namespace gradc
