//===- ReplaceSite.cpp - other ops where an attention was -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The new linears take the names of the old ones: products with the token go by
// that of the output, with the mean and with averaged inputs by that of the
// values, queries by those of queries and keys, and so do neighbours. A tool
// that asks for a weight by its name finds the one of its place.
#include "KnownWeights.h"
#include "Numbers.h"

#include "transformer/Transforms/ReplaceAttention.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace mlir::transformer;

using Part = MixingStatistics::Block;

static LinearOp linearBehind(Value value) {
  if (auto rope = value.getDefiningOp<RopeOp>())
    value = rope.getInput();
  return value.getDefiningOp<LinearOp>();
}

static bool hasRope(AttentionOp op) {
  return op.getQuery().getDefiningOp<RopeOp>() ||
         op.getKey().getDefiningOp<RopeOp>();
}

std::string transformer::sequencePath(AttentionSite site) {
  return (modulePath(site.output) + ".sequence").str();
}

/// Of the new linear that has the part of `like`.
static std::string pathBeside(AttentionSite site, LinearOp like) {
  std::string path = sequencePath(site);
  return like == site.query   ? path + ".query"
         : like == site.key   ? path + ".key"
         : like == site.value ? path + ".value"
                              : path;
}

AttentionSite transformer::mixingSiteOf(AttentionOp op) {
  AttentionSite site = siteOf(op);
  site.query = linearBehind(op.getQuery());
  site.key = linearBehind(op.getKey());
  return site;
}

/// The sum that alone reads `value`.
static Operation *sumBehind(Value value) {
  if (!value.hasOneUse())
    return nullptr;
  Operation *user = *value.user_begin();
  if (isa<arith::AddFOp>(user))
    return user;
  if (auto norm = dyn_cast<LayerNormOp>(user))
    return norm.getResidual() ? user : nullptr;
  if (auto norm = dyn_cast<RmsNormOp>(user))
    return norm.getResidual() ? user : nullptr;
  return nullptr;
}

/// What `value` is added to there; null if that is itself.
static Value otherAddend(Operation *sum, Value value) {
  Value first = sum->getOperand(0), second;
  if (auto norm = dyn_cast<LayerNormOp>(sum))
    second = norm.getResidual();
  else if (auto norm = dyn_cast<RmsNormOp>(sum))
    second = norm.getResidual();
  else
    second = sum->getOperand(1);
  if (first == second)
    return Value();
  return first == value ? second : first;
}

/// The op whose bias can take up one more: what it gives goes only into the sum
/// and into linears that will be gone.
static Operation *placeOfBias(AttentionSite site) {
  Value output = site.output.getResult();
  Operation *sum = sumBehind(output);
  Value other = sum ? otherAddend(sum, output) : Value();
  Operation *place = other ? other.getDefiningOp() : nullptr;
  if (!place)
    return nullptr;
  for (Operation *user : other.getUsers())
    if (user != sum && user != site.query && user != site.key &&
        user != site.value)
      return nullptr;
  if (auto linear = dyn_cast<LinearOp>(place))
    return linear.getActivation() == Activation::none &&
                   whyNotChanged(linear).empty()
               ? place
               : nullptr;
  auto norm = dyn_cast<LayerNormOp>(place);
  if (!norm || !cast<RankedTensorType>(norm.getType()).getElementType().isF32())
    return nullptr;
  return !norm.getBias() || knownNumbersOf(norm.getBias()) ? place : nullptr;
}

StringRef transformer::whyNotReplaced(AttentionOp op) {
  if (!op.isPacked() || !op.getQueryOffsets())
    return "its sequences are not packed";
  if (op.getKeyOffsets() && op.getKeyOffsets() != op.getQueryOffsets())
    return "it is not of sequences to themselves";
  AttentionSite site = mixingSiteOf(op);
  StringRef why = whyNotProjected(
      site, "its queries, keys and values do not come from a linear each: "
            "replace it before linears are merged");
  if (!why.empty())
    return why;
  for (Value v : {op.getQuery(), op.getKey(), op.getValue()})
    if (!v.hasOneUse())
      return "its queries, keys or values are read elsewhere too";
  Value input = site.value.getInput();
  if (site.query.getInput() != input || site.key.getInput() != input)
    return "its queries, keys and values are not of one input";
  if (!site.output || site.output.getInput() != op.getResult())
    return "no linear alone reads its result";
  if (site.output.getActivation() != Activation::none)
    return "there is an activation behind its output";
  return whyNotChanged(site.output);
}

