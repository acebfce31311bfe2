//===- Options.cpp - the command line of transformer-compile --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Options.h"

#include "transformer/CodeGen/Target.h"
#include "transformer/GPU/Chip.h"
#include "transformer/Pipelines/Presets.h"
#include "transformer/Support/Version.h"
#include "transformer/Transforms/ReplaceAttention.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/WithColor.h"

using namespace mlir;
using namespace mlir::transformer;
namespace cl = llvm::cl;

namespace {
struct Flags {
  cl::OptionCategory category{"transformer-compile options"};
  cl::opt<std::string> input{cl::Positional, cl::Required,
                             cl::desc("<checkpoint directory or .mlir file>"),
                             cl::cat(category)};
  cl::opt<std::string> output{
      "o", cl::value_desc("path"), cl::cat(category),
      cl::desc("the artifact directory (missing, empty, or an older artifact, "
               "which is replaced as a whole); with --emit, a file (default: "
               "standard output)")};
  cl::opt<Emit> emit{
      "emit", cl::init(Emit::Artifact), cl::cat(category),
      cl::desc("how far to go:"),
      cl::values(
          clEnumValN(Emit::Profile, "profile",
                     "statistics of the inputs of its linears, as "
                     "--profile takes them"),
          clEnumValN(Emit::Curves, "curves",
                     "what smaller layers and fewer bits cost, measured on "
                     "--sequences by a --profile, as JSON: what a search for a "
                     "budget plans by"),
          clEnumValN(Emit::Transformer, "transformer",
                     "the model in the transformer dialect, as text"),
          clEnumValN(Emit::Graph, "graph",
                     "the same as JSON, for other programs"),
          clEnumValN(Emit::Linalg, "linalg", "its reference lowering, as text"),
          clEnumValN(Emit::Ptx, "ptx", "GPU kernels for --gpu-chip, as text"),
          clEnumValN(Emit::LLVM, "llvm",
                     "LLVM IR, optimized, as text; of GPU kernels, before it "
                     "is optimized"),
          clEnumValN(Emit::Assembly, "asm",
                     "assembly, with notes on loops and spilled registers"),
          clEnumValN(Emit::Object, "obj", "an object file"),
          clEnumValN(Emit::Artifact, "artifact",
                     "a directory with library, header and weights "
                     "(default)"))};
  cl::opt<std::string> targetCpu{"target-cpu", cl::init("host"),
                                 cl::value_desc("levels"), cl::cat(category),
                                 cl::desc(targetDescription())};
  cl::opt<Machine> machine{
      "target", cl::init(Machine::Cpu), cl::cat(category),
      cl::desc("what to compile for:"),
      cl::values(clEnumValN(Machine::Cpu, "cpu", "see --target-cpu (default)"),
                 clEnumValN(Machine::Nvptx, "nvptx",
                            "NVIDIA GPUs, see --gpu-chip and docs/gpu.md"))};
  cl::opt<std::string> gpuChip{"gpu-chip", cl::value_desc("chips"),
                               cl::cat(category), cl::desc(chipDescription())};
  cl::opt<std::string> cudaToolkit{
      "cuda-toolkit", cl::value_desc("directory"), cl::cat(category),
      cl::desc("with --target=nvptx: where ptxas and fatbinary are, which make "
               "machine code (default: PATH, CUDA_ROOT, CUDA_HOME or "
               "CUDA_PATH; without them, the driver does when a model is "
               "loaded)")};
  cl::opt<unsigned> fftFrom{
      "fft-from", cl::value_desc("tokens"), cl::cat(category),
      cl::desc("with --target=nvptx: cuFFT transforms sequences of so many "
               "tokens and more, 0: none (default: where it is faster by the "
               "model of costs in docs/gpu.md)")};
  cl::opt<std::string> passes{
      "passes", cl::value_desc("pipeline"), cl::cat(category),
      cl::desc("passes to run on the transformer dialect first")};
  cl::opt<std::string> quantize{
      "quantize", cl::value_desc("i8|i4"), cl::cat(category),
      cl::desc("round linears and tables to i8, inputs per token; i4: weights "
               "to 4 bits in groups of 64, for models larger than the cache")};
  cl::opt<std::string> dtype{
      "dtype", cl::value_desc("f32|bf16|f16"), cl::cat(category),
      cl::desc("of the factors of products (default: f32); on a GPU, of all "
               "activations and weights (default: f16)")};
  cl::opt<double> bits{
      "bits", cl::init(0), cl::value_desc("number"), cl::cat(category),
      cl::desc("with --quantize: round linears to uniform grids that need so "
               "many bits per weight on average, entropy coded")};
  cl::opt<double> tableBits{
      "table-bits", cl::init(0), cl::value_desc("number"), cl::cat(category),
      cl::desc("with --quantize: keep embedding tables in their principal "
               "basis, in so many bits per number, entropy coded")};
  cl::opt<unsigned> qkRank{
      "qk-rank", cl::init(0), cl::value_desc("number"), cl::cat(category),
      cl::desc("with --quantize: narrow queries and keys to so many numbers "
               "per head first (default: 0, not)")};
  cl::opt<double> ffnError{
      "ffn-error", cl::init(0), cl::value_desc("part"), cl::cat(category),
      cl::desc("with --quantize: drop neurons of each feed-forward layer first "
               "until its output has lost this part of its variance")};
  cl::opt<std::string> attention{
      "attention", cl::value_desc("regex:kind,..."), cl::cat(category),
      cl::desc("with --quantize: replace attention whose module path a regex "
               "matches first, by drop, bias, mq, linear, mean, mq+linear, "
               "lags or auto; with --emit=profile: what that needs, too")};
  cl::opt<double> attentionError{
      "attention-error", cl::init(0), cl::value_desc("part"), cl::cat(category),
      cl::desc("with --attention=...:auto: take the cheapest one that loses at "
               "most this part of the output's variance")};
  cl::opt<std::string> qkRanks{
      "qk-ranks", cl::value_desc("regex:number,..."), cl::cat(category),
      cl::desc("the same by module path, before --qk-rank")};
  cl::opt<std::string> headCounts{
      "head-counts", cl::value_desc("regex:number,..."), cl::cat(category),
      cl::desc("with --quantize: leave attention so many heads, by module "
               "path")};
  cl::opt<std::string> ffnWidths{
      "ffn-widths", cl::value_desc("regex:number,..."), cl::cat(category),
      cl::desc("with --quantize: leave feed-forward layers so many neurons, by "
               "module path, before --ffn-error")};
  cl::opt<std::string> maxLength{
      "max-length", cl::value_desc("tokens|sentence|all"), cl::cat(category),
      cl::desc("keep positions for so many tokens, and refuse longer input; "
               "sentence: the checkpoint's max_seq_length; default: all")};
  cl::opt<bool> compensate{
      "compensate", cl::cat(category),
      cl::desc("with --quantize: let rounding make up for its errors by the "
               "covariance of the inputs (GPTQ); --bits does so always")};
  cl::opt<std::string> preset{"preset", cl::value_desc("name"),
                              cl::cat(category), cl::desc(presetDescription())};
  cl::list<std::string> profiles{
      "profile", cl::value_desc("files"), cl::cat(category), cl::CommaSeparated,
      cl::desc("profiles of this checkpoint for --quantize, which are added "
               "up (default: one is made); with --emit=profile: add these")};
  cl::opt<std::string> sequences{
      "sequences", cl::value_desc("file"), cl::cat(category),
      cl::desc("make the profile of these: a .safetensors file with I32 "
               "tensors 'ids' and 'lengths' (default: synthetic sequences)")};
  cl::opt<std::string> saveProfile{
      "save-profile", cl::value_desc("file"), cl::cat(category),
      cl::desc("keep the profile that --quantize makes")};
  cl::opt<bool> freeze{
      "freeze", cl::init(true), cl::cat(category),
      cl::desc("drop parameters that change no result (default: true; false "
               "is for measuring)")};
  cl::opt<bool> mergeProjections{
      "merge-projections", cl::cat(category),
      cl::desc("let one linear make queries, keys and values")};
  cl::opt<std::string> lowering{
      "lowering", cl::value_desc("options"), cl::cat(category),
      cl::desc("options of the pipeline transformer-to-llvm, such as "
               "'row-block=32 probes=false'")};
  cl::opt<std::string> weights{
      "weights", cl::value_desc("file"), cl::cat(category),
      cl::desc("weights of an .mlir file: a .safetensors file, an index, or a "
               "directory that holds one")};
  cl::opt<Pack> pack{
      "pack", cl::init(Pack::None), cl::cat(category),
      cl::desc("how weights lie in their file (default: none; with "
               "--bits, entropy):"),
      cl::values(
          clEnumValN(Pack::None, "none",
                     "as they are used: mapped, and shared by processes"),
          clEnumValN(Pack::Entropy, "entropy",
                     "in as few bits as their counts allow, decoded "
                     "when the model is loaded"))};
  cl::opt<std::string> linker{
      "linker", cl::value_desc("path"), cl::cat(category),
      cl::desc("ELF linker (default: ld.lld-22 or ld.lld)")};
  cl::opt<unsigned> threads{
      "compiler-threads", cl::init(0), cl::cat(category),
      cl::desc("default: one per CPU; programs choose the threads "
               "of a model when they load it")};
  cl::opt<bool> naive{
      "naive", cl::cat(category),
      cl::desc("by plain loops: slow; a second opinion on the numbers")};
  cl::opt<std::string> reportCpu{
      "report-cpu", cl::ValueOptional, cl::value_desc("sequences x tokens"),
      cl::cat(category),
      cl::desc("list each kernel with its tile, operations, bytes, predicted "
               "and measured time for such a call (default: 1x128)")};
  cl::opt<std::string> reportGpu{
      "report-gpu", cl::ValueOptional, cl::value_desc("sequences x tokens"),
      cl::cat(category),
      cl::desc("with --target=nvptx: list each kernel with its blocks, "
               "registers, instructions of tensor cores, operations, bytes and "
               "the time that they allow for such a call (default: 1x128)")};
  cl::opt<bool> quiet{"quiet", cl::cat(category),
                      cl::desc("print errors only")};

