#include "gradc/dataset.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <future>
#include <numeric>
#include <set>

#include <fmt/ranges.h>
#include <libdeflate.h>

#include "frontend/topology.h"
#include "gradc/error.h"
#include "ir/type.h"
#include "model/npy.h"
#include "model/npz.h"
#include "support/files.h"
#include "support/finite.h"
#include "support/random.h"

namespace gradc {
namespace {

namespace fs = std::filesystem;
using Array = DataSet::Array;

constexpr std::int64_t kMostRows = std::int64_t{1} << 32;  ///< A row's number has 32 bits.

/// All bytes of a file that may be gzipped.
Bytes read_maybe_gzip(const fs::path& path) {
  auto bytes = read_file(path);
  if (bytes.size() < 2 || static_cast<unsigned char>(bytes[0]) != 0x1f || static_cast<unsigned char>(bytes[1]) != 0x8b)
    return {bytes.data(), bytes.data() + bytes.size()};
  auto damaged = [&] { return Error("{}: is cut off or damaged: it does not unpack as gzip", path.string()); };
  // The last four bytes of a gzip file say how long it unpacks; no byte makes more than 1032.
  std::uint32_t size = 0;
  if (bytes.size() >= 18) std::memcpy(&size, bytes.data() + bytes.size() - 4, 4);
  if (bytes.size() < 18 || size / 1032 > bytes.size()) throw damaged();
  Bytes plain(size);
  std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)> unpacker(libdeflate_alloc_decompressor(),
                                                                                             libdeflate_free_decompressor);
  if (unpacker == nullptr) throw std::bad_alloc();
  std::size_t used = 0, made = 0;
  auto status = libdeflate_gzip_decompress_ex(unpacker.get(), bytes.data(), bytes.size(), plain.data(), plain.size(), &used, &made);
  if (status != LIBDEFLATE_SUCCESS || used != bytes.size() || made != plain.size()) throw damaged();
  return plain;
}

Array read_idx(const fs::path& path, std::size_t rank) {
  auto bytes = read_maybe_gzip(path);
  auto big_endian = [&](std::size_t at) {
    std::uint32_t v = 0;
    for (int i = 0; i < 4; ++i) v = v << 8 | bytes[at + i];
    return static_cast<std::int64_t>(v);
  };
  if (bytes.size() < 4 || bytes[0] != 0 || bytes[1] != 0)
    throw Error("{}: is not an IDX file: it does not start with two zero bytes", path.string());
  if (bytes[2] != 8) throw Error("{}: holds numbers of IDX type 0x{:02x}; gradc reads unsigned bytes, 0x08", path.string(), bytes[2]);
  if (bytes[3] != rank) throw Error("{}: has {} dimensions, expected {}", path.string(), bytes[3], rank);
  auto header = 4 + 4 * rank;
  if (bytes.size() < header) throw Error("{}: is cut off within its header", path.string());
  Array array{.dtype = DType::u8, .name = path.string()};
  array.count = big_endian(4);
  double expected = static_cast<double>(array.count);
  for (std::size_t d = 1; d < rank; ++d) {
    array.shape.push_back(big_endian(4 + 4 * d));
    expected *= static_cast<double>(array.shape.back());
  }
  if (static_cast<double>(bytes.size() - header) != expected)
    throw Error("{}: its header says {} of {}, {:.0f} bytes, but {} follow", path.string(), array.count,
                array.shape.empty() ? "1 byte" : shape_string(array.shape), expected, bytes.size() - header);
  array.bytes = std::move(bytes);
  array.begin = header;
  return array;
}

std::optional<fs::path> find_idx(const fs::path& folder, const std::string& stem) {
  for (const auto& name : {stem, stem + ".gz"}) {
    if (fs::exists(folder / name)) return folder / name;
    auto dotted = name;
    if (auto at = dotted.find("-idx"); at != std::string::npos) dotted[at] = '.';
    if (fs::exists(folder / dotted)) return folder / dotted;
  }
  return std::nullopt;
}

/// Tells that the test data of a folder or file are missing.
void warn_of_no_test(const fs::path& path, const char* images, const char* labels, const Warn& warn) {
  if (warn) warn(fmt::format("{}: has neither {} nor {}: there are no test data to validate on", path.string(), images, labels));
}

DataPair load_npz(const fs::path& path, const Warn& warn) {
  const Npz file(path);
  auto pair_of = [&](const char* images, const char* labels) {
    auto x = file.read(images, ArrayUse::images, warn);
    return DataSet::from(std::move(x), file.read(labels, ArrayUse::labels, warn));
  };
  DataPair pair{.train = pair_of("x_train", "y_train"), .test = {}};
  if (file.has("x_test") || file.has("y_test"))
    pair.test = pair_of("x_test", "y_test");
  else
    warn_of_no_test(path, "x_test", "y_test", warn);
  return pair;
}

DataPair load_folder(const fs::path& folder, const Warn& warn) {
  auto train_x = folder / "x_train.npy", train_y = folder / "y_train.npy", test_x = folder / "x_test.npy", test_y = folder / "y_test.npy";
  if (fs::exists(train_x)) {
    DataPair pair{.train = DataSet::from_npy(train_x, train_y, warn), .test = {}};
    if (fs::exists(test_x) || fs::exists(test_y))
      pair.test = DataSet::from_npy(test_x, test_y, warn);
    else
      warn_of_no_test(folder, "x_test.npy", "y_test.npy", warn);
    return pair;
  }
  auto required = [&](const char* stem) {
    auto found = find_idx(folder, stem);
    if (!found) throw Error("{}: has no {} (or .gz), nor x_train.npy", folder.string(), stem);
    return *found;
  };
  const char *test_images = "t10k-images-idx3-ubyte", *test_labels = "t10k-labels-idx1-ubyte";
  auto train_images = required("train-images-idx3-ubyte"), train_labels = required("train-labels-idx1-ubyte");
  if (!find_idx(folder, test_images) && !find_idx(folder, test_labels)) {
    warn_of_no_test(folder, test_images, test_labels, warn);
    return {.train = DataSet::from_idx(train_images, train_labels), .test = {}};
  }
  auto test_files = std::pair(required(test_images), required(test_labels));
  auto test = std::async(std::launch::async, [&] { return DataSet::from_idx(test_files.first, test_files.second); });
  auto train = DataSet::from_idx(train_images, train_labels);
  return {std::move(train), test.get()};
}

std::vector<fs::path> places_of(const std::string& name) {
  std::vector<fs::path> places;
  if (const char* folder = std::getenv("GRADC_DATA")) places.push_back(fs::path(folder) / name);
  std::error_code ignored;
  auto binary = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  places.push_back(binary / "../share/gradc/data" / name);
  for (auto above = binary; above.has_relative_path(); above = above.parent_path()) places.push_back(above / "examples" / name / "data");
  return places;
}

/// The arrays of a .npz file for the inputs or outputs of a model that `names` has. An only one may also be named as arrays `usually` are.
std::vector<DataSet::Part> npz_parts(const fs::path& path, const std::vector<std::string>& names, const std::vector<std::string>& usually,
                                     ArrayUse use, const Warn& warn) {
  const Npz file(path);
  const bool one = names.size() == 1;
  std::vector<DataSet::Part> parts;
  std::vector<std::string> missing;
  for (const auto& name : names) {
    std::vector<std::string> candidates{name};
    if (one) candidates.insert(candidates.end(), usually.begin(), usually.end());
    const auto found = std::find_if(candidates.begin(), candidates.end(), [&](const auto& each) { return file.has(each); });
    if (found == candidates.end())
      missing.insert(missing.end(), candidates.begin(), candidates.end());
    else if (missing.empty())
      parts.push_back({name, file.read(*found, use, warn)});
  }
  if (!missing.empty())
    throw Error("{}: has no array \"{}\" for the model's {}{}; {}", path.string(), fmt::join(missing, one ? "\", nor \"" : "\", \""),
                use == ArrayUse::images ? "input" : "output", one ? "" : "s", file.content());
  return parts;
}

/// What an only input, or an only output, may be named in a .npz file besides its name.
const std::vector<std::string> kInputNames = {"x", "x_train"}, kLabelNames = {"y", "y_train"};

/// The arrays of the files for a model's inputs or outputs, as DataSet::from_files takes them.
std::vector<DataSet::Part> parts_of(const std::vector<NamedFile>& files, const std::vector<std::string>& names,
                                    const std::vector<std::string>& usually, ArrayUse use, const Warn& warn) {
  std::vector<DataSet::Part> parts;
  for (const auto& [of, path] : files) {
    if (!is_npz(path)) {
      parts.push_back({of, read_npy(path, use, warn)});
    } else if (!of.empty()) {
      parts.push_back({of, Npz(path).read(of, use, warn)});
    } else {
      if (files.size() > 1)
        throw Error("{}: without a name it stands for all {}; give no other file with it, or name its arrays: NAME={}", path.string(),
                    use == ArrayUse::images ? "inputs" : "labels", path.string());
      return npz_parts(path, names, usually, use, warn);
    }
  }
  return parts;
}

template <class Number>
DataSet::LabelFacts facts_of(const Array& array) {
  DataSet::LabelFacts facts{.least = INFINITY, .most = -INFINITY};
  const auto* numbers = reinterpret_cast<const Number*>(array.data());
  for (std::int64_t i = 0, count = array.count * array.elements(); i < count; ++i) {
    auto v = static_cast<double>(numbers[i]);
    if (!std::isfinite(v)) continue;
    facts.least = std::min(facts.least, v);
    facts.most = std::max(facts.most, v);
    facts.whole = facts.whole && v == std::floor(v);
  }
  return facts;
}

DataSet::LabelFacts label_facts_of(const Array& array) {
  if (array.dtype == DType::u8) return facts_of<std::uint8_t>(array);
  return array.dtype == DType::i32 ? facts_of<std::int32_t>(array) : facts_of<float>(array);
}

bool is_finite(const Array& array) {
  if (array.dtype != DType::f32) return true;
  return all_finite({reinterpret_cast<const float*>(array.data()), static_cast<std::size_t>(array.count * array.elements())});
}

/// Throws gradc::Error unless shape, type and bytes agree.
void expect_consistent(const Array& array) {
  auto elements = count_elements(array.shape);
  if (!elements)
    throw Error("{}: has rows of shape {}; each dimension is at least 1, and their product fits 63 bits", array.name,
                shape_string(array.shape));
  if (array.count < 1) throw Error("{}: holds no rows", array.name);
  if (array.count > kMostRows) throw Error("{}: holds {} rows; a data set has at most {}", array.name, array.count, kMostRows);
  auto given = array.begin <= array.bytes.size() ? array.bytes.size() - array.begin : 0;
  auto needed = static_cast<double>(array.count) * static_cast<double>(*elements) * size_of(array.dtype);
  if (needed != static_cast<double>(given))
    throw Error("{}: {} rows of shape {} and type {} are {:.0f} bytes, but there are {}", array.name, array.count,
                shape_string(array.shape), name_of(array.dtype), needed, given);
  if (array.begin % static_cast<std::size_t>(size_of(array.dtype)) != 0)
    throw Error("{}: begins at byte {}, which is no multiple of the {} bytes of a number", array.name, array.begin, size_of(array.dtype));
}

/// Throws gradc::Error for arrays of which some have a name and others not, or two the same.
void expect_names(const std::vector<DataSet::Part>& parts) {
  std::set<std::string> names;
  for (const auto& part : parts) {
    if (part.of.empty() != parts[0].of.empty())
      throw Error("{} has a name and {} has none: name all arrays, or none", (part.of.empty() ? parts[0] : part).array.name,
                  (part.of.empty() ? part : parts[0]).array.name);
    if (!part.of.empty() && !names.insert(part.of).second) throw Error("two arrays are named \"{}\"", part.of);
  }
}

void look_at(std::vector<DataSet::Part>& parts) {
  expect_names(parts);
  for (auto& part : parts) {
    expect_consistent(part.array);
    part.finite = is_finite(part.array);
  }
}

}  // namespace