StringRef transformer::whyNotReplaced(AttentionOp op, Rung rung) {
  AttentionSite site = mixingSiteOf(op);
  bool mixes = rung != Rung::Drop && rung != Rung::Bias && rung != Rung::Linear;
  if (op.getCausal() && mixes)
    return "it is causal, and a mean or a next token would show tokens what "
           "comes after them";
  if (hasRope(op) && (rung == Rung::Mq || rung == Rung::MqLinear))
    return "rope turns its queries and keys by position, and one query for all "
           "positions has none";
  if (rung == Rung::Drop) {
    Operation *sum = sumBehind(site.output.getResult());
    if (!sum || !otherAddend(sum, site.output.getResult()))
      return "its output goes elsewhere than into one residual sum";
  }
  if (rung == Rung::Bias && !placeOfBias(site))
    return "there is no bias in front of the residual sum that could take up "
           "the mean";
  return "";
}

namespace {
class Replacer {
public:
  Replacer(RewriterBase &rewriter, AttentionSite site, const Replacement &by)
      : rewriter(rewriter), site(site), by(by), input(site.value.getInput()),
        offsets(site.attention.getQueryOffsets()),
        loc(site.attention.getLoc()) {}

  void run() {
    rewriter.setInsertionPoint(site.output);
    if (by.rung == Rung::Drop || by.rung == Rung::Bias)
      return leaveOut();
    addOfTokens();
    addOfSequences();
    rewriter.replaceAllUsesWith(site.output.getResult(), sum);
    eraseOld();
  }

  Value runBeside() {
    isBeside = true;
    rewriter.setInsertionPoint(site.output);
    addOfSequences();
    return sum;
  }

private:
  const Matrix *part(Part block) const {
    auto found = by.parts.find(block);
    return found == by.parts.end() ? nullptr : &found->second;
  }

  void add(Value value) {
    sum = sum ? arith::AddFOp::create(rewriter, loc, sum, value).getResult()
              : value;
  }

  /// The bias goes with the first linear of the output.
  std::vector<double> takeBias(int64_t size) {
    if (hasBias)
      return std::vector<double>(size);
    hasBias = true;
    return by.bias;
  }

  Value linear(LinearOp like, Value from, const Matrix &weight,
               ArrayRef<double> bias) {
    if (isBeside)
      return freshLinear(pathBeside(site, like), from, weight, bias);
    Value fresh =
        exchangeWeight(rewriter, like.getWeight(),
                       {weight.rows, weight.columns}, weight.toFloats());
    Value shift;
    std::vector<float> numbers(bias.begin(), bias.end());
    bool isZero = llvm::all_of(numbers, [](float v) { return v == 0; });
    if (!isZero && like.getBias())
      shift = exchangeWeight(rewriter, like.getBias(), {weight.rows}, numbers);
    else if (!isZero)
      shift = createWeight(
          rewriter, like.getLoc(), (modulePath(like) + ".bias").str(),
          RankedTensorType::get({weight.rows}, rewriter.getF32Type()),
          rawBytes<float>(numbers), like.getWeight());
    return LinearOp::create(rewriter, like.getLoc(), from, fresh, shift);
  }

  void addOfTokens() {
    if (by.rung == Rung::Fft) {
      Value mixed =
          FftMixOp::create(rewriter, loc, input.getType(), input, offsets);
      const Matrix &weight = *part(Part::Own);
      return add(linear(site.output, mixed, weight, takeBias(weight.rows)));
    }
    if (const Matrix *own = part(Part::Own))
      add(linear(site.output, input, *own, takeBias(own->rows)));
    for (auto [block, like, lag] : {std::tuple(Part::Previous, site.query, 0),
                                    std::tuple(Part::Next, site.key, 2)})
      if (const Matrix *matrix = part(block))
        add(linear(like, shifted(lag), *matrix, takeBias(matrix->rows)));
  }

  /// The input one token before (0) or after (2).
  Value shifted(int64_t lag) {
    int64_t width = cast<RankedTensorType>(input.getType()).getDimSize(1);
    std::vector<float> numbers(3 * width);
    std::fill_n(numbers.begin() + lag * width, width, 1.0f);
    Value weight = createWeight(
        rewriter, loc,
        (modulePath(site.output) + (lag == 0 ? ".previous" : ".next")).str(),
        RankedTensorType::get({3, width}, rewriter.getF32Type()),
        rawBytes<float>(numbers), site.output.getWeight());
    return TokenMixOp::create(rewriter, loc, input.getType(), input, weight,
                              offsets);
  }

