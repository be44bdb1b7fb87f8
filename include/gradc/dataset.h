#pragma once
/// Data sets: images and labels in memory, as bytes or floats, as they came.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gradc/bytes.h"
#include "gradc/dtype.h"

namespace gradc {

struct Topology;

/// Is given lines about what was not as expected, and what was made of it.
using Warn = std::function<void(const std::string&)>;

/// A file for an input or output of a model, by its name, which may be empty.
struct NamedFile {
  std::string of;
  std::filesystem::path path;
};

/// Images with labels, of a model with several inputs or outputs an array for each, and weights of samples where they have any; a handle
/// that is cheap to copy, and may stand for a part of the data.
class DataSet {
 public:
  /// Numbers in rows of one shape.
  struct Array {
    std::vector<std::int64_t> shape;  ///< One row's.
    DType dtype = DType::f32;         ///< u8, i32 or f32
    Bytes bytes;                      ///< The rows, one after the other, from `begin` on.
    std::size_t begin = 0;
    std::int64_t count = 0;  ///< Rows.
    std::string name;        ///< Where it came from, for errors.

    /// Rows of numbers of one shape. Throws gradc::Error if they are no whole rows.
    static Array of(const std::vector<float>& values, std::vector<std::int64_t> row_shape, std::string name = "numbers");
    std::int64_t elements() const;
    const std::uint8_t* data() const { return bytes.data() + begin; }
    /// Number `i` of all, exactly.
    std::string text(std::int64_t i) const;
  };

  /// What the labels are. Found once, when they come, so that no step needs to look at all of them.
  struct LabelFacts {
    bool whole = true;           ///< All finite numbers are whole ones.
    double least = 0, most = 0;  ///< Among the finite numbers.
  };

  /// The array of one of a model's inputs or outputs.
  struct Part {
    std::string of;  ///< Its name; empty: arrays stand in the model's order.
    Array array;
    bool finite = true;     ///< No number is NaN or infinite.
    LabelFacts facts = {};  ///< Labels' alone.
  };

  /// No images: what every use refuses.
  DataSet() = default;
  /// From arrays in memory. Bytes are pixels, 0 to 255, which a step sees as 0 to 1; labels are classes where they are whole numbers.
  /// Throws gradc::Error if the counts differ, or shape, type and bytes of an array do not agree.
  static DataSet from(Array images, std::optional<Array> labels);
  /// For models with several inputs or outputs: `of` and `array` of each. Throws gradc::Error as well where some have a name and others
  /// not, or two the same.
  static DataSet from(std::vector<Part> inputs, std::vector<Part> labels);
  static DataSet from(std::vector<float> images, std::vector<std::int64_t> image_shape, std::vector<float> labels,
                      std::vector<std::int64_t> label_shape);
  /// Two files of MNIST's IDX format, plain or gzip.
  static DataSet from_idx(const std::filesystem::path& images, const std::filesystem::path& labels);
  /// .npy files of any numeric type and order; labels may be missing, for predictions. `warn` gets a line for each array whose numbers
  /// were rounded, or whose kind or order changed.
  static DataSet from_npy(const std::filesystem::path& images, const std::optional<std::filesystem::path>& labels, const Warn& warn = {});
  /// A file for each input and output, by names as in Part.
  static DataSet from_named_npy(const std::vector<NamedFile>& inputs, const std::vector<NamedFile>& labels, const Warn& warn = {});
  /// The arrays of a .npz file that are named like the inputs and outputs of `model`; other arrays are left alone. That of an only input
  /// may also be named "x" or "x_train", and that of an only output "y" or "y_train".
  static DataSet from_npz(const std::filesystem::path& file, const Topology& model, const Warn& warn = {});
  /// What `gradc` takes for `model`: .npy files as from_named_npy does; an array of a .npz file, by the name that is given with it; or one
  /// .npz file without a name, which holds all inputs or all labels, as in from_npz.
  static DataSet from_files(const std::vector<NamedFile>& inputs, const std::vector<NamedFile>& labels, const Topology& model,
                            const Warn& warn = {});

  /// The same with weights: how many times an image counts in the loss of an output, in training and when evaluated, as Keras's
  /// sample_weight; metrics do not heed them. An array of numbers, or of rows with a number for each of an output's first positions (the
  /// steps of a sequence), without `of` for an only output, else with its name. Throws gradc::Error if there are not as many as images.
  DataSet weighted(std::vector<Part> weights) const;
  /// A number for each image, for the only output.
  DataSet weighted(const std::vector<float>& weights) const;
  /// From files as from_files takes them; the array of a .npz file without a name is "sample_weight".
  DataSet weighted(const std::vector<NamedFile>& files, const Topology& model, const Warn& warn = {}) const;

  std::int64_t size() const { return static_cast<std::int64_t>(rows_.size()); }
  /// One for each input. Throws gradc::Error if there are none.
  const std::vector<Part>& inputs() const;
  /// One for each output, or none.
  const std::vector<Part>& labels() const { return content_->labels; }
  /// Of some outputs, or none.
  const std::vector<Part>& weights() const { return *weights_; }
  /// The first input's.
  const Array& images() const { return inputs()[0].array; }
  const std::vector<std::uint32_t>& rows() const { return rows_; }

  /// `count` images from `begin` on; fewer if there are no more.
  DataSet slice(std::int64_t begin, std::int64_t count) const;
  /// The same images in an order that `seed` gives.
  DataSet shuffled(std::uint64_t seed) const;

 private:
  struct Content {
    std::vector<Part> inputs, labels;
  };

  std::shared_ptr<const Content> content_ = std::make_shared<const Content>();
  std::shared_ptr<const std::vector<Part>> weights_ = std::make_shared<const std::vector<Part>>();
  std::vector<std::uint32_t> rows_;
};

/// Training and test data. Without test data `test` is empty.
struct DataPair {
  DataSet train, test;
};

/// A data set by name ("mnist"), or a folder with MNIST's four IDX files (train-images-idx3-ubyte, t10k-labels-idx1-ubyte, ..., also .gz)
/// or with x_train.npy, y_train.npy, x_test.npy, y_test.npy, or a .npz file with arrays x_train, y_train, x_test, y_test, as Keras's
/// mnist.npz; those for tests may be missing, about which `warn` gets a line. Throws gradc::Error that says what else is missing.
DataPair load_data(const std::string& name_or_path, const Warn& warn = {});

}  // namespace gradc