std::int64_t Array::elements() const { return Type{dtype, shape}.elements(); }

std::string Array::text(std::int64_t i) const {
  if (dtype == DType::u8) return std::to_string(data()[i]);
  if (dtype == DType::i32) return std::to_string(reinterpret_cast<const std::int32_t*>(data())[i]);
  const auto value = reinterpret_cast<const float*>(data())[i];
  return std::isnan(value) ? "nan" : fmt::format("{}", value);
}

DataSet DataSet::from(Array images, std::optional<Array> labels) {
  std::vector<Part> inputs(1), outputs(labels ? 1 : 0);
  inputs[0].array = std::move(images);
  if (labels) outputs[0].array = std::move(*labels);
  return from(std::move(inputs), std::move(outputs));
}

DataSet DataSet::from(std::vector<Part> inputs, std::vector<Part> labels) {
  Content content{std::move(inputs), std::move(labels)};
  for (auto* parts : {&content.inputs, &content.labels}) look_at(*parts);
  for (auto& part : content.labels) part.facts = label_facts_of(part.array);
  DataSet data;
  data.content_ = std::make_shared<const Content>(std::move(content));
  const auto& first = data.images();
  for (const auto& part : data.inputs())
    if (part.array.count != first.count)
      throw Error("{} holds {} rows, but {} holds {}", first.name, first.count, part.array.name, part.array.count);
  for (const auto& part : data.labels())
    if (part.array.count != first.count)
      throw Error("{} holds {} images, but {} holds {} labels", first.name, first.count, part.array.name, part.array.count);
  data.rows_.resize(static_cast<std::size_t>(first.count));
  std::iota(data.rows_.begin(), data.rows_.end(), 0u);
  return data;
}

