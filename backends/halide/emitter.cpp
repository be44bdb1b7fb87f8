#include "backends/halide/emitter.h"

#include <algorithm>

#include "gradc/error.h"

namespace gradc {
namespace {

using namespace Halide;

Halide::Type halide_type(DType dtype) {
  switch (dtype) {
    case DType::f32: return Float(32);
    case DType::i32: return Int(32);
    case DType::u8: return UInt(8);
  }
  return Float(32);
}

/// The extents of a value's arguments: the lanes, where it is batched, then its dimensions from the last to the first.
std::vector<std::int64_t> extents_of(const gradc::Type& type, int lanes) {
  auto dims = type.image_dims();
  std::reverse(dims.begin(), dims.end());
  if (type.batched()) dims.insert(dims.begin(), lanes);
  return dims;
}

/// Makes bounds and strides constants. Of a tuple's buffers only the first may state bounds, which hold for all. Where lanes are features
/// the first argument, the image, has the largest stride.
template <class Buffer>
void fix_layout(Buffer buffer, const gradc::Type& type, int images, Lanes lanes, std::int64_t steps = 1, bool bounds = true) {
  auto extents = extents_of(type, images);
  bool images_last = type.batched() && lanes == Lanes::features;
  std::int64_t stride = 1;
  for (std::size_t i = 0; i < extents.size(); ++i) {
    auto d = images_last ? (i + 1) % extents.size() : i;
    auto dim = buffer.dim(static_cast<int>(d));
    if (bounds) dim.set_bounds(0, static_cast<int>(extents[d]));
    dim.set_stride(static_cast<int>(images_last && d == 0 ? image_stride(type, steps) : stride));
    stride *= extents[d];
  }
}

}  // namespace

Emitter::Emitter(const KernelSource& kernel, int candidate)
    : kernel_(kernel), target_(kernel.graph.target_or_default()), candidate_(candidate), definers_(kernel.graph.definers()) {
  add_inputs();
}

void Emitter::add_inputs() {
  if (kernel_.reduces()) {
    arguments_.push_back(partial_count);
    arguments_.push_back(partial_stride);
  }
  if (sees_batch(kernel_.form)) arguments_.push_back(image_count);
  for (const auto& op : kernel_.graph.ops) {
    if (op.kind != OpKind::input) continue;
    const auto& type = kernel_.graph.type(op.result());
    if (kernel_.form == KernelForm::columns) {
      ImageParam flat(halide_type(type.dtype), 1, "arg" + op.attributes.text("name"));
      flat.dim(0).set_min(0).set_stride(1);
      arguments_.push_back(flat);
      images_[op.result()] = flat;
      continue;
    }
    ImageParam image(halide_type(type.dtype), static_cast<int>(extents_of(type, images()).size()), "arg" + op.attributes.text("name"));
    const auto steps = steps_of(op);
    fix_layout(image, type, images(), graph().lanes, steps, kernel_.form != KernelForm::rows);
    if (kernel_.form == KernelForm::rows)
      for (int d = 0; d < image.dimensions(); ++d) image.dim(d).set_min(0);
    if (aligned(type, steps)) image.set_host_alignment(std::min(64, vector() * size_of(type.dtype)));
    arguments_.push_back(image);
    images_[op.result()] = image;
  }
}

std::vector<Var> Emitter::indices(const gradc::Type& type) const {
  static const Var vars[] = {Var("i0"), Var("i1"), Var("i2"), Var("i3"), Var("i4"), Var("i5"), Var("i6"), Var("i7")};
  auto count = type.image_dims().size();
  if (count > std::size(vars))
    throw Error("values of more than {} dimensions are not supported, got {}", std::size(vars) + 1, to_string(type));
  return {vars, vars + count};
}

std::vector<Var> Emitter::arguments_of(const gradc::Type& type) const {
  auto vars = indices(type);
  if (type.batched()) vars.insert(vars.begin(), n);
  return vars;
}

Expr Emitter::at(ValueId value, const Expr& lane, std::vector<Expr> index) const {
  if (type(value).batched()) index.insert(index.begin(), lane);
  if (auto image = images_.find(value); image != images_.end()) return image->second(index);
  const auto& ref = values_.at(value);
  return ref.element < 0 ? Expr(ref.func(index)) : Expr(ref.func(index)[ref.element]);
}

Expr Emitter::broadcast_at(ValueId operand, const gradc::Type& result, const Expr& lane, const std::vector<Expr>& index) const {
  auto dims = type(operand).image_dims();
  std::vector<Expr> own;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (i >= index.size()) break;  // a leading 1 where the result has its batch
    own.push_back(dims[dims.size() - 1 - i] == 1 ? Expr(0) : index[i]);
  }
  while (own.size() < dims.size()) own.push_back(0);
  check(type(operand).batched() <= result.batched(), "a batch broadcasts to a batch");
  return at(operand, lane, own);
}

