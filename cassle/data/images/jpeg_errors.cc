#include "cassle/data/images/jpeg_errors.h"

#include <cstdio>

// Defines the message codes.
#include <jerror.h>

namespace cassle {
namespace {

[[noreturn]] void Fail(j_common_ptr jpeg) {
  auto* errors = reinterpret_cast<JpegErrors*>(jpeg->err);
  (*jpeg->err->format_message)(jpeg, errors->message);
  std::longjmp(errors->jump, 1);
}

// Warnings (level -1) of data that make no sense are Pillow's to ignore, and ours. The end of the
// file is a warning to libjpeg, which would paint the rest gray, and an error to Pillow.
void OnMessage(j_common_ptr jpeg, int level) {
  if (level >= 0) return;
  auto* errors = reinterpret_cast<JpegErrors*>(jpeg->err);
  switch (jpeg->err->msg_code) {
    case JWRN_JPEG_EOF:
      if (!errors->finishing) Fail(jpeg);
      errors->cut = true;
      return;
    case JWRN_ARITH_BAD_CODE:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_MUST_RESYNC:
      errors->damaged = true;
      return;
    case JWRN_EXTRANEOUS_DATA:
      errors->stray_bytes = true;
      return;
    default:  // Oddities of the header.
      return;
  }
}

void Silence(j_common_ptr) {}

}  // namespace

void InstallErrors(JpegErrors* errors) {
  jpeg_std_error(&errors->manager);
  errors->manager.error_exit = Fail;
  errors->manager.emit_message = OnMessage;
  errors->manager.output_message = Silence;
  errors->message[0] = '\0';
  errors->damaged = false;
  errors->stray_bytes = false;
  errors->cut = false;
  errors->finishing = false;
}

}  // namespace cassle
