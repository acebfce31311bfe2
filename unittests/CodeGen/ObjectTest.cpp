//===- ObjectTest.cpp - from the LLVM dialect to a loaded library ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/CodeGen/Object.h"
#include "transformer/CodeGen/Link.h"
#include "transformer/Runtime/model.h"
#include "transformer/Support/AtomicFile.h"
#include "transformer/Support/Hash.h"
#include "transformer/Support/Safetensors.h"
#include "transformer/Support/SafetensorsWriter.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

using namespace llvm;
using namespace mlir::transformer;
using mlir::MLIRContext;
using mlir::ModuleOp;
using mlir::OwningOpRef;

namespace {
// Output i is its first id plus weight i; offsets as in Runtime/abi.h.
constexpr StringLiteral kModel = R"(
module attributes {
    transformer.model = {max_length = 16 : i64},
    transformer.workspace = {fixed = 0 : i64, per_token = 0 : i64, per_sequence = 0 : i64, per_thread = 0 : i64},
    transformer.inputs = [{name = "input_ids", type = "i32", limit = 50 : i64}],
    transformer.outputs = [{name = "sums", rows = "sequences", width = 1 : i64}]} {
  llvm.func @tm_forward(%call: !llvm.ptr) {
    %weights = llvm.load %call : !llvm.ptr -> !llvm.ptr
    %w = llvm.load %weights : !llvm.ptr -> f32
    %ids.at = llvm.getelementptr %call[40] : (!llvm.ptr) -> !llvm.ptr, i8
    %ids = llvm.load %ids.at : !llvm.ptr -> !llvm.ptr
    %id = llvm.load %ids : !llvm.ptr -> i32
    %f = llvm.sitofp %id : i32 to f32
    %sum = llvm.call @add(%f, %w) : (f32, f32) -> f32
    %out.at = llvm.getelementptr %call[104] : (!llvm.ptr) -> !llvm.ptr, i8
    %out = llvm.load %out.at : !llvm.ptr -> !llvm.ptr
    llvm.store %sum, %out : f32, !llvm.ptr
    llvm.return
  }
  llvm.func @add(%a: f32, %b: f32) -> f32 {
    %sum = llvm.fadd %a, %b : f32
    llvm.return %sum : f32
  }
})";

class ObjectTest : public testing::Test {
protected:
  void SetUp() override {
    context.loadDialect<mlir::LLVM::LLVMDialect>();
    std::string error;
    auto found = lookupTarget("host", error);
    ASSERT_TRUE(succeeded(found)) << error;
    target = *found;
    ASSERT_FALSE(sys::fs::createUniqueDirectory("object-test", directory));
    SafetensorsWriter writer;
    writer.add("w", DataType::F32, {1}, bytesOf(weight));
    ASSERT_EQ(toString(writer.write(file("weights.safetensors"))), "");
    auto written = llvm::MemoryBuffer::getFile(file("weights.safetensors"));
    ASSERT_TRUE(bool(written));
    weights = {4, hashBytes((*written)->getBuffer())};
  }
  void TearDown() override { sys::fs::remove_directories(directory); }
  static ArrayRef<char> bytesOf(const float &value) {
    return {reinterpret_cast<const char *>(&value), sizeof(value)};
  }
  std::string file(StringRef name) { return (directory + "/" + name).str(); }
  Expected<SmallVector<char, 0>> compileText(StringRef text) {
    OwningOpRef<ModuleOp> module =
        mlir::parseSourceString<ModuleOp>(text, &context);
    EXPECT_TRUE(module);
    auto code = NativeCode::create(*module, target, weights);
    if (!code)
      return code.takeError();
    buildId = code->buildId().str();
    code->optimize();
    return code->emitObject();
  }
  std::string errorOf(StringRef text) {
    auto object = compileText(text);
    return object ? "" : toString(object.takeError());
  }

  MLIRContext context;
  mlir::transformer::Target target;
  WeightsIdentity weights;
  float weight = 0.25f;
  SmallString<64> directory;
  std::string buildId;
};

