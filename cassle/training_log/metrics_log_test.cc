#include "cassle/training_log/metrics_log.h"

#include <isa-l/crc.h>

#include <cstring>
#include <string>
#include <vector>

#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/training_log/tb_event.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;

std::string FreshFolder() {
  const std::string folder = JoinPath(
      ::testing::TempDir(), ::testing::UnitTest::GetInstance()->current_test_info()->name());
  EXPECT_OK(RemoveAll(folder));
  EXPECT_OK(MakeDirectories(folder));
  return folder;
}

v1::TrainMetrics MetricsOfStep(int step) {
  v1::TrainMetrics metrics;
  metrics.set_step(step);
  metrics.set_epoch(1);
  metrics.set_loss(0.1 * step);
  metrics.set_learning_rate(0.03);
  return metrics;
}

// Independent of the writer: CRC-32C bit by bit.
uint32_t Crc32c(absl::string_view bytes) {
  uint32_t crc = 0xffffffffu;
  for (unsigned char byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0x82f63b78u & (0u - (crc & 1u)));
  }
  return ~crc;
}

uint32_t MaskedCrc(absl::string_view bytes) {
  const uint32_t crc = Crc32c(bytes);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

uint32_t ReadUint32(const std::string& bytes, size_t offset) {
  uint32_t value;
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

std::vector<v1::TensorBoardEvent> ParseEvents(const std::string& bytes) {
  std::vector<v1::TensorBoardEvent> events;
  size_t offset = 0;
  while (offset < bytes.size()) {
    uint64_t length;
    std::memcpy(&length, bytes.data() + offset, sizeof(length));
    EXPECT_EQ(ReadUint32(bytes, offset + 8), MaskedCrc(bytes.substr(offset, 8)));
    const std::string payload = bytes.substr(offset + 12, length);
    EXPECT_EQ(ReadUint32(bytes, offset + 12 + length), MaskedCrc(payload));
    events.emplace_back();
    EXPECT_TRUE(events.back().ParseFromString(payload));
    offset += length + 16;
  }
  EXPECT_EQ(offset, bytes.size());
  return events;
}

TEST(Crc32cTest, IsTheOneOfTheRfc) { EXPECT_EQ(Crc32c("123456789"), 0xe3069283u); }

TEST(MetricsLogTest, WritesJsonLinesAndTensorBoardEvents) {
  const std::string folder = FreshFolder();
  ASSERT_OK_AND_ASSIGN(auto log, MetricsLog::Open(folder, {}));
  v1::TrainMetrics metrics = MetricsOfStep(10);
  metrics.set_epoch_loss(1.5);
  ASSERT_OK(log->Write(metrics));
  ASSERT_OK_AND_ASSIGN(const std::string lines, ReadFile(JoinPath(folder, "metrics.jsonl")));
  EXPECT_EQ(lines,
            "{\"step\":10,\"epoch\":1,\"loss\":1,\"learning_rate\":0.03,\"epoch_loss\":1.5}\n");

  ASSERT_OK_AND_ASSIGN(const std::string bytes, ReadFile(JoinPath(folder, kEventsFile)));
  const std::vector<v1::TensorBoardEvent> events = ParseEvents(bytes);
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[0].file_version(), "brain.Event:2");
  EXPECT_EQ(events[1].step(), 10);
  EXPECT_EQ(events[1].summary().value(0).tag(), "train/loss");
  EXPECT_EQ(events[1].summary().value(0).simple_value(), 1.0f);
  EXPECT_EQ(events[2].summary().value(0).tag(), "train/learning_rate");
  EXPECT_EQ(events[3].summary().value(0).tag(), "epoch/loss");
  EXPECT_EQ(events[3].step(), 1);
}

TEST(MetricsLogTest, ALineOfTheMonitorsHasNothingOfAStep) {
  const std::string folder = FreshFolder();
  ASSERT_OK_AND_ASSIGN(auto log, MetricsLog::Open(folder, {}));
  v1::TrainMetrics metrics;
  metrics.set_step(0);
  metrics.set_epoch(0);
  metrics.set_probe_accuracy(0.25);
  metrics.set_knn_accuracy(0.5);
  ASSERT_OK(log->Write(metrics));
  ASSERT_OK_AND_ASSIGN(const std::string lines, ReadFile(JoinPath(folder, "metrics.jsonl")));
  EXPECT_EQ(lines, "{\"step\":0,\"epoch\":0,\"probe_accuracy\":0.25,\"knn_accuracy\":0.5}\n");
  ASSERT_OK_AND_ASSIGN(const std::string bytes, ReadFile(JoinPath(folder, kEventsFile)));
  const std::vector<v1::TensorBoardEvent> events = ParseEvents(bytes);
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[1].summary().value(0).tag(), "monitor/probe_accuracy");
  EXPECT_EQ(events[2].summary().value(0).simple_value(), 0.5f);
}

TEST(MetricsLogTest, ScalarEventHasTheBytesOfTensorFlow) {
  // tensorflow.Event{wall_time: 2, step: 2, summary{value{tag: "a", simple_value: 1}}} as protoc
  // --encode of TensorFlow's own event.proto gives it: field 1 double, field 2 varint, field 5 {
  // field 1 { field 1 "a", field 2 float } }.
  const std::string folder = FreshFolder();
  const std::string expected(
      "\x09\x00\x00\x00\x00\x00\x00\x00\x40\x10\x02\x2a\x0a\x0a\x08\x0a\x01"
      "a\x15\x00\x00\x80\x3f",
      23);
  v1::TensorBoardEvent event;
  event.set_wall_time(2);
  event.set_step(2);
  auto* value = event.mutable_summary()->add_value();
  value->set_tag("a");
  value->set_simple_value(1);
  EXPECT_EQ(event.SerializeAsString(), expected);
}

TEST(MetricsLogTest, ReopeningAtACheckpointLeavesTheBytesOfAnUndisturbedRun) {
  const std::string folder = FreshFolder();
  MetricsPosition position;
  {
    ASSERT_OK_AND_ASSIGN(auto log, MetricsLog::Open(folder, {}));
    ASSERT_OK(log->Write(MetricsOfStep(1)));
    ASSERT_OK_AND_ASSIGN(position, log->Sync());
    ASSERT_OK(log->Write(MetricsOfStep(2)));
    ASSERT_OK(log->Write(MetricsOfStep(3)));
  }
  ASSERT_OK_AND_ASSIGN(const std::string metrics, ReadFile(JoinPath(folder, kMetricsFile)));
  ASSERT_OK_AND_ASSIGN(const std::string events, ReadFile(JoinPath(folder, kEventsFile)));
  {
    ASSERT_OK_AND_ASSIGN(auto log, MetricsLog::Open(folder, position));
    EXPECT_EQ(ReadFile(JoinPath(folder, kMetricsFile))->size(), position.metrics_bytes);
    ASSERT_OK(log->Write(MetricsOfStep(2)));
    ASSERT_OK(log->Write(MetricsOfStep(3)));
  }
  EXPECT_EQ(*ReadFile(JoinPath(folder, kMetricsFile)), metrics);
  EXPECT_EQ(*ReadFile(JoinPath(folder, kEventsFile)), events);
}

TEST(MetricsLogTest, RefusesAFileShorterThanTheCheckpointSays) {
  const std::string folder = FreshFolder();
  EXPECT_THAT(MetricsLog::Open(folder, {100, 0}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("metrics.jsonl has 0 bytes")));
}

}  // namespace
}  // namespace cassle
