#include "inspect/event_writer.h"

#include <bit>
#include <chrono>
#include <numeric>
#include <vector>

#include <fmt/format.h>
#include <isa-l/crc.h>
#include <unistd.h>

#include "gradc/error.h"

namespace gradc {
namespace {

static_assert(std::endian::native == std::endian::little, "records and protocol buffers are little-endian");

/// Fields of a protocol buffer message, in the wire format (protobuf.dev/programming-guides/encoding).
class Message {
 public:
  const std::string& bytes() const { return bytes_; }

  Message& integer(int field, std::uint64_t value) {
    varint(static_cast<std::uint64_t>(field) << 3);
    varint(value);
    return *this;
  }
  Message& number(int field, double value) { return fixed(field, 1, &value, sizeof value); }
  Message& number(int field, float value) { return fixed(field, 5, &value, sizeof value); }
  Message& text(int field, const std::string& value) {
    varint(static_cast<std::uint64_t>(field) << 3 | 2);
    varint(value.size());
    bytes_ += value;
    return *this;
  }
  Message& packed(int field, const std::vector<double>& values) {
    return text(field, {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(double)});
  }

 private:
  Message& fixed(int field, unsigned wire_type, const void* value, std::size_t size) {
    varint(static_cast<std::uint64_t>(field) << 3 | wire_type);
    bytes_.append(static_cast<const char*>(value), size);
    return *this;
  }
  void varint(std::uint64_t value) {
    for (; value >= 128; value >>= 7) bytes_ += static_cast<char>(value | 128);
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

double now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

/// CRC-32C, rotated and shifted so that the checksum of data that holds checksums is none of them (tensorflow/core/lib/hash/crc32c.h).
std::uint32_t masked_crc(std::string bytes) {
  auto crc = ~crc32_iscsi(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()), ~0u);
  return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

std::string raw(const void* value, std::size_t size) { return {static_cast<const char*>(value), size}; }

}  // namespace

EventWriter::EventWriter(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw Error("{}: cannot be made: {}", folder.string(), error.message());
  char host[256] = "host";
  gethostname(host, sizeof host - 1);
  for (int number = 0; path_.empty() || std::filesystem::exists(path_); ++number)
    path_ = folder / fmt::format("events.out.tfevents.{}.{}.{}.{}.gradc", static_cast<std::int64_t>(now()), host, getpid(), number);
  file_.open(path_, std::ios::binary | std::ios::trunc);
  write_record(Message().number(1, now()).text(3, "brain.Event:2").bytes());
  flush();
}

void EventWriter::scalar(const std::string& tag, std::int64_t step, double value) {
  write_value(step, Message().text(1, tag).number(2, static_cast<float>(value)).bytes());
}

void EventWriter::histogram(const std::string& tag, const Histogram& histogram) {
  std::vector<double> limits, counts(histogram.counts.begin(), histogram.counts.end());
  auto width = (histogram.most - histogram.least) / static_cast<double>(counts.size());
  for (std::size_t bin = 0; bin < counts.size(); ++bin) limits.push_back(histogram.least + width * static_cast<double>(bin + 1));
  Message proto;
  proto.number(1, histogram.least)
      .number(2, histogram.most)
      .number(3, std::accumulate(counts.begin(), counts.end(), 0.0))
      .number(4, histogram.sum)
      .number(5, histogram.sum_of_squares)
      .packed(6, limits)
      .packed(7, counts);
  write_value(histogram.step, Message().text(1, tag).text(5, proto.bytes()).bytes());
}

void EventWriter::write_value(std::int64_t step, const std::string& value) {
  auto summary = Message().text(1, value);
  write_record(Message().number(1, now()).integer(2, static_cast<std::uint64_t>(step)).text(5, summary.bytes()).bytes());
}

void EventWriter::write_record(const std::string& event) {
  std::uint64_t length = event.size();
  auto head = raw(&length, sizeof length);
  auto of_head = masked_crc(head), of_event = masked_crc(event);
  file_ << head << raw(&of_head, sizeof of_head) << event << raw(&of_event, sizeof of_event);
}

void EventWriter::flush() {
  if (!file_.flush()) throw Error("{}: cannot be written", path_.string());
}

}  // namespace gradc
