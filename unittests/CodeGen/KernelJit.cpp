//===- KernelJit.cpp - runs emitted kernels in process --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "KernelJit.h"
#include "Emulate.h"
#include "transformer/CodeGen/Passes.h"
#include "transformer/InitAll.h"
#include "transformer/Support/Optimize.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/Utils/Cloning.h"

#include <algorithm>
#include <array>

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::test;

static llvm::Error fail(const char *what) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), what);
}

namespace {
/// Scratch of emitted kernels is never freed by them; a ring of buffers takes
/// the place of the workspace of a compiled model. What follows a buffer must
/// not change, and a call must not need more of them than there are.
struct Scratch {
  static constexpr size_t kSize = 32 << 20, kGuard = 64;
  static constexpr char kUntouched = 0x5a;
  /// Buffers of a model follow each other; these would all begin on the same
  /// line of a page, and so of the nearest cache.
  static constexpr size_t kPage = 4096, kApart = 37 * 64;
  struct Buffer {
    std::unique_ptr<char[]> memory;
    char *end = nullptr;
  };
  std::array<Buffer, 32> ring;
  size_t next = 0;

  void *take(size_t bytes) {
    if (bytes + 64 + kPage + kGuard > kSize)
      return nullptr;
    size_t place = next++ % ring.size();
    Buffer &buffer = ring[place];
    if (!buffer.memory)
      buffer.memory.reset(new char[kSize]);
    auto address = reinterpret_cast<uintptr_t>(buffer.memory.get());
    char *start = reinterpret_cast<char *>((address + 63) / 64 * 64) +
                  place * kApart % kPage;
    buffer.end = start + bytes;
    std::fill_n(buffer.end, kGuard, kUntouched);
    return start;
  }
  const char *problem() const {
    if (next > ring.size())
      return "needs more scratch buffers than there are";
    for (const Buffer &buffer : llvm::ArrayRef(ring).take_front(next))
      if (!std::all_of(buffer.end, buffer.end + kGuard,
                       [](char c) { return c == kUntouched; }))
        return "wrote beyond its scratch";
    return nullptr;
  }
};
thread_local Scratch scratch;
} // namespace

extern "C" void *transformerTestScratch(size_t bytes) {
  return scratch.take(bytes);
}

void KernelJit::beginCall() { scratch.next = 0; }

void KernelJit::endCall(StringRef name) {
  if (const char *problem = scratch.problem())
    llvm::report_fatal_error("kernel '" + name + "' " + problem);
}

static LogicalResult lower(ModuleOp module, const Target &target, bool naive) {
  PassManager pm(module.getContext());
  std::string options = "{target-cpu=" + target.name + "}";
  std::string pipeline = naive
                             ? ""
                             : "transformer-emit-fft" + options +
                                   ",transformer-emit-kernels" + options + ",";
  pipeline += "transformer-expand-math" + options +
              ",convert-linalg-to-loops,expand-strided-metadata,lower-affine,"
              "canonicalize,cse,convert-scf-to-cf,"
              "convert-vector-to-llvm,"
              "convert-to-llvm,reconcile-unrealized-casts,cse";
  return failed(parsePassPipeline(pipeline, pm)) ? failure() : pm.run(module);
}

static std::string emit(llvm::TargetMachine &machine, llvm::Module &module,
                        llvm::CodeGenFileType kind) {
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager manager;
  machine.addPassesToEmitFile(manager, stream, nullptr, kind);
  manager.run(module);
  return std::string(bytes.begin(), bytes.end());
}

struct KernelJit::Source {
  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::Module> module;
  std::unique_ptr<llvm::TargetMachine> machine;
};

KernelJit::~KernelJit() = default;