DataSet DataSet::weighted(std::vector<Part> weights) const {
  const auto& first = images();
  look_at(weights);
  for (const auto& part : weights)
    if (part.array.count != first.count)
      throw Error("{} holds {} images, but {} holds {} weights", first.name, first.count, part.array.name, part.array.count);
  auto other = *this;
  other.weights_ = std::make_shared<const std::vector<Part>>(std::move(weights));
  return other;
}

DataSet DataSet::weighted(const std::vector<float>& weights) const {
  return weighted({Part{.of = "", .array = Array::of(weights, {}, "weights")}});
}

DataSet DataSet::weighted(const std::vector<NamedFile>& files, const Topology& model, const Warn& warn) const {
  return weighted(parts_of(files, output_names(model), {"sample_weight"}, ArrayUse::labels, warn));
}

DataSet::Array DataSet::Array::of(const std::vector<float>& values, std::vector<std::int64_t> row_shape, std::string name) {
  Array array{.shape = std::move(row_shape), .dtype = DType::f32, .name = std::move(name)};
  const auto elements = static_cast<std::size_t>(count_elements(array.shape).value_or(1));
  if (elements == 0 || values.size() % elements != 0)
    throw Error("{}: {} numbers are no whole rows of shape {}, which have {} each", array.name, values.size(), shape_string(array.shape),
                elements);
  array.count = static_cast<std::int64_t>(values.size() / elements);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(values.data());
  array.bytes = {bytes, bytes + values.size() * sizeof(float)};
  return array;
}

