#include "cassle/probes/tsne.h"

#include <eigen3/Eigen/Eigenvalues>

#include <algorithm>
#include <cmath>

#include "cassle/base/thread_pool.h"

namespace cassle {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr double kExaggeration = 12;

// Squared distances of point i to all others.
void SquaredDistances(const std::vector<double>& points, int64_t n, int64_t i,
                      std::vector<double>* distances) {
  const int64_t d = static_cast<int64_t>(points.size()) / n;
  const double* from = points.data() + i * d;
  for (int64_t j = 0; j < n; ++j) {
    const double* to = points.data() + j * d;
    double sum = 0;
    for (int64_t k = 0; k < d; ++k) sum += (from[k] - to[k]) * (from[k] - to[k]);
    (*distances)[j] = sum;
  }
}

// p_j|i of row i: weights exp(-beta distance) whose entropy is log(perplexity).
void ConditionalRow(const std::vector<double>& distances, int64_t i, double perplexity,
                    std::vector<double>* row) {
  const int64_t n = static_cast<int64_t>(distances.size());
  // The nearest other point gets the weight 1: no underflow of all.
  double nearest = INFINITY, mean = 0;
  for (int64_t j = 0; j < n; ++j) {
    if (j == i) continue;
    nearest = std::min(nearest, distances[j]);
    mean += distances[j] / (n - 1);
  }
  double beta = mean > nearest ? 1 / (mean - nearest) : 1, low = 0, high = INFINITY;
  for (int step = 0; step < 100; ++step) {
    double sum = 0, weighted = 0;
    for (int64_t j = 0; j < n; ++j) {
      const double distance = distances[j] - nearest;
      const double weight = j == i ? 0 : std::exp(-beta * distance);
      (*row)[j] = weight;
      sum += weight;
      weighted += weight * distance;
    }
    for (double& weight : *row) weight /= sum;
    const double excess = std::log(sum) + beta * weighted / sum - std::log(perplexity);
    if (std::abs(excess) < 1e-7) return;
    (excess > 0 ? low : high) = beta;
    beta = std::isinf(high) ? 2 * beta : (low + high) / 2;
  }
}

void TurnPositive(Matrix* coordinates) {
  for (int64_t k = 0; k < coordinates->cols(); ++k) {
    int64_t largest = 0;
    coordinates->col(k).cwiseAbs().maxCoeff(&largest);
    if ((*coordinates)(largest, k) < 0) coordinates->col(k) *= -1;
  }
}

}  // namespace

PrincipalCoordinates ProjectToComponents(const FeatureRows& features, int64_t dimensions) {
  const int64_t n = features.rows(), d = features.columns;
  Matrix x(n, d);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < d; ++j) x(i, j) = features.row(i)[j];
  }
  x.rowwise() -= x.colwise().mean().eval();
  const bool by_columns = d <= n;
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(by_columns ? Matrix(x.transpose() * x)
                                                                : Matrix(x * x.transpose()));
  const int64_t size = std::min(n, d);
  PrincipalCoordinates result;
  result.dimensions = std::min(dimensions, size);
  const double total = solver.eigenvalues().cwiseMax(0).sum();
  Matrix vectors(size, result.dimensions);
  for (int64_t k = 0; k < result.dimensions; ++k) {
    const double square = std::max(0.0, solver.eigenvalues()[size - 1 - k]);
    vectors.col(k) = solver.eigenvectors().col(size - 1 - k) * (by_columns ? 1 : std::sqrt(square));
    result.ratios.push_back(square / total);
  }
  Matrix coordinates = by_columns ? Matrix(x * vectors) : vectors;
  TurnPositive(&coordinates);
  result.values.assign(coordinates.data(), coordinates.data() + coordinates.size());
  return result;
}

std::vector<float> TsneAffinities(const std::vector<double>& points, int64_t n, double perplexity,
                                  int threads) {
  std::vector<float> affinities(n * n);
  ParallelFor(threads, n, [&](int64_t i) {
    std::vector<double> distances(n), row(n);
    SquaredDistances(points, n, i, &distances);
    ConditionalRow(distances, i, perplexity, &row);
    std::copy(row.begin(), row.end(), affinities.begin() + i * n);
  });
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < i; ++j) {
      const float mean = (affinities[i * n + j] + affinities[j * n + i]) / (2.0f * n);
      affinities[i * n + j] = affinities[j * n + i] = mean;
    }
  }
  return affinities;
}