  static StringRef presetDescription() {
    static const std::string text = llvm::join(
        llvm::map_range(
            presets(),
            [](const Preset &preset) {
              return (preset.name + " (" + preset.summary + ")").str();
            }),
        ", ");
    return text;
  }
  static StringRef chipDescription() {
    static const std::string text =
        "with --target=nvptx: " + llvm::join(gpu::supportedChips(), ", ") +
        " (default: sm_80); several with commas between them make one library "
        "that runs the best one which the GPU can";
    return text;
  }
  static StringRef targetDescription() {
    static const std::string text =
        "the CPU to compile for: host (default), or one of " +
        llvm::join(supportedTargets(), ", ") +
        "; several with commas between them make one library that runs the "
        "best one which the CPU has";
    return text;
  }
};
} // namespace

[[noreturn]] static void misuse(const Twine &message) {
  llvm::WithColor::error(llvm::errs(), "transformer-compile")
      << message << '\n';
  exit(1);
}

/// Of the three ways to say it, those that are used must agree.
static Precision precisionOf(const Flags &flags) {
  bool isI4 = flags.quantize == "i4";
  if (!flags.quantize.empty() && flags.quantize != "i8" && !isI4)
    misuse("--quantize=" + flags.quantize + ": supported are i8 and i4");
  bool isGpu = flags.machine == Machine::Nvptx;
  if (!flags.dtype.empty() && flags.dtype != "f32" && flags.dtype != "bf16" &&
      !(isGpu && flags.dtype == "f16"))
    misuse("--dtype=" + flags.dtype + ": supported are f32, bf16" +
           (isGpu ? " and f16" : ", and f16 with --target=nvptx"));
  SmallVector<std::pair<StringRef, Precision>> said;
  if (!flags.quantize.empty())
    said.push_back({"--quantize", isI4 ? Precision::I4 : Precision::I8});
  if (!flags.dtype.empty() && !isGpu) // storage is another thing there
    said.push_back(
        {"--dtype", flags.dtype == "f32" ? Precision::F32 : Precision::BF16});
  if (const Preset *preset = findPreset(flags.preset))
    said.push_back({"--preset", preset->precision});
  else if (!flags.preset.empty())
    misuse("--preset=" + flags.preset + ": there are " +
           llvm::join(llvm::map_range(presets(),
                                      [](const Preset &p) { return p.name; }),
                      ", "));
  for (auto [name, precision] : said)
    if (precision != said.front().second)
      misuse(said.front().first + " and " + name + " contradict each other");
  return said.empty() ? Precision::F32 : said.front().second;
}

