#pragma once
/// Data sets: images and labels in memory, as bytes or floats, as they came.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/step.h"
#include "support/bytes.h"

namespace gradc {

/// Is given lines about what was not as expected, and what was made of it.
using Warn = std::function<void(const std::string&)>;

/// Images with labels; a handle that is cheap to copy, and may stand for a part of the data.
class DataSet {
 public:
  /// Numbers in rows of one shape.
  struct Array {
    std::vector<std::int64_t> shape;  ///< Of one row.
    DType dtype = DType::f32;         ///< u8, i32 or f32
    Bytes bytes;                      ///< The rows, one after the other, from `begin` on.
    std::size_t begin = 0;
    std::int64_t count = 0;  ///< Rows.
    std::string name;        ///< Where it came from, for errors.

    std::int64_t elements() const;
    const std::uint8_t* data() const { return bytes.data() + begin; }
    /// Number `i` of all, exactly.
    std::string text(std::int64_t i) const;
  };

  /// What the labels are. Found once, when they come, so that no step needs to look at all of them.
  struct LabelFacts {
    bool whole = true;           ///< All finite numbers are whole ones.
    double least = 0, most = 0;  ///< Of the finite numbers.
  };

  /// No images: what every use refuses.
  DataSet() = default;
  /// From arrays in memory. Bytes are pixels, 0 to 255, which a step sees as 0 to 1; labels are classes where they are whole numbers.
  /// Throws gradc::Error if the counts differ, or shape, type and bytes of an array do not agree.
  static DataSet from(Array images, std::optional<Array> labels);
  static DataSet from(std::vector<float> images, std::vector<std::int64_t> image_shape, std::vector<float> labels,
                      std::vector<std::int64_t> label_shape);
  /// Two files of MNIST's IDX format, plain or gzip.
  static DataSet from_idx(const std::filesystem::path& images, const std::filesystem::path& labels);
  /// .npy files of any numeric type and order; labels may be missing, for predictions. `warn` gets a line for each array whose numbers
  /// were rounded, or whose kind or order changed.
  static DataSet from_npy(const std::filesystem::path& images, const std::optional<std::filesystem::path>& labels, const Warn& warn = {});

  std::int64_t size() const { return static_cast<std::int64_t>(rows_.size()); }
  /// Throws gradc::Error if there are none.
  const Array& images() const;
  const Array* labels() const { return labels_ ? &labels_->array : nullptr; }
  bool images_finite() const { return images_->finite; }
  bool labels_finite() const { return labels_->finite; }
  const LabelFacts& label_facts() const { return labels_->facts; }
  const std::vector<std::uint32_t>& rows() const { return rows_; }

  /// `count` images from `begin` on; fewer if there are no more.
  DataSet slice(std::int64_t begin, std::int64_t count) const;
  /// The same images in an order that `seed` gives.
  DataSet shuffled(std::uint64_t seed) const;

 private:
  struct Content {
    Array array;
    bool finite = true;  ///< No number is NaN or infinite.
    LabelFacts facts;    ///< Of labels.
  };

  std::shared_ptr<const Content> images_, labels_;
  std::vector<std::uint32_t> rows_;
};

/// Training and test data. Without test data `test` is empty.
struct DataPair {
  DataSet train, test;
};

/// A data set by name ("mnist"), or a folder with MNIST's four IDX files (train-images-idx3-ubyte, t10k-labels-idx1-ubyte, ..., also .gz)
/// or with x_train.npy, y_train.npy, x_test.npy, y_test.npy; those for tests may be missing, about which `warn` gets a line. Throws
/// gradc::Error that says what else is missing.
DataPair load_data(const std::string& name_or_folder, const Warn& warn = {});

}  // namespace gradc