void TsneGradient(const std::vector<float>& affinities, const std::vector<double>& map,
                  double exaggeration, int threads, std::vector<double>* gradient) {
  const int64_t n = static_cast<int64_t>(map.size()) / 2;
  std::vector<double> x(n), y(n);
  for (int64_t i = 0; i < n; ++i) {
    x[i] = map[2 * i];
    y[i] = map[2 * i + 1];
  }
  // Sums over j of attraction p w (dx, dy), of repulsion w^2 (dx, dy) and of w.
  struct Row {
    double attraction_x, attraction_y, repulsion_x, repulsion_y, weights;
  };
  std::vector<Row> rows(n);
  ParallelFor(threads, n, [&](int64_t i) {
    Row row = {};
    const float* p = affinities.data() + i * n;
    for (int64_t j = 0; j < n; ++j) {
      const double dx = x[i] - x[j], dy = y[i] - y[j];
      const double w = 1 / (1 + dx * dx + dy * dy);
      const double pull = p[j] * w, push = w * w;
      row.attraction_x += pull * dx;
      row.attraction_y += pull * dy;
      row.repulsion_x += push * dx;
      row.repulsion_y += push * dy;
      row.weights += w;
    }
    // Without itself.
    row.weights -= 1;
    rows[i] = row;
  });
  double total = 0;
  for (const Row& row : rows) total += row.weights;
  gradient->resize(2 * n);
  for (int64_t i = 0; i < n; ++i) {
    (*gradient)[2 * i] = 4 * (exaggeration * rows[i].attraction_x - rows[i].repulsion_x / total);
    (*gradient)[2 * i + 1] =
        4 * (exaggeration * rows[i].attraction_y - rows[i].repulsion_y / total);
  }
}

double TsneDivergence(const std::vector<float>& affinities, const std::vector<double>& map,
                      int threads) {
  const int64_t n = static_cast<int64_t>(map.size()) / 2;
  std::vector<double> weights(n), parts(n);
  ParallelFor(threads, n, [&](int64_t i) {
    for (int64_t j = 0; j < n; ++j) {
      if (j == i) continue;
      const double dx = map[2 * i] - map[2 * j], dy = map[2 * i + 1] - map[2 * j + 1];
      const double square = 1 + dx * dx + dy * dy, p = affinities[i * n + j];
      weights[i] += 1 / square;
      // p log(p / (w / sum of w)) without the sum.
      if (p > 0) parts[i] += p * std::log(p * square);
    }
  });
  double total = 0, divergence = 0;
  for (int64_t i = 0; i < n; ++i) {
    total += weights[i];
    divergence += parts[i];
  }
  return divergence + std::log(total);
}

TsneMap RunTsne(const PrincipalCoordinates& points, const TsneOptions& options) {
  const int64_t n = static_cast<int64_t>(points.values.size()) / points.dimensions;
  const std::vector<float> affinities =
      TsneAffinities(points.values, n, options.perplexity, options.threads);
  TsneMap result;
  result.map.resize(2 * n);
  // Small, so that no pull is weak for being far away.
  double square = 0;
  for (int64_t i = 0; i < n; ++i) square += std::pow(points.values[i * points.dimensions], 2) / n;
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t k = 0; k < std::min<int64_t>(2, points.dimensions); ++k) {
      result.map[2 * i + k] = 1e-4 * points.values[i * points.dimensions + k] / std::sqrt(square);
    }
  }
  std::vector<double> gradient, step(2 * n, 0.0), gains(2 * n, 1.0);
  const double rate = std::max(n / kExaggeration / 4, 50.0);
  const int64_t early = std::min<int64_t>(250, options.iterations / 4);
  for (int64_t iteration = 0; iteration < options.iterations; ++iteration) {
    if (options.go_on && !options.go_on(iteration)) return result;
    const bool exaggerated = iteration < early;
    TsneGradient(affinities, result.map, exaggerated ? kExaggeration : 1, options.threads,
                 &gradient);
    const double momentum = exaggerated ? 0.5 : 0.8;
    for (int64_t i = 0; i < 2 * n; ++i) {
      // Larger where the direction holds, smaller where it turns.
      gains[i] = step[i] * gradient[i] < 0 ? gains[i] + 0.2 : std::max(0.01, gains[i] * 0.8);
      step[i] = momentum * step[i] - rate * gains[i] * gradient[i];
      result.map[i] += step[i];
    }
  }
  result.divergence = TsneDivergence(affinities, result.map, options.threads);
  return result;
}

}  // namespace cassle