static void checkAttention(const Flags &flags, bool isProfile) {
  llvm::Expected<KindsByPath> kinds = KindsByPath::parse(flags.attention);
  if (!kinds)
    misuse("--attention: " + toString(kinds.takeError()));
  bool hasError = flags.attentionError.getNumOccurrences();
  if (!(flags.attentionError >= 0))
    misuse("--attention-error: expected a number from 0 up");
  if (kinds->hasAuto() && !hasError && !isProfile)
    misuse("--attention with auto takes the cheapest one that is good enough: "
           "say how good with --attention-error");
  if (!kinds->hasAuto() && hasError)
    misuse("--attention-error goes with --attention=...:auto");
}

/// What says how to round, or by what, goes with rounding.
static void checkRounding(const Flags &flags, Precision precision) {
  bool isCurves = flags.emit == Emit::Curves;
  bool isProfile = flags.emit == Emit::Profile || isCurves;
  if (isProfile && precision != Precision::F32)
    misuse(llvm::Twine(isCurves ? "--emit=curves" : "--emit=profile") +
           " is of the f32 model: leave out --quantize, --dtype and --preset");
  if (!isInteger(precision) && !isProfile &&
      (!flags.profiles.empty() || !flags.sequences.empty()))
    misuse("--profile and --sequences go with --quantize i8, --emit=profile "
           "and --emit=curves");
  if (precision == Precision::I4 && flags.bits.getNumOccurrences())
    misuse("--bits chooses grids of --quantize i8: those of i4 have 4 bits");
  if (!isInteger(precision) &&
      (!flags.saveProfile.empty() || flags.bits.getNumOccurrences() ||
       flags.tableBits.getNumOccurrences() ||
       flags.qkRank.getNumOccurrences() || flags.ffnError.getNumOccurrences() ||
       flags.attentionError.getNumOccurrences() || !flags.qkRanks.empty() ||
       !flags.headCounts.empty() || !flags.ffnWidths.empty() ||
       (!flags.attention.empty() && !isProfile) || flags.compensate))
    misuse("--save-profile, --bits, --table-bits, --attention, "
           "--attention-error, --qk-rank, --qk-ranks, --head-counts, "
           "--ffn-error, --ffn-widths and --compensate go with "
           "--quantize i8");
  if (!flags.profiles.empty() && !flags.saveProfile.empty())
    misuse("--save-profile keeps a profile that is made, and --profile names "
           "one that is there: give one of them");
  if (!flags.profiles.empty() && !flags.sequences.empty() && !isProfile)
    misuse("--sequences makes a profile, and --profile names one that is "
           "there: give one of them");
  if (!(flags.bits >= 0 && flags.bits <= 8))
    misuse("--bits: expected a number from 0 to 8");
  if (flags.tableBits != 0 && !(flags.tableBits >= 0.5 && flags.tableBits <= 7))
    misuse("--table-bits: expected 0, or a number from 0.5 to 7");
  checkAttention(flags, isProfile);
  if (!(flags.ffnError >= 0 && flags.ffnError < 1))
    misuse("--ffn-error: expected a number from 0 up to 1");
}

