// The loops of winograd_convolution.h on plain memory: float32, images as [B, H, W, C]. No
// LibTorch.
//
// Winograd's minimal filtering F(4x4, 3x3) (Lavin & Gray 2016, arXiv:1509.09308): a tile of 4 x 4
// outputs is computed from 6 x 6 inputs by 36 multiplications a channel instead of 144,
//
//   Y = A^T [ (G g G^T) * (B^T d B) ] A,       * for every one of the 36 frequencies,
//
// and summed over channels each frequency is a matrix product. The points of interpolation are 0,
// +-3/4, +-3/2 and infinity: with them rounding errors are 2.3 times those of a direct sum (root
// mean square, 256 channels), with the usual 0, +-1, +-2 5 times.
//
// Channels go in panels of 16 (kPanel); their number is a multiple of it. Where rows say so,
// a "panelled" matrix [rows, columns] lies as [columns / 16, rows, 16].
#ifndef CASSLE_MODELS_KERNELS_WINOGRAD_KERNELS_H_
#define CASSLE_MODELS_KERNELS_WINOGRAD_KERNELS_H_

#include <cstdint>

namespace cassle {

inline constexpr int64_t kPanel = 16;
inline constexpr int64_t kFrequencies = 36;
// Outputs along the side of a tile.
inline constexpr int64_t kTile = 4;

// Where the 36 values of a tile go: value f of channel c of tile t is at
//   f * frequency + t * tile + (c / 16) * panel + c % 16.
struct TileStrides {
  int64_t frequency;
  int64_t tile;
  int64_t panel;
};

// A picture and its tiles, in rows from the upper left; the last ones may hang over.
struct TiledImage {
  int64_t height;
  int64_t width;
  int64_t channels;
  int64_t tiles_down() const { return (height + kTile - 1) / kTile; }
  int64_t tiles_across() const { return (width + kTile - 1) / kTile; }
  int64_t tiles() const { return tiles_down() * tiles_across(); }
};

// B^T d B of the 6 x 6 pixels around tiles [first, last) of a batch (tiles of image 0, of image 1,
// ...); pixels outside the picture are 0. Tile `first` is written to tile 0 of `out`.
void TransformInputTiles(const TiledImage& image, const float* pixels, int64_t first, int64_t last,
                         const TileStrides& strides, float* out);

// A dy A^T of the 4 x 4 pixels of each tile: the transposed map of StoreOutputTiles.
void TransformGradientTiles(const TiledImage& image, const float* gradient, int64_t first,
                            int64_t last, const TileStrides& strides, float* out);

// A^T m A: the 4 x 4 outputs of each tile, written to their pixels.
void StoreOutputTiles(const TiledImage& image, const float* products, const TileStrides& strides,
                      int64_t first, int64_t last, float* pixels);

// G g G^T of the kernels of outputs [16 first_panel, 16 last_panel), as [36] panelled matrices
// [in, out].
//   weight  element (o, i, y, x) at o * stride_out + i * stride_in + 3 y + x.
//   turned  kernels are turned by 180 degrees, as the gradient of the input needs them.
void TransformWeights(const float* weight, int64_t out, int64_t in, int64_t stride_out,
                      int64_t stride_in, bool turned, int64_t first_panel, int64_t last_panel,
                      float* transformed);

// G^T u G of the same kernels of [36] panelled matrices [in, out], the transposed map of
// TransformWeights: their rows of weight [out, in, 3, 3].
void TransformWeightGradients(const float* transformed, int64_t out, int64_t in,
                              int64_t first_panel, int64_t last_panel, float* weight);

// out[r, 0..16) (+)= sum over p of a[r * row + p * inner] b[p * 16 + 0..16), for r in [0, rows).
//   out_row     distance of the rows of out.
//   accumulate  adds to what is in out.
// The sum of an element runs over p from 0 upwards, whatever `rows` is.
void MultiplyPanel(const float* a, int64_t row, int64_t inner, const float* b, int64_t rows,
                   int64_t depth, float* out, int64_t out_row, bool accumulate);

}  // namespace cassle

#endif  // CASSLE_MODELS_KERNELS_WINOGRAD_KERNELS_H_