bool Emitter::has(OpKind kind) const {
  const auto& ops = kernel_.graph.ops;
  return std::any_of(ops.begin(), ops.end(), [&](const Op& op) { return op.kind == kind; });
}

bool Emitter::in_memory(ValueId value) const { return images_.contains(value); }

bool Emitter::aligned(const gradc::Type& type, std::int64_t steps) const {
  if (lanes_are_features() && steps > 1 && type.elements() % vector() != 0) return false;
  if (!type.batched()) return kernel_.form == KernelForm::flat;
  return !lanes_are_features() || (type.elements() > 1 && kernel_.form != KernelForm::rows);
}

int Emitter::width(std::int64_t extent) const {
  int width = vector();
  while (width > extent) width /= 2;
  return std::max(width, 1);
}

void Emitter::store(Func func, std::int64_t features) {
  func.compute_root();
  auto args = func.args();
  if (args.empty() || args[0].name() != n.name()) return;
  if (!lanes_are_features()) {
    func.vectorize(args[0]);
    for (int i = 0; i < func.num_update_definitions(); ++i) func.update(i).vectorize(args[0]);
    return;
  }
  if (args.size() == 1) return;
  auto order = first_outermost(func);
  func.reorder({order.begin(), order.end()});
  if (features < 2) {
    for (int i = 0; i < func.num_update_definitions(); ++i) func.update(i).unscheduled();
    return;
  }
  func.vectorize(args[1], width(features), TailStrategy::ShiftInwards);
  for (int i = 0; i < func.num_update_definitions(); ++i) func.update(i).vectorize(args[1], width(features), TailStrategy::GuardWithIf);
}

Expr Emitter::partial_sum(ValueId partial, const std::vector<Expr>& index) {
  // The partial sums of one array lie partial_stride elements apart; its own argument has their first. Seen flat, the stride is arithmetic.
  auto& image = images_.at(partial);
  const auto& own = type(partial);
  auto dims = extents_of(own, images());
  ImageParam flat(Float(32), 1, image.name());
  flat.dim(0).set_min(0).set_stride(1);
  for (auto& argument : arguments_)
    if (argument.name == image.name()) argument = flat;
  RDom r(0, partial_count);
  Func sum("partial_sum");
  auto vars = indices(own);
  Expr at = r * partial_stride;
  int stride = 1;
  for (std::size_t d = 0; d < vars.size(); ++d) {
    at = at + vars[d] * stride;
    stride *= static_cast<int>(dims[d]);
  }
  sum(vars) = 0.0f;
  sum(vars) += flat(at);
  if (!vars.empty()) {
    // The sum of a vector of elements stays in a register while it runs over the partial sums.
    Var outer, inner;
    sum.compute_root().vectorize(vars[0], vector(), TailStrategy::GuardWithIf);
    sum.update().split(vars[0], outer, inner, vector(), TailStrategy::GuardWithIf).reorder(inner, r, outer).vectorize(inner);
  } else {
    sum.compute_root();
  }
  return sum(index);
}

void Emitter::accumulate(ValueId value, Func sum) { sums_[value] = sum; }

void Emitter::emit(const Op& op) {
  if (is_pointwise(op.kind)) return halide_pointwise(*this, op);
  switch (op.kind) {
#define GRADC_OP(name, gradient, reference, halide) GRADC_IF_##halide(case OpKind::name : return halide_##name(*this, op);)
#include "ir/ops/ops.def"
#undef GRADC_OP
    default: throw InternalError(std::string(name_of(op.kind)) + " is no op of a kernel");
  }
}

bool Emitter::reaches_product(ValueId value) const {
  const auto& op = definer(value);
  if (&op == product_.op) return true;
  if (!is_pointwise(op.kind) && op.kind != OpKind::max_pool) return false;
  return std::any_of(op.operands.begin(), op.operands.end(), [&](ValueId operand) { return reaches_product(operand); });
}

bool Emitter::needs_unstored_product(ValueId value) const {
  const auto& op = definer(value);
  if (op.kind == OpKind::input || is_output(value)) return false;
  if (&op == product_.op) return true;
  return std::any_of(op.operands.begin(), op.operands.end(), [&](ValueId operand) { return needs_unstored_product(operand); });
}

bool Emitter::is_output(ValueId value) const {
  return std::any_of(kernel_.graph.ops.begin(), kernel_.graph.ops.end(),
                     [&](const Op& op) { return op.kind == OpKind::output && op.operands[0] == value; });
}

std::int64_t Emitter::steps_of(const Op& argument) { return argument.attributes.integer_or("steps", 1); }