  void addOfSequences() {
    const Matrix *mean = part(Part::Mean), *single = part(Part::Single);
    if (!mean && !single)
      return;
    Value pooled =
        PoolOp::create(rewriter, loc, PoolKind::mean, input, offsets);
    Value row = mean ? linear(site.value, pooled, *mean, takeBias(mean->rows))
                     : ofSingleQueries(pooled, *single);
    Value zero = arith::ConstantIndexOp::create(rewriter, loc, 0);
    Value tokens = tensor::DimOp::create(rewriter, loc, input, zero);
    auto type = cast<RankedTensorType>(site.output.getType());
    add(UnpoolOp::create(rewriter, loc, type, row, tokens, offsets));
  }

  /// Queries in terms of the input, which so is keys and values of all heads;
  /// what values and output make of it afterwards, once per sequence.
  Value ofSingleQueries(Value pooled, const Matrix &readout) {
    AttentionOp old = site.attention;
    SingleQueries maps = singleQueriesOf(site);
    int64_t heads = old.getNumHeads();
    Value query;
    if (by.queryDown.rows > 0) {
      query = linear(site.query, pooled, by.queryDown, {});
      query = linear(site.key, query, by.queryUp, by.queryBias);
    } else {
      query = linear(site.query, pooled, maps.query, maps.queryBias);
    }
    auto type = cast<RankedTensorType>(query.getType());
    Value averaged = AttentionOp::create(
        rewriter, loc, type, query, input, input, eachSequence(), offsets,
        /*mask=*/Value(), heads, /*num_kv_heads=*/1,
        rewriter.getF32FloatAttr(old.getEffectiveScale()),
        /*causal=*/false, Products::f32);
    std::vector<double> bias = takeBias(readout.rows);
    if (by.outputDown.rows == 0) {
      addProduct(bias, readout, maps.valueBias);
      return linear(site.value, averaged, ofAverages(readout, maps), bias);
    }
    std::vector<double> shift(by.outputDown.rows);
    addProduct(shift, by.outputDown, maps.valueBias);
    Value few =
        linear(site.value, averaged, ofAverages(by.outputDown, maps), shift);
    // Products with tokens have the name of the output.
    return part(Part::Own) ? freshLinear(sequencePath(site), few, readout, bias)
                           : linear(site.output, few, readout, bias);
  }

  /// `map` of what the heads' values make of what they average.
  Matrix ofAverages(const Matrix &map, const SingleQueries &maps) const {
    AttentionOp attention = site.attention;
    int64_t heads = attention.getNumHeads(), inputs = maps.value.columns;
    int64_t channels = map.columns / heads;
    Matrix result(map.rows, heads * inputs);
    for (int64_t h = 0; h < heads; ++h) {
      std::vector<int64_t> own;
      for (int64_t i = 0; i < channels; ++i)
        own.push_back(h * channels + i);
      Matrix block =
          multiply(map.selectColumns(own), maps.value.selectRows(own));
      for (int64_t r = 0; r < map.rows; ++r)
        llvm::copy(block.row(r), result.row(r).begin() + h * inputs);
    }
    return result;
  }

  static void addProduct(std::vector<double> &to, const Matrix &map,
                         ArrayRef<double> of) {
    for (int64_t r = 0; r < map.rows; ++r)
      for (int64_t c = 0; c < map.columns; ++c)
        to[r] += map(r, c) * of[c];
  }

  /// One that takes no old one's place.
  Value freshLinear(const std::string &path, Value from, const Matrix &weight,
                    ArrayRef<double> bias) {
    Location place = NameLoc::get(rewriter.getStringAttr(path));
    Value fresh = createWeight(
        rewriter, place, path + ".weight",
        RankedTensorType::get({weight.rows, weight.columns},
                              rewriter.getF32Type()),
        rawBytes<float>(weight.toFloats()), site.output.getWeight());
    std::vector<float> numbers(bias.begin(), bias.end());
    Value shift;
    if (llvm::any_of(numbers, [](float v) { return v != 0; }))
      shift = createWeight(
          rewriter, place, path + ".bias",
          RankedTensorType::get({weight.rows}, rewriter.getF32Type()),
          rawBytes<float>(numbers), site.output.getWeight());
    return LinearOp::create(rewriter, place, from, fresh, shift);
  }