llvm::Expected<std::unique_ptr<KernelJit>>
KernelJit::create(StringRef text, const Target &target, bool naive) {
  static bool once = [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    mlir::registerAllPasses();
    registerAllTransformerPasses();
    return true;
  }();
  (void)once;
  DialectRegistry registry;
  registerAllDialects(registry);
  registerAllExtensions(registry);
  registerAllTransformerDialects(registry);
  registerAllToLLVMIRTranslations(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  auto module = parseSourceString<ModuleOp>(text, &context);
  if (!module)
    return fail("the test's module does not parse");
  module->walk([&](func::FuncOp function) {
    function->setAttr("llvm.emit_c_interface", UnitAttr::get(&context));
  });
  if (failed(lower(*module, target, naive)))
    return fail("the test's module was not lowered");

  auto llvmContext = std::make_unique<llvm::LLVMContext>();
  auto code = translateModuleToLLVMIR(*module, *llvmContext);
  if (!code)
    return fail("no LLVM IR was made");
  // What the emitters made for another kind of machine runs as plain IR here.
  std::string message;
  Target machineTarget = target;
  bool emulated = !isRunnable(target);
  if (emulated) {
    if (!emulateIntrinsics(*code))
      return fail("an intrinsic has no emulation");
    FailureOr<Target> host = lookupTarget("host", message);
    if (failed(host))
      return fail("this machine is not in the table");
    machineTarget = *host;
  }
  llvm::Triple triple(machineTarget.triple);
  const llvm::Target *backend =
      llvm::TargetRegistry::lookupTarget(triple, message);
  if (!backend)
    return fail("the target is not this machine's");
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  std::unique_ptr<llvm::TargetMachine> machine(backend->createTargetMachine(
      triple, machineTarget.cpu, machineTarget.features, options,
      llvm::Reloc::PIC_, std::nullopt,
      emulated ? llvm::CodeGenOptLevel::None
               : llvm::CodeGenOptLevel::Aggressive));
  code->setTargetTriple(triple);
  code->setDataLayout(machine->createDataLayout());
  if (llvm::Function *allocate = code->getFunction("malloc"))
    allocate->setName("transformerTestScratch");
  for (llvm::Function &function : *code) {
    function.addFnAttr("target-cpu", machineTarget.cpu);
    function.addFnAttr("target-features", machineTarget.features);
    if (!machineTarget.tuneCpu.empty())
      function.addFnAttr("tune-cpu", machineTarget.tuneCpu);
    function.addFnAttr("prefer-vector-width",
                       std::to_string(machineTarget.preferVectorWidth));
  }
  optimize(*code, *machine,
           emulated ? llvm::OptimizationLevel::O1
                    : llvm::OptimizationLevel::O3);

  auto result = std::make_unique<KernelJit>();
  result->source = std::make_unique<Source>();
  // Emitting code changes the module.
  std::string object = emit(*machine, *llvm::CloneModule(*code),
                            llvm::CodeGenFileType::ObjectFile);
  *result->source = {std::move(llvmContext), std::move(code),
                     std::move(machine)};
  auto jit = llvm::orc::LLJITBuilder().create();
  if (!jit)
    return jit.takeError();
  result->jit = std::move(*jit);
  llvm::orc::SymbolMap symbols;
  symbols[result->jit->mangleAndIntern("transformerTestScratch")] = {
      llvm::orc::ExecutorAddr::fromPtr(&transformerTestScratch),
      llvm::JITSymbolFlags::Exported};
  if (llvm::Error error = result->jit->getMainJITDylib().define(
          llvm::orc::absoluteSymbols(symbols)))
    return error;
  if (llvm::Error error = result->jit->addObjectFile(
          llvm::MemoryBuffer::getMemBufferCopy(object, "kernels")))
    return error;
  return result;
}

std::string KernelJit::assembly() const {
  return emit(*source->machine, *llvm::CloneModule(*source->module),
              llvm::CodeGenFileType::AssemblyFile);
}

void *KernelJit::lookup(StringRef name) {
  auto symbol = jit->lookup(("_mlir_ciface_" + name).str());
  if (symbol)
    return symbol->toPtr<void *>();
  llvm::errs() << llvm::toString(symbol.takeError()) << "\n";
  return nullptr;
}