DataSet DataSet::from(std::vector<float> images, std::vector<std::int64_t> image_shape, std::vector<float> labels,
                      std::vector<std::int64_t> label_shape) {
  return from(Array::of(images, std::move(image_shape), "images"), Array::of(labels, std::move(label_shape), "labels"));
}

const std::vector<DataSet::Part>& DataSet::inputs() const {
  if (content_->inputs.empty()) throw Error("the data set is empty: make one with DataSet::from, DataSet::from_npy or load_data");
  return content_->inputs;
}

DataSet DataSet::from_idx(const fs::path& images, const fs::path& labels) { return from(read_idx(images, 3), read_idx(labels, 1)); }

DataSet DataSet::from_npy(const fs::path& images, const std::optional<fs::path>& labels, const Warn& warn) {
  auto x = read_npy(images, ArrayUse::images, warn);
  return from(std::move(x), labels ? std::optional(read_npy(*labels, ArrayUse::labels, warn)) : std::nullopt);
}

DataSet DataSet::from_named_npy(const std::vector<NamedFile>& inputs, const std::vector<NamedFile>& labels, const Warn& warn) {
  auto parts = [&](const std::vector<NamedFile>& files, ArrayUse use) {
    std::vector<Part> all;
    for (const auto& file : files) all.push_back({file.of, read_npy(file.path, use, warn)});
    return all;
  };
  return from(parts(inputs, ArrayUse::images), parts(labels, ArrayUse::labels));
}

DataSet DataSet::from_npz(const fs::path& file, const Topology& model, const Warn& warn) {
  auto images = npz_parts(file, input_names(model), kInputNames, ArrayUse::images, warn);
  return from(std::move(images), npz_parts(file, output_names(model), kLabelNames, ArrayUse::labels, warn));
}

DataSet DataSet::from_files(const std::vector<NamedFile>& inputs, const std::vector<NamedFile>& labels, const Topology& model,
                            const Warn& warn) {
  auto images = parts_of(inputs, input_names(model), kInputNames, ArrayUse::images, warn);
  return from(std::move(images), parts_of(labels, output_names(model), kLabelNames, ArrayUse::labels, warn));
}

DataSet DataSet::slice(std::int64_t begin, std::int64_t count) const {
  DataSet part;
  part.content_ = content_;
  part.weights_ = weights_;
  begin = std::clamp<std::int64_t>(begin, 0, size());
  count = std::clamp<std::int64_t>(count, 0, size() - begin);
  part.rows_.assign(rows_.begin() + begin, rows_.begin() + begin + count);
  return part;
}

DataSet DataSet::shuffled(std::uint64_t seed) const {
  DataSet other = *this;
  // Fisher and Yates, with random bits that are a function of (seed, place).
  auto key = step_key(seed, 0x5f3759df);
  for (auto i = static_cast<std::uint32_t>(other.rows_.size()); i > 1; --i) {
    auto bits = random_bits<std::uint32_t>(key, i, 0, 0);
    std::swap(other.rows_[i - 1], other.rows_[static_cast<std::uint32_t>((std::uint64_t{bits} * i) >> 32)]);
  }
  return other;
}

DataPair load_data(const std::string& name, const Warn& warn) {
  if (is_npz(name) && !fs::is_directory(name)) return load_npz(name, warn);
  if (fs::is_directory(name)) return load_folder(name, warn);
  if (name.find('/') == std::string::npos)
    for (const auto& place : places_of(name))
      if (fs::is_directory(place)) return load_folder(place, warn);
  throw Error(
      "data set \"{}\": there is no such folder, and no data set of this name is installed (mnist is); put IDX or .npy files into a folder "
      "and name it, or a .npz file",
      name);
}

}  // namespace gradc
