#pragma once
/// The table of layers: layers.def with what each does.

#include <cstdint>
#include <span>
#include <string>

#include "frontend/layers/context.h"
#include "frontend/layers/fields.h"

namespace gradc {

/// How a layer takes what it is called with.
enum class Inputs : std::uint8_t {
  one,
  many,      ///< A list.
  separate,  ///< Each an argument of its own: a query, a value and a key.
};

/// The mask of what a layer makes.
enum class MaskOfOutput : std::uint8_t {
  drops,   ///< None.
  passes,  ///< That of its input.
  joins,   ///< 1 where that of an input is, if each has one.
  moves,   ///< That of its first input; where the dialect says so, it takes off those of all of them.
  own,     ///< What `lower` sets.
};

struct MaskRule {
  MaskOfOutput output;
  bool argument = false;  ///< Keras calls the layer with the mask of its input, as that was when the model was made.
};

struct LayerDef {
  const char* class_name;
  Inputs inputs;
  bool takes_numbers;  ///< Images that are a number without a dimension.
  MaskRule masks;
  int channels_first;  ///< The dimension of the channels where data_format says that they come first; 0 if `lower` sees to that.
  /// Reads the context's config, and emits what the layer means; -1 if the config has problems. Throws gradc::Error for what does not fit
  /// the layer's inputs.
  ValueId (*lower)(LayerContext&);
  std::vector<FieldLister::Field> (*fields)();
  /// Reads the options of the structure, with problems as of `lower`.
  void (*read)(ConfigReader&);
};

/// What an RNN may have as its cell.
struct CellDef {
  const char* class_name;
  std::vector<FieldLister::Field> (*fields)();
};

/// The options that layers and cells have in common, read around what is lowered.
class SharedOptions {
 public:
  explicit SharedOptions(LayerContext& context, bool is_input = false);
  /// Records what nobody has read, and lets weights that were made since stay as they are where they are not to be trained.
  void finish() const;

 private:
  LayerContext& context_;
  bool trainable_;
  std::size_t first_weight_, first_penalty_;
};

/// Whether layers of this one's class have the option.
bool has_option(const Layer& layer, std::string_view option);

/// Whether a layer, or the one in it, has inputs that are arguments of their own.
bool takes_arguments(const Layer& layer);

/// Adds what is wrong with a layer by itself, whatever its input, to the problems: an unknown class, or values of options.
void check_layer(const std::string& name, const Layer& layer, const Dialect& dialect, std::vector<std::string>& problems);

/// The mask of a layer's output if these are those of its inputs, by its row; the context's where `lower` has said it.
ValueId mask_of_output(const LayerDef& def, LayerContext& context, const std::vector<ValueId>& masks);

/// Lowers the context's layer: what all layers have in common around what its row does. -1 if the config has problems.
ValueId apply_layer(const LayerDef& def, LayerContext& context);

std::span<const LayerDef> all_layers();
std::vector<CellDef> all_cells();
/// nullptr if there is none of this class.
const LayerDef* find_layer(const std::string& class_name);

/// A problem with the name and the class of its layer.
std::string problem_of_layer(const std::string& name, const std::string& class_name, const std::string& problem);
/// What is wrong with a layer of a class that is not known.
std::string unknown_layer(const std::string& name, const std::string& class_name);

/// All layers and their options, as docs/layers.md has them.
std::string list_layers();

}  // namespace gradc
