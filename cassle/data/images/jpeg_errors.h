// libjpeg's errors and warnings, for the two halves of the JPEG codec. Not for use elsewhere.
#ifndef CASSLE_DATA_IMAGES_JPEG_ERRORS_H_
#define CASSLE_DATA_IMAGES_JPEG_ERRORS_H_

#include <csetjmp>
#include <cstdio>

// libjpeg needs <cstdio> before it.
#include <jpeglib.h>

namespace cassle {

// libjpeg reports errors by a call that must not return: it jumps back to the setjmp of the method
// that called libjpeg. Those methods hold no object with a destructor.
struct JpegErrors {
  jpeg_error_mgr manager;  // Must be first: libjpeg hands out its address.
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
  // What was read over.
  bool damaged;
  bool stray_bytes;
  bool cut;
  // All pixels are there; what follows may be missing.
  bool finishing;
};

// Makes errors->manager report there; nothing was read over so far.
void InstallErrors(JpegErrors* errors);

}  // namespace cassle

#endif  // CASSLE_DATA_IMAGES_JPEG_ERRORS_H_
