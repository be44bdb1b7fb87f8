#include "runtime/dataset.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <future>
#include <numeric>

#include <libdeflate.h>

#include "support/error.h"
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
    return {bytes.begin(), bytes.end()};
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

/// The value of a key of a .npy header, which is the text of a Python dict.
std::string npy_field(const std::string& header, const std::string& key, const fs::path& path) {
  auto at = header.find("'" + key + "'");
  if (at == std::string::npos) throw Error("{}: is not a .npy file: its header has no {}", path.string(), key);
  at = header.find(':', at);
  auto begin = at == std::string::npos ? at : header.find_first_not_of(' ', at + 1);
  if (begin == std::string::npos) throw Error("{}: is not a .npy file: its header is broken at {}", path.string(), key);
  if (header[begin] == '(') return header.substr(begin + 1, header.find(')', begin) - begin - 1);
  return header.substr(begin, header.find_first_of(",}", begin) - begin);
}

template <class From, class To>
Bytes converted(const char* data, std::int64_t count, const fs::path& path) {
  Bytes bytes(static_cast<std::size_t>(count) * sizeof(To));
  for (std::int64_t i = 0; i < count; ++i) {
    From value;
    std::memcpy(&value, data + i * static_cast<std::int64_t>(sizeof(From)), sizeof value);
    auto to = static_cast<To>(value);
    if (static_cast<From>(to) != value) throw Error("{}: number {} is {}, which does not fit 32 bits", path.string(), i, value);
    std::memcpy(bytes.data() + i * static_cast<std::int64_t>(sizeof(To)), &to, sizeof to);
  }
  return bytes;
}