/// Nothing where all positions stay.
static std::optional<int64_t> maxLengthOf(const Flags &flags,
                                          const Preset &preset) {
  if (!flags.maxLength.getNumOccurrences())
    return preset.isCut ? std::optional<int64_t>(0) : std::nullopt;
  if (flags.emit == Emit::Profile)
    misuse("--emit=profile takes input of any length: leave out --max-length");
  int64_t tokens = 0;
  if (flags.maxLength == "all")
    return std::nullopt;
  if (flags.maxLength == "sentence")
    return 0;
  if (StringRef(flags.maxLength).getAsInteger(10, tokens) || tokens < 1)
    misuse("--max-length=" + flags.maxLength +
           ": expected a number of tokens, sentence or all");
  return tokens;
}

/// A preset, and what is said beside it.
static void setRounding(const Flags &flags, CompileOptions &options) {
  options.precision = precisionOf(flags);
  checkRounding(flags, options.precision);
  const Preset *preset = findPreset(flags.preset);
  if (!preset) // the first of this precision asks for nothing else
    preset = llvm::find_if(presets(), [&](const Preset &p) {
      return p.precision == options.precision;
    });
  options.preset = preset->name;
  options.bits = flags.bits.getNumOccurrences() ? flags.bits : preset->bits;
  options.tableBits =
      flags.tableBits.getNumOccurrences() ? flags.tableBits : preset->tableBits;
  options.qkRank =
      flags.qkRank.getNumOccurrences() ? flags.qkRank : preset->qkRank;
  options.ffnError =
      flags.ffnError.getNumOccurrences() ? flags.ffnError : preset->ffnError;
  options.attention = flags.attention;
  options.attentionError = flags.attentionError;
  options.qkRanks = flags.qkRanks;
  options.headCounts = flags.headCounts;
  options.ffnWidths = flags.ffnWidths;
  options.compensate = flags.compensate;
  options.maxLength = maxLengthOf(flags, *preset);
}

