// TensorBoard event files with scalars. No LibTorch, no TensorFlow.
//
// The file is a sequence of TFRecord frames, each holding one tensorflow.Event (tb_event.proto):
//
//   8 bytes  little-endian length N          4 bytes  masked CRC-32C of the length
//   N bytes  Event                           4 bytes  masked CRC-32C of the N bytes
//
// Event.wall_time is the step, not the time of day: equal runs give equal bytes. (TensorBoard's
// horizontal axis is "Step" unless asked otherwise.) The file's name must contain "tfevents".
//
// Use MetricsLog to write the metrics of a run.
#ifndef CASSLE_TRAINING_LOG_EVENT_WRITER_H_
#define CASSLE_TRAINING_LOG_EVENT_WRITER_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace cassle {

// The frame that opens every event file: file_version "brain.Event:2".
std::string EventFileHeader();

// The frame of one scalar. tag: "train/loss", say; the part before the slash groups the plots.
std::string ScalarEvent(absl::string_view tag, int64_t step, float value);

}  // namespace cassle

#endif  // CASSLE_TRAINING_LOG_EVENT_WRITER_H_
