#pragma once
/// What the file of an optimizer says: its names, its fields and its update rule. A new optimizer is a structure in optimizers.h, one such
/// file, and its place in the variant.

#include <map>
#include <span>
#include <string>
#include <vector>

#include "frontend/number_range.h"
#include "frontend/optimizers.h"

namespace gradc {

template <class Owner>
struct NumberField {
  double Owner::* member;
  const char* keras;
  NumberRange range = kFiniteNotNegative;
  const char* tfjs = nullptr;  ///< If it is not the camel case of Keras's name.
};

template <class Owner>
struct FlagField {
  bool Owner::* member;
  const char* keras;
  const char* tfjs = nullptr;
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

  Updates(Graph& graph, double learning_rate, const OptimizerOptions& options);

  UpdateRule rule;
  std::vector<Param> params;  ///< With their gradients clipped and their weights decayed.
  std::vector<OptimizerState> states;

  ValueId rate() const { return rate_; }
  Type type(const Param& param) const { return b_.type(param.value); }
  /// A state of a param, or of the optimizer: "optimizer/PARAM/NAME", "optimizer/NAME".
  ValueId state(const Param& param, const std::string& name, double initial = 0);
  ValueId state(const std::string& name, double initial);
  /// Lets `value` be the state's or param's in the next step, and returns it.
  ValueId update(ValueId param, ValueId value);
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
  ValueId pow(ValueId x, double exponent) { return b_.emit(OpKind::pow, {x, c(exponent)}); }
  ValueId equal(ValueId x, ValueId y) { return b_.emit(OpKind::equal, {x, y}); }
  ValueId select(ValueId condition, ValueId yes, ValueId no) { return b_.emit(OpKind::select, {condition, yes, no}); }
  /// Over all elements.
  ValueId sum_of_squares(ValueId x);

 private:
  void take_gradients();
  /// What the graph makes of a trained param by itself, made of `value` instead.
  ValueId constrained(ValueId param, ValueId value);
  void clip(const OptimizerOptions& options);

  Builder b_;
  ValueId rate_;
  std::map<ValueId, ValueId> constrained_;  ///< By trained params.
};

template <class O>
struct Description {
  std::vector<NamedDefaults<O>> names;  ///< The first is Keras's.
  std::vector<NumberField<O>> numbers;  ///< Besides the learning rate.
  std::vector<FlagField<O>> flags;
  /// The name under which tf.js knows this optimizer and does the same, or nullptr. Other `options` than none are none of its concern.
  const char* (*tfjs_name)(const O&);
  void (*update)(Updates&, const O&);
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

}  // namespace gradc