/// What a GPU is compiled for, before LLVM could end the process.
static void setMachine(const Flags &flags, CompileOptions &options) {
  options.machine = flags.machine;
  bool isGpu = options.machine == Machine::Nvptx;
  if (!isGpu && flags.emit == Emit::Ptx)
    misuse("--emit=ptx goes with --target=nvptx");
  if (isGpu && (flags.emit == Emit::Assembly || flags.emit == Emit::Object))
    misuse("--emit=asm and --emit=obj are of CPUs; with --target=nvptx there "
           "are --emit=ptx and --emit=llvm");
  if (!isGpu && (!flags.gpuChip.empty() || !flags.cudaToolkit.empty() ||
                 flags.fftFrom.getNumOccurrences()))
    misuse("--gpu-chip, --cuda-toolkit and --fft-from go with "
           "--target=nvptx");
  if (isGpu && (flags.targetCpu.getNumOccurrences() || flags.naive ||
                flags.reportCpu.getNumOccurrences() || !flags.lowering.empty()))
    misuse("--target-cpu, --lowering, --naive and --report-cpu go with "
           "--target=cpu");
  if (!flags.gpuChip.empty())
    options.gpuChip = flags.gpuChip;
  options.cudaToolkit = flags.cudaToolkit;
  if (flags.fftFrom.getNumOccurrences())
    options.fftFrom = std::min<int64_t>(flags.fftFrom, INT32_MAX);
  std::string message;
  if (isGpu && gpu::lookupChips(options.gpuChip, message).empty())
    misuse("--gpu-chip: " + message);
  if (!isGpu)
    return;
  if (!flags.dtype.empty())
    options.gpuType = flags.dtype;
  else if (flags.preset == "bf16")
    options.gpuType = "bf16";
}

CompileOptions mlir::transformer::parseCompileOptions(int argc, char **argv) {
  Flags flags;
  cl::HideUnrelatedOptions(flags.category);
  cl::SetVersionPrinter([](raw_ostream &os) {
    os << "transformer-compile " TRANSFORMER_VERSION " with LLVM "
       << LLVM_VERSION_STRING << '\n';
  });
  cl::ParseCommandLineOptions(
      argc, argv,
      "transformer-compile: compiles a Hugging Face checkpoint to a native "
      "library\n\n  transformer-compile CHECKPOINT -o ARTIFACT\n");
  CompileOptions options;
  options.input = flags.input;
  options.emit = flags.emit;
  if (flags.output.getNumOccurrences())
    options.output = flags.output;
  options.targetCpu = flags.targetCpu;
  options.passes = flags.passes;
  setMachine(flags, options);
  setRounding(flags, options);
  options.profiles.assign(flags.profiles.begin(), flags.profiles.end());
  options.sequences = flags.sequences;
  options.saveProfile = flags.saveProfile;
  options.freeze = flags.freeze;
  options.mergeProjections = flags.mergeProjections;
  options.lowering = flags.lowering;
  options.weights = flags.weights;
  if (flags.pack.getNumOccurrences())
    options.pack = flags.pack;
  else if (options.emit == Emit::Artifact &&
           (options.bits > 0 || options.tableBits > 0))
    options.pack = Pack::Entropy; // fewer bits are worth nothing uncoded
  if (options.pack != Pack::None && flags.emit != Emit::Artifact)
    misuse("--pack goes with an artifact");
  options.linker = flags.linker;
  options.naive = flags.naive;
  options.threads = flags.threads;
  options.quiet = flags.quiet;
  if (flags.reportGpu.getNumOccurrences()) {
    if (flags.emit != Emit::Artifact || flags.machine != Machine::Nvptx)
      misuse("--report-gpu goes with an artifact and --target=nvptx");
    options.reportGpu = flags.reportGpu;
  }
  if (flags.reportCpu.getNumOccurrences()) {
    if (flags.emit != Emit::Artifact || flags.naive)
      misuse("--report-cpu goes with an artifact, and not with --naive");
    options.reportCpu = flags.reportCpu;
  }
  for (int i = 1; i < argc; ++i)
    options.commandLine += (i > 1 ? " " : "") + std::string(argv[i]);
  return options;
}