  /// The offsets of sequences of one row each: 0, 1, 2...
  Value eachSequence() {
    Value zero = arith::ConstantIndexOp::create(rewriter, loc, 0);
    Value none = arith::ConstantIntOp::create(rewriter, loc, 0, 32);
    Value ends = tensor::DimOp::create(rewriter, loc, offsets, zero);
    Value last =
        arith::IndexCastOp::create(rewriter, loc, rewriter.getI32Type(), ends);
    Value all =
        tensor::FromElementsOp::create(rewriter, loc, ValueRange{none, last});
    return PositionsOp::create(rewriter, loc, offsets.getType(), all, ends,
                               /*ids=*/Value(), /*start=*/0,
                               /*padding_id=*/IntegerAttr());
  }

  void leaveOut() {
    Value output = site.output.getResult();
    Operation *into = sumBehind(output);
    if (by.rung == Rung::Bias)
      addToBias(placeOfBias(site));
    Value other = otherAddend(into, output);
    if (isa<arith::AddFOp>(into)) {
      rewriter.replaceOp(into, other);
    } else {
      rewriter.modifyOpInPlace(into, [&] {
        into->setOperand(0, other);
        if (auto norm = dyn_cast<LayerNormOp>(into))
          norm.getResidualMutable().clear();
        else
          cast<RmsNormOp>(into).getResidualMutable().clear();
      });
    }
    eraseOld();
  }

  void addToBias(Operation *place) {
    if (auto like = dyn_cast<LinearOp>(place)) {
      std::vector<double> bias = biasOf(like);
      for (size_t i = 0; i < bias.size(); ++i)
        bias[i] += by.bias[i];
      exchangeLinear(rewriter, like, Value(), matrixOf(like.getWeight()), bias);
      return;
    }
    auto norm = cast<LayerNormOp>(place);
    std::vector<float> bias(by.bias.begin(), by.bias.end());
    Value old = norm.getBias();
    rewriter.setInsertionPoint(norm);
    if (old)
      for (auto [to, from] : llvm::zip(bias, numbersOf(old)))
        to += from;
    int64_t width = bias.size();
    Value fresh =
        old ? exchangeWeight(rewriter, old, {width}, bias)
            : createWeight(
                  rewriter, norm.getLoc(), (modulePath(norm) + ".bias").str(),
                  RankedTensorType::get({width}, rewriter.getF32Type()),
                  rawBytes<float>(bias), norm.getWeight());
    rewriter.modifyOpInPlace(norm,
                             [&] { norm.getBiasMutable().assign(fresh); });
    if (old && old.use_empty())
      rewriter.eraseOp(old.getDefiningOp());
  }

  void eraseOld() {
    SmallVector<Operation *> old{site.output, site.attention};
    for (Value v : {site.attention.getQuery(), site.attention.getKey()})
      if (auto rope = v.getDefiningOp<RopeOp>())
        old.push_back(rope);
    llvm::append_range(old,
                       ArrayRef<Operation *>{site.query, site.key, site.value});
    llvm::SmallSetVector<Value, 8> weights;
    for (LinearOp op : {site.output, site.query, site.key, site.value})
      for (Value v : {op.getWeight(), op.getBias()})
        if (v)
          weights.insert(v);
    for (Operation *op : old)
      rewriter.eraseOp(op);
    for (Value v : weights)
      if (v.use_empty())
        rewriter.eraseOp(v.getDefiningOp());
  }

  RewriterBase &rewriter;
  AttentionSite site;
  const Replacement &by;
  Value input, offsets, sum;
  Location loc;
  bool hasBias = false, isBeside = false;
};
} // namespace

Value transformer::addSingleQueries(RewriterBase &rewriter, AttentionSite site,
                                    const Replacement &by) {
  return Replacer(rewriter, site, by).runBeside();
}

void transformer::addSingleReads(Profile &profile, AttentionSite site,
                                 const Replacement &by,
                                 const MixingStatistics &mixing) {
  for (auto [like, reads] : {std::pair(site.query, &mixing.mean),
                             std::pair(site.key, &by.queryInner),
                             std::pair(site.value, &mixing.averaged),
                             std::pair(site.output, &by.outputInner)}) {
    std::string path = pathBeside(site, like);
    if (reads->count == 0)
      continue;
    profile.sites[path] = *reads;
    profile.linears[path] = path;
  }
}

void transformer::replaceSite(RewriterBase &rewriter, AttentionSite site,
                              const Replacement &by) {
  Replacer(rewriter, site, by).run();
}