/// The format is NEP 1 of NumPy: magic, version, header length, a dict, the data.
Array read_npy(const fs::path& path) {
  auto bytes = read_file(path);
  if (bytes.size() < 10 || std::memcmp(bytes.data(), "\x93NUMPY", 6) != 0) throw Error("{}: is not a .npy file", path.string());
  int version = bytes[6];
  std::size_t length = 0, start = version == 1 ? 10 : 12;
  if (bytes.size() < start) throw Error("{}: is cut off within its header", path.string());
  for (int i = version == 1 ? 2 : 4; i-- > 0;) length = length << 8 | static_cast<unsigned char>(bytes[8 + static_cast<std::size_t>(i)]);
  if (bytes.size() < start + length) throw Error("{}: is cut off within its header", path.string());
  auto header = bytes.substr(start, length);
  auto descr = npy_field(header, "descr", path);
  if (npy_field(header, "fortran_order", path) != "False")
    throw Error("{}: is in Fortran order; save it with numpy.ascontiguousarray(array)", path.string());
  Array array{.name = path.string()};
  auto shape = npy_field(header, "shape", path);
  double total = 1;
  std::vector<std::int64_t> dims;
  for (std::size_t at = 0; at < shape.size();) {
    char* end = nullptr;
    auto dim = std::strtoll(shape.c_str() + at, &end, 10);
    if (end == shape.c_str() + at) break;
    dims.push_back(dim);
    total *= static_cast<double>(dim);
    at = static_cast<std::size_t>(end - shape.c_str());
    at = shape.find_first_not_of(", ", at);
    if (at == std::string::npos) break;
  }
  if (dims.empty() || *std::min_element(dims.begin(), dims.end()) < 0)
    throw Error("{}: has shape ({}), expected at least one dimension, the images", path.string(), shape);
  array.count = dims[0];
  array.shape.assign(dims.begin() + 1, dims.end());
  auto type = descr.size() > 3 ? descr.substr(2, descr.size() - 3) : "";  // of '<f4'
  int width = type == "u1" || type == "i1" || type == "b1"   ? 1
              : type == "i2" || type == "u2" || type == "f2" ? 2
              : type == "f8" || type == "i8" || type == "u8" ? 8
                                                             : 4;
  if (descr.size() > 1 && descr[1] == '>') throw Error("{}: holds big-endian numbers; save it with array.astype('<f4')", path.string());
  if (type == "f8") throw Error("{}: holds float64; save it with array.astype('float32')", path.string());
  if (total * width != static_cast<double>(bytes.size() - start - length))
    throw Error("{}: its header says ({}), {:.0f} bytes, but {} follow", path.string(), shape, total * width,
                bytes.size() - start - length);
  const char* data = bytes.data() + start + length;
  auto count = static_cast<std::int64_t>(total);
  array.dtype = DType::i32;
  if (type == "u1") {
    array.dtype = DType::u8;
    array.bytes.assign(data, data + count);
  } else if (type == "f4" || type == "i4") {
    array.dtype = type == "f4" ? DType::f32 : DType::i32;
    array.bytes.assign(data, data + count * 4);
  } else if (type == "i8") {
    array.bytes = converted<std::int64_t, std::int32_t>(data, count, path);
  } else if (type == "i1" || type == "b1") {
    array.bytes = converted<std::int8_t, std::int32_t>(data, count, path);
  } else if (type == "i2") {
    array.bytes = converted<std::int16_t, std::int32_t>(data, count, path);
  } else {
    throw Error("{}: holds numbers of type {}; gradc reads float32, uint8 and, for labels, int32 and int64", path.string(), descr);
  }
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

DataPair load_folder(const fs::path& folder) {
  if (fs::exists(folder / "x_train.npy"))
    return {DataSet::from_npy(folder / "x_train.npy", folder / "y_train.npy"),
            DataSet::from_npy(folder / "x_test.npy", folder / "y_test.npy")};
  std::vector<fs::path> files;
  for (const char* stem : {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"}) {
    auto found = find_idx(folder, stem);
    if (!found) throw Error("{}: has no {} (or .gz), nor x_train.npy", folder.string(), stem);
    files.push_back(*found);
  }
  auto test = std::async(std::launch::async, [&] { return DataSet::from_idx(files[2], files[3]); });
  auto train = DataSet::from_idx(files[0], files[1]);
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

}  // namespace

std::int64_t Array::elements() const { return Type{dtype, shape}.elements(); }

std::string Array::text(std::int64_t i) const {
  if (dtype == DType::u8) return std::to_string(data()[i]);
  if (dtype == DType::i32) return std::to_string(reinterpret_cast<const std::int32_t*>(data())[i]);
  return fmt::format("{}", reinterpret_cast<const float*>(data())[i]);
}

DataSet DataSet::from(Array images, std::optional<Array> labels) {
  DataSet data;
  expect_consistent(images);
  auto finite = is_finite(images);
  data.images_ = std::make_shared<const Content>(Content{std::move(images), finite, {}});
  if (labels) {
    expect_consistent(*labels);
    finite = is_finite(*labels);
    auto facts = label_facts_of(*labels);
    data.labels_ = std::make_shared<const Content>(Content{std::move(*labels), finite, facts});
  }
  const auto count = data.images().count;
  if (labels && data.labels()->count != count)
    throw Error("{} holds {} images, but {} holds {} labels", data.images().name, count, data.labels()->name, data.labels()->count);
  data.rows_.resize(static_cast<std::size_t>(count));
  std::iota(data.rows_.begin(), data.rows_.end(), 0u);
  return data;
}

DataSet DataSet::from(std::vector<float> images, std::vector<std::int64_t> image_shape, std::vector<float> labels,
                      std::vector<std::int64_t> label_shape) {
  auto array = [](const std::vector<float>& values, std::vector<std::int64_t> shape, const char* name) {
    Array result{.shape = std::move(shape), .dtype = DType::f32, .name = name};
    auto elements = static_cast<std::size_t>(count_elements(result.shape).value_or(1));
    if (values.size() % elements != 0)
      throw Error("{}: {} numbers are no whole rows of shape {}, which have {} each", name, values.size(), shape_string(result.shape),
                  elements);
    result.count = static_cast<std::int64_t>(values.size() / elements);
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(values.data());
    result.bytes.assign(bytes, bytes + values.size() * sizeof(float));
    return result;
  };
  return from(array(images, std::move(image_shape), "images"), array(labels, std::move(label_shape), "labels"));
}

const Array& DataSet::images() const {
  if (!images_) throw Error("the data set is empty: make one with DataSet::from, DataSet::from_npy or load_data");
  return images_->array;
}

DataSet DataSet::from_idx(const fs::path& images, const fs::path& labels) { return from(read_idx(images, 3), read_idx(labels, 1)); }

DataSet DataSet::from_npy(const fs::path& images, const std::optional<fs::path>& labels) {
  auto x = read_npy(images);
  if (x.shape.empty())
    throw Error("{}: has rank 1, expected images: a first dimension for them and at least one for their numbers", images.string());
  if (x.dtype == DType::i32) throw Error("{}: holds whole numbers of more than a byte; save images as uint8 or float32", images.string());
  return from(std::move(x), labels ? std::optional(read_npy(*labels)) : std::nullopt);
}

DataSet DataSet::slice(std::int64_t begin, std::int64_t count) const {
  DataSet part;
  part.images_ = images_;
  part.labels_ = labels_;
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

DataPair load_data(const std::string& name) {
  if (fs::is_directory(name)) return load_folder(name);
  if (name.find('/') == std::string::npos)
    for (const auto& place : places_of(name))
      if (fs::is_directory(place)) return load_folder(place);
  throw Error(
      "data set \"{}\": there is no such folder, and no data set of this name is installed (mnist is); put IDX or .npy files into a folder "
      "and name it",
      name);
}

}  // namespace gradc
