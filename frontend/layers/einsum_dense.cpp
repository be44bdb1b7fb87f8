#include <algorithm>
#include <map>
#include <regex>

#include "frontend/layers/context.h"
#include "gradc/error.h"
#include "gradc/layers/dense.h"

namespace gradc {
namespace {

/// An equation for an input of some rank. Dimensions are letters, those that "..." stands for digits.
struct Equation {
  std::string input, kernel, output;
  std::size_t left = 0, right = 0;  ///< How many dimensions "..." stands for, at the begin or at the end.

  Equation(const std::string& text, std::size_t rank) {
    static const std::regex form(R"((\.\.\.)?([a-zA-Z]+)(\.\.\.)?,([a-zA-Z]+)->(\.\.\.)?([a-zA-Z]*)(\.\.\.)?)");
    std::smatch parts;
    const bool fits = std::regex_match(text, parts, form) && parts[1].matched == parts[5].matched && parts[3].matched == parts[7].matched &&
                      !(parts[1].matched && parts[3].matched);
    if (!fits) throw Error("\"equation\" is \"{}\", expected one as \"abc,cd->abd\", \"...c,cd->...d\" or \"ab...,bc->ac...\"", text);
    input = parts[2];
    kernel = parts[4];
    output = parts[6];
    const bool open = parts[1].matched || parts[3].matched;
    if (open ? input.size() > rank : input.size() != rank)
      throw Error("\"equation\" is \"{}\", whose input has {} dimensions with the batch, got an input of {}", text, input.size(), rank);
    std::string more;
    for (auto count = rank - input.size(); count > 0; --count) more += static_cast<char>('0' + count);
    (parts[1].matched ? left : right) = more.size();
    input = parts[1].matched ? more + input : input + more;
    output = parts[1].matched ? more + output : output + more;
    check_letters(text);
  }

 private:
  static bool has(const std::string& letters, char letter) { return letters.find(letter) != std::string::npos; }

