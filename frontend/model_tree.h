#pragma once
/// A model as a file has it: layers, models that are layers of other models, and layers or models that are used at several places.
/// Everything behind the frontend sees it inlined, as a Topology of plain layers; a save writes the tree again.

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "frontend/dialect.h"
#include "gradc/layers.h"

namespace gradc {

/// An output of a layer: of its `call`-th use within its model, the `output`-th that this use gives.
struct Source {
  std::string layer;
  int call = 0, output = 0;
  std::string argument = {};  ///< Under which name a layer takes it; empty: by its place.
};

/// One use of a layer.
struct Call {
  std::vector<Source> inputs;
  std::set<std::string> flags = {};  ///< Of those below the ones that are true.
  bool inference = false;            ///< `training = false`: it works as in prediction, also in training.
  bool masked = false;               ///< Keras 3 wrote a mask beside the inputs. Those of layers follow from what the inputs are.
};

struct ModelTree {
  struct Member {
    Layer layer;
    std::string name;                        ///< Unique in its model.
    std::vector<Call> calls = {};            ///< Empty in a sequence, where each member takes the output of the one before.
    std::shared_ptr<const ModelTree> model;  ///< What the layer is, if it is a model.
    bool each_step = false;                  ///< A TimeDistributed of `model`; `layer` has its own options.
    bool operation = false;                  ///< An operation of keras.ops, to which masks mean nothing; the layer does the same.
  };

  bool sequential = true;
  std::string name;
  bool trainable = true;  ///< Else none of its layers is.
  std::vector<Member> members;
  std::vector<Source> inputs, outputs;  ///< Unless it is a sequence.
};

/// Arguments of calls, true or false, that are options of gradc's layers.
const std::set<std::string>& arguments_that_are_options();

/// Whether a layer of this class is a model.
bool is_model_class(const std::string& class_name);

/// The config with its input shape, however it is spelled, as "batch_input_shape".
nlohmann::json with_input_shape(nlohmann::json config);

/// Names for layers without one, as Keras numbers them: conv2d, conv2d_1.
class LayerNames {
 public:
  /// Whether no layer had this name so far.
  bool take(const std::string& name) { return taken_.insert(name).second; }
  std::string next(const std::string& class_name);

 private:
  std::set<std::string> taken_;
  std::map<std::string, int> numbers_;
};

/// Reads an object with class_name "Sequential", "Functional" or "Model". Problems of its parts are added to `problems`; throws
/// gradc::Error for what is no such object.
ModelTree read_tree(const nlohmann::json& model, std::vector<std::string>& problems);

/// The model in the form that tf.js, Keras 2 and Keras 3 read, with the same numbers in each: an activation that they do not agree on is
/// written as layers on which they do.
nlohmann::json write_tree(const ModelTree& tree, const Dialect& dialect);

}  // namespace gradc