TEST_F(ObjectTest, LinksLoadsAndRuns) {
  auto object = compileText(kModel);
  ASSERT_TRUE(bool(object)) << toString(object.takeError());
  std::string library = file("model.so");
  ASSERT_EQ(toString(linkModel(ArrayRef<char>(*object), target, "", library)),
            "");

  void *handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(handle, nullptr) << dlerror();
  auto close = scope_exit([&] { dlclose(handle); });
#define FUNCTION(name)                                                         \
  auto *name##_ = reinterpret_cast<decltype(&::name)>(dlsym(handle, #name));   \
  ASSERT_NE(name##_, nullptr)
  FUNCTION(tm_load);
  FUNCTION(tm_free);
  FUNCTION(tm_run);
  FUNCTION(tm_build_id);
  FUNCTION(tm_target);
  FUNCTION(tm_abi_version);
  FUNCTION(tm_max_length);
  EXPECT_EQ(dlsym(handle, "tm_model_descriptor"), nullptr);
  EXPECT_EQ(dlsym(handle, "tm_fail"), nullptr);
  EXPECT_EQ(tm_build_id_(), buildId);
  EXPECT_EQ(tm_target_(), target.name);
  EXPECT_EQ(tm_abi_version_(), TM_ABI_VERSION);

  tm_model *model;
  tm_error error;
  ASSERT_EQ(tm_load_(directory.c_str(), nullptr, &model, &error), TM_OK)
      << error.message;
  EXPECT_EQ(tm_max_length_(model), 16);
  int32_t ids[] = {7}, offsets[] = {0, 1};
  tm_batch batch = {1, offsets, ids, nullptr, nullptr};
  float sum = 0;
  tm_output output = {"sums", &sum, 1};
  EXPECT_EQ(tm_run_(model, &batch, &output, 1, &error), TM_OK) << error.message;
  EXPECT_EQ(sum, 7.25f);
  ids[0] = 50;
  EXPECT_EQ(tm_run_(model, &batch, &output, 1, &error), TM_INVALID_ARGUMENT);
  tm_free_(model);
}

TEST_F(ObjectTest, TheRuntimeIsSmall) {
  auto object = compileText(kModel);
  ASSERT_TRUE(bool(object));
  std::string library = file("model.so");
  ASSERT_EQ(toString(linkModel(ArrayRef<char>(*object), target, "", library)),
            "");
  uint64_t size = 0;
  sys::fs::file_size(library, size);
  EXPECT_LT(size, 100000u);
}

TEST_F(ObjectTest, TheSameInputGivesTheSameBytes) {
  auto first = compileText(kModel);
  ASSERT_TRUE(bool(first));
  std::string firstId = buildId;
  auto second = compileText(kModel);
  ASSERT_TRUE(bool(second));
  EXPECT_EQ(*first, *second);
  EXPECT_EQ(firstId, buildId);
  std::string one = file("one.so"), two = file("two.so");
  ASSERT_EQ(toString(linkModel(ArrayRef<char>(*first), target, "", one)), "");
  ASSERT_EQ(toString(linkModel(ArrayRef<char>(*second), target, "", two)), "");
  auto a = MemoryBuffer::getFile(one), b = MemoryBuffer::getFile(two);
  EXPECT_EQ((*a)->getBuffer(), (*b)->getBuffer());
}

TEST_F(ObjectTest, MathLibraryCallsAreRefused) {
  std::string text = kModel.str();
  StringRef add = "%sum = llvm.fadd %a, %b : f32";
  text.replace(text.find(add), add.size(),
               "%sum = llvm.intr.exp(%a) : (f32) -> f32");
  EXPECT_EQ(errorOf(text),
            "internal error: the generated code calls expf; kernels may call "
            "memcpy, memmove and memset only");
}

TEST_F(ObjectTest, MissingAttributesAreNamed) {
  std::string text = kModel.str();
  text.replace(text.find("per_thread"), 10, "per_reader");
  EXPECT_EQ(errorOf(text), "internal error: the lowered module has no "
                           "attribute 'per_thread' for the descriptor");
  EXPECT_EQ(errorOf("module {}"),
            "internal error: the lowered module has no function tm_forward");
}

TEST_F(ObjectTest, LinkerProblems) {
  char byte = 0;
  EXPECT_EQ(toString(linkModel(ArrayRef<char>(byte), target, "/no/such/ld",
                               file("model.so"))),
            "the linker /no/such/ld cannot be run");
  std::string message =
      toString(linkModel(ArrayRef<char>(byte), target, "", file("model.so")));
  EXPECT_TRUE(StringRef(message).starts_with("cannot link the model: "))
      << message;
  // Nothing is left behind.
  std::error_code code;
  int files = 0;
  for (sys::fs::directory_iterator it(directory, code), end; it != end;
       it.increment(code))
    ++files;
  EXPECT_EQ(files, 1);
  auto arm = *lookupTarget("neon", message);
  message =
      toString(linkModel(ArrayRef<char>(byte), arm, "", file("model.so")));
  // With the runtime for it, the byte is what cannot be linked.
  EXPECT_TRUE(StringRef(message).contains("use --emit=obj") ||
              StringRef(message).starts_with("cannot link the model: "))
      << message;
}
} // namespace
