//===- ChooseGrids.cpp - how finely each weight is rounded ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// On a grid of step s the output of a weight has a relative error of about D
// s^2. All weights get the same one, which is found by bisection of the bits
// that they need. (The least sum of errors would need errors in proportion to
// the sizes of the weights. That was measured to be worse: the large weights of
// the feed-forward layers are not less sensitive for their size.)
//===----------------------------------------------------------------------===//
#include "Numbers.h"

#include "transformer/Transforms/Quantize.h"

#include "mlir/IR/Threading.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {
/// A weight that gets a grid.
struct Candidate {
  LinearCluster *cluster;
  Attribute constant;
  Matrix weight;
  double unitStep = 1; // for which D s^2 is 1

  double count() const { return double(weight.values.size()); }
};
} // namespace

/// Of all inputs of a cluster together; nothing if one is not known.
static std::optional<Matrix> covarianceOf(const LinearCluster &cluster) {
  GramStatistics all;
  for (const LinearGroup &group : cluster.groups) {
    if (!group.gram)
      return std::nullopt;
    all.merge(*group.gram);
  }
  return all.covariance();
}

static void chooseSteps(MLIRContext *context, std::vector<Candidate> &all,
                        double bits) {
  parallelForEach(context, all, [](Candidate &candidate) {
    const Compensator &compensator = *candidate.cluster->compensator;
    double energy = compensator.outputEnergy(candidate.weight);
    double lost = compensator.errorOfUnitStep(candidate.cluster->multipliers) *
                  double(candidate.weight.rows);
    candidate.unitStep = energy > 0 ? std::sqrt(energy / lost) : 1;
  });
  double numbers = 0;
  for (const Candidate &candidate : all)
    numbers += candidate.count();
  auto needed = [&](double factor) {
    std::vector<double> parts(all.size());
    parallelFor(context, 0, all.size(), [&](size_t i) {
      parts[i] = bitsOfGrid(all[i].weight, factor * all[i].unitStep,
                            all[i].cluster->multipliers) *
                 all[i].count();
    });
    double sum = 0;
    for (double part : parts)
      sum += part;
    return sum / numbers;
  };
  // Logarithms, to base 2: finer than 8 bits, and coarser than any weight.
  double fine = -40, coarse = 20;
  for (int i = 0; i < 24; ++i) {
    double middle = (fine + coarse) / 2;
    (needed(std::exp2(middle)) > bits ? fine : coarse) = middle;
  }
  for (Candidate &candidate : all)
    candidate.cluster->steps[candidate.constant] =
        float(std::exp2(coarse) * candidate.unitStep);
}

void transformer::chooseGrids(MLIRContext *context,
                              MutableArrayRef<LinearCluster> clusters,
                              double bits, double exponent) {
  parallelForEach(context, clusters, [&](LinearCluster &cluster) {
    std::optional<Matrix> covariance = covarianceOf(cluster);
    if (!covariance)
      return;
    llvm::Expected<Compensator> made =
        Compensator::create(std::move(*covariance));
    if (made)
      cluster.compensator.emplace(std::move(*made));
    else
      llvm::consumeError(made.takeError());
  });
  std::vector<Candidate> candidates;
  for (LinearCluster &cluster : clusters) {
    if (!cluster.compensator) {
      cluster.how += ", without compensation, because the profile has no Gram "
                     "matrix of it that can be inverted";
      continue;
    }
    cluster.how += ", errors compensated";
    if (bits == 0)
      continue;
    cluster.multipliers = cluster.compensator->gridMultipliers(exponent);
    auto [low, high] = std::minmax_element(cluster.multipliers.begin(),
                                           cluster.multipliers.end());
    cluster.how = llvm::formatv("a uniform grid, its channels' steps times "
                                "{0:f3} to {1:f3}, errors compensated",
                                *low, *high);
    for (LinearGroup &group : cluster.groups)
      for (LinearOp op : group.linears) {
        Attribute constant = constantOf(op.getWeight());
        if (cluster.steps.try_emplace(constant, 0.0f).second)
          candidates.push_back({&cluster, constant, matrixOf(op.getWeight())});
      }
  }
  if (!candidates.empty())
    chooseSteps(context, candidates, bits);
}