std::int64_t Emitter::steps_of_output(ValueId value) const {
  for (const auto& op : kernel_.graph.ops)
    if (op.kind == OpKind::output && op.operands[0] == value) return steps_of(op);
  return 1;
}

void Emitter::emit_pointwise_again() {
  for (const auto& op : kernel_.graph.ops)
    if (is_pointwise(op.kind) && !is_output(op.result())) emit(op);
}

void Emitter::store_product() {
  auto value = product_.op->result();
  Func stored("stored");
  auto vars = indices(type(value));
  stored(arguments_of(type(value))) = at(value, n, {vars.begin(), vars.end()});
  stored.compute_root();
  if (lanes_are_features()) first_outermost(stored);
  schedule_product(*this, stored, type(value), product_, nullptr);
  define(value, stored);
  product_.op = nullptr;
  for (const auto& op : kernel_.graph.ops)
    if (is_pointwise(op.kind) || op.kind == OpKind::max_pool) emit(op);
}

void Emitter::make_outputs() {
  const Op* pool = nullptr;
  for (const auto& op : kernel_.graph.ops)
    if (op.kind == OpKind::max_pool) pool = &op;
  bool product_has_sink = false;
  // A sum runs after the loops that make the outputs. It can read those, but a product that is no output, nor leads to one on its way
  // to the sum, has to be stored for it.
  bool store_it = false;
  if (product_.op != nullptr)
    for (const auto& op : kernel_.graph.ops)
      if (sums_over_batch(kernel_.graph, op)) store_it = store_it || needs_unstored_product(op.operands[0]);
  if (store_it) store_product();
  for (const auto& group : output_groups(kernel_.graph)) {
    const auto& first = type(group[0]);
    if (sums_over_batch(kernel_.graph, definer(group[0]))) continue;
    if (auto written = written_.find(group[0]); written != written_.end()) {
      outputs_.push_back(written->second);
      continue;
    }
    Func consumer("out");
    auto vars = indices(first);
    std::vector<Expr> index(vars.begin(), vars.end()), elements;
    for (auto value : group) elements.push_back(at(value, n, index));
    if (elements.size() == 1)
      consumer(arguments_of(first)) = elements[0];
    else
      consumer(arguments_of(first)) = Tuple(elements);
    bool of_product = product_.op != nullptr && std::any_of(group.begin(), group.end(), [&](ValueId v) { return reaches_product(v); });
    if (of_product) {
      check(!product_has_sink, "one loop nest reads a product");
      product_has_sink = true;
      schedule_product(*this, consumer, first, product_, pool);
    } else {
      schedule_map(*this, consumer, first);
    }
    for (std::size_t i = 0; i < group.size(); ++i) {
      // Sums read what was stored, not the expression again.
      values_[group[i]] = {consumer, group.size() == 1 ? -1 : static_cast<int>(i)};
      const auto steps = steps_of_output(group[i]);
      fix_layout(consumer.output_buffers()[i], type(group[i]), images(), graph().lanes, steps, i == 0);
      if (aligned(type(group[i]), steps))
        consumer.output_buffers()[i].set_host_alignment(std::min(64, vector() * size_of(type(group[i]).dtype)));
    }
    outputs_.push_back(consumer);
  }
  if (product_.op != nullptr && !product_has_sink) store(product_.accumulator, type(product_.op->result()).dims.back());
  emit_pointwise_again();
  for (const auto& op : kernel_.graph.ops)
    if (sums_over_batch(kernel_.graph, op)) emit(op);
  for (const auto& group : output_groups(kernel_.graph)) {
    auto found = sums_.find(group[0]);
    if (found == sums_.end()) continue;
    Func total("total");
    auto vars = indices(type(group[0]));
    std::vector<Expr> index(vars.begin(), vars.end());
    total(vars) = undef<float>();
    total(vars) += found->second(index);
    auto extents = extents_of(type(group[0]), images());
    for (std::size_t d = 0; d < vars.size(); ++d) total.bound(vars[d], 0, static_cast<int>(extents[d]));
    if (!vars.empty() && extents[0] > 1) total.update().vectorize(vars[0], width(extents[0]), TailStrategy::GuardWithIf);
    fix_layout(total.output_buffer(), type(group[0]), images(), graph().lanes);
    outputs_.push_back(total);
  }
}

Pipeline Emitter::pipeline() {
  for (const auto& op : kernel_.graph.ops)
    if (op.kind != OpKind::input && op.kind != OpKind::output && !sums_over_batch(kernel_.graph, op)) emit(op);
  make_outputs();
  return Pipeline(outputs_);
}

void halide_constant(Emitter& e, const Op& op) {
  Func f("constant");
  f(e.arguments_of(e.type(op.result()))) = static_cast<float>(op.attributes.number("value"));
  e.define(op.result(), f);
}

}  // namespace gradc
