#include "cassle/training_log/event_writer.h"

#include <isa-l/crc.h>

#include "cassle/training_log/tb_event.pb.h"

namespace cassle {
namespace {

void AppendLittleEndian(uint64_t value, int bytes, std::string* out) {
  for (int i = 0; i < bytes; ++i) out->push_back(static_cast<char>(value >> (8 * i)));
}

// CRC-32C, rotated and offset as TFRecord wants it, so that a checksum of data with checksums stays
// meaningful.
uint32_t MaskedCrc32c(absl::string_view bytes) {
  unsigned char* data = reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data()));
  const uint32_t crc = ~crc32_iscsi(data, static_cast<int>(bytes.size()), 0xffffffffu);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

std::string Frame(const v1::TensorBoardEvent& event) {
  const std::string payload = event.SerializeAsString();
  std::string frame;
  AppendLittleEndian(payload.size(), 8, &frame);
  AppendLittleEndian(MaskedCrc32c(frame), 4, &frame);
  frame += payload;
  AppendLittleEndian(MaskedCrc32c(payload), 4, &frame);
  return frame;
}

}  // namespace

std::string EventFileHeader() {
  v1::TensorBoardEvent event;
  event.set_file_version("brain.Event:2");
  return Frame(event);
}

std::string ScalarEvent(absl::string_view tag, int64_t step, float value) {
  v1::TensorBoardEvent event;
  event.set_wall_time(static_cast<double>(step));
  event.set_step(step);
  v1::TensorBoardSummary::Value* scalar = event.mutable_summary()->add_value();
  scalar->set_tag(std::string(tag));
  scalar->set_simple_value(value);
  return Frame(event);
}

}  // namespace cassle