  void check_letters(const std::string& text) const {
    for (const auto* letters : {&input, &kernel, &output})
      for (char letter : *letters)
        if (std::count(letters->begin(), letters->end(), letter) > 1)
          throw Error("\"equation\" is \"{}\", where '{}' stands twice in a value, which is not there yet", text, letter);
    if (output.empty() || output[0] != input[0] || has(kernel, input[0]))
      throw Error("\"equation\" is \"{}\", expected the first dimension of input and result to be the batch, which the kernel has not",
                  text);
    for (char letter : input.substr(1))
      if (!has(kernel, letter) && !has(output, letter))
        throw Error("\"equation\" is \"{}\", where '{}' stands in the input alone, a sum that is not there yet", text, letter);
    for (char letter : kernel)
      if (!has(input, letter) && !has(output, letter))
        throw Error("\"equation\" is \"{}\", where '{}' of the kernel is neither in the input nor in the result", text, letter);
    for (char letter : output)
      if (!has(input, letter) && !has(kernel, letter))
        throw Error("\"equation\" is \"{}\", where '{}' of the result is neither in the input nor in the kernel", text, letter);
  }
};

using Sizes = std::map<char, std::int64_t>;

/// The sizes of all dimensions.
Sizes sizes_of(const Equation& equation, const Type& input, const Dims& output_shape) {
  Sizes sizes;
  for (std::size_t i = 0; i < equation.input.size(); ++i) sizes[equation.input[i]] = input.dims[i];
  const auto first = std::max<std::size_t>(equation.left, 1), stated = equation.output.size() - first - equation.right;
  if (output_shape.size() != stated)
    throw Error("\"output_shape\" has {} dimensions, expected {} for the result of the equation, without the batch", output_shape.size(),
                stated);
  for (std::size_t i = 0; i < stated; ++i) {
    const auto letter = equation.output[first + i];
    const bool is_known = sizes.contains(letter);
    if (output_shape[i] < 0 && !is_known) throw Error("\"output_shape\" leaves '{}' open, which is no dimension of the input", letter);
    if (output_shape[i] >= 0 && is_known && sizes[letter] != output_shape[i])
      throw Error("\"output_shape\" has {} for '{}', which is {} in the input", output_shape[i], letter, sizes[letter]);
    if (!is_known) sizes[letter] = output_shape[i];
  }
  return sizes;
}

Ints dims_of(const std::string& letters, const Sizes& sizes) {
  Ints dims;
  for (char letter : letters) dims.push_back(sizes.at(letter));
  return dims;
}

std::int64_t elements_of(const std::string& letters, const Sizes& sizes) {
  std::int64_t elements = 1;
  for (char letter : letters) elements *= sizes.at(letter);
  return elements;
}

/// x, whose dimensions are `from`, with them in the order `to`.
Symbol permuted(Symbol x, const std::string& from, const std::string& to) {
  if (from == to) return x;
  Ints permutation;
  for (char letter : to) permutation.push_back(static_cast<std::int64_t>(from.find(letter)));
  return emit(OpKind::transpose, {x}, {{"permutation", permutation}}, "permuted");
}

/// Of dimensions the ones that `chosen` says.
template <class Chosen>
std::string some(const std::string& letters, Chosen chosen) {
  std::string result;
  std::copy_if(letters.begin(), letters.end(), std::back_inserter(result), chosen);
  return result;
}

/// The shape of the bias: from the first of its dimensions on, with 1 for others.
Ints bias_shape(const Equation& equation, const std::string& axes, const Sizes& sizes) {
  const auto letters = equation.output.substr(equation.left, equation.output.size() - equation.left - equation.right);
  std::size_t first = letters.size();
  for (char axis : axes) {
    const auto at = letters.find(axis);
    if (at == std::string::npos || axis == equation.input[0])
      throw Error("\"bias_axes\" is \"{}\", where '{}' is no dimension of the result beside the batch", axes, axis);
    first = std::min(first, at);
  }
  Ints shape;
  for (char letter : letters.substr(first)) shape.push_back(axes.find(letter) != std::string::npos ? sizes.at(letter) : 1);
  shape.insert(shape.end(), equation.right, 1);
  return shape;
}

}  // namespace

ValueId lower(LayerContext& context, const EinsumDense& layer) {
  const auto type = context.input_type();
  const Equation equation(layer.equation, type.dims.size());
  const auto sizes = sizes_of(equation, type, layer.output_shape);
  auto in = [](const std::string& letters) { return [&letters](char letter) { return letters.find(letter) != std::string::npos; }; };
  const auto in_input = in(equation.input), in_kernel = in(equation.kernel), in_output = in(equation.output);
  const auto shared = some(equation.kernel, [&](char c) { return in_input(c) && in_output(c); }),
             summed = some(equation.kernel, [&](char c) { return in_input(c) && !in_output(c); }),
             made = some(equation.kernel, [&](char c) { return !in_input(c); }),
             kept = some(equation.input, [&](char c) { return !in_kernel(c); });
  const auto each = elements_of(shared, sizes), inputs = elements_of(summed, sizes), outputs = elements_of(made, sizes);
  auto kernel = context.symbol(context.weight("kernel", dims_of(equation.kernel, sizes), layer.kernel_initializer, layer.kernel_regularizer,
                                              layer.kernel_constraint, !layer.lora));
  context.draw_by_fans("kernel", inputs, each * outputs);
  if (layer.lora) {
    const auto [a, b] = low_rank_weights(context, layer, dims_of(equation.kernel, sizes));
    const auto rank = layer.lora.rank, last = type_of(kernel).dims.back(), rows = type_of(kernel).elements() / last;
    const auto products = reshape(context.symbol(a), {rows, rank, 1}) * reshape(context.symbol(b), {1, rank, last});
    kernel = context.symbol(adapted(context, layer.lora, kernel.id, reshape(sum(products, {1}), type_of(kernel).dims).id));
  }
  kernel = permuted(kernel, equation.kernel, shared + summed + made);
  auto y = permuted(context.symbol(context.input()), equation.input, kept + shared + summed);
  auto rows = dims_of(kept, sizes);
  if (shared.empty()) {
    rows.push_back(inputs);
    y = emit(OpKind::dense, {reshape(y, rows), reshape(kernel, {inputs, outputs})}, {}, "dense");
  } else {
    // A kernel of its own for each place of what both have.
    rows.insert(rows.end(), {each, inputs, 1});
    y = sum(reshape(y, rows) * reshape(kernel, {each, inputs, outputs}), {static_cast<std::int64_t>(rows.size()) - 2});
  }
  y = permuted(reshape(y, dims_of(kept + shared + made, sizes)), kept + shared + made, equation.output);
  if (!layer.bias_axes.empty()) {
    const auto bias = context.weight("bias", bias_shape(equation, layer.bias_axes, sizes), layer.bias_initializer, layer.bias_regularizer,
                                     layer.bias_constraint);
    y = emit(OpKind::add, {y, context.symbol(bias)}, {}, "biased");
  }
  return context.activate(y.id, layer.activation);
}

}  // namespace gradc
