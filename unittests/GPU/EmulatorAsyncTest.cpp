//===- EmulatorAsyncTest.cpp - what the emulator reports of sm_90a --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "EmulatorAsync.h"
#include "DeviceModel.h"

#include "llvm/Support/FormatVariadic.h"
#include "gtest/gtest.h"

using namespace mlir::transformer::test;

namespace {

/// 128 lanes with `body`, on 8192 bytes of shared memory; reports, and what the
/// lanes have stored.
struct Emulated {
  std::vector<float> stored = std::vector<float>(512, -1);
  std::map<std::string, int> reports;
  Mutable counts;

  explicit Emulated(const std::string &body, Mutation mutation = {},
                    bool isDescending = false) {
    std::string text = R"(
@tm_shared = external addrspace(3) global [0 x i8], align 1024
declare i32 @llvm.nvvm.read.ptx.sreg.tid.x()
declare void @llvm.nvvm.barrier.cta.sync.aligned.all(i32)
declare void @llvm.nvvm.fence.proxy.async.shared_cta()
declare void @llvm.nvvm.mbarrier.init.shared(ptr addrspace(3), i32)
declare i64 @llvm.nvvm.mbarrier.arrive.scope.cta.space.cta(ptr addrspace(3), i32)
declare i64 @llvm.nvvm.mbarrier.arrive.expect.tx.scope.cta.space.cta(ptr addrspace(3), i32)
declare i1 @llvm.nvvm.mbarrier.try.wait.parity.scope.cta.space.cta(ptr addrspace(3), i32)
declare void @llvm.nvvm.cp.async.bulk.tensor.g2s.tile.2d(ptr addrspace(7), ptr addrspace(3), ptr, i32, i32, i16, i64, i1, i1, i32)
declare void @llvm.nvvm.wgmma.commit_group.sync.aligned()
define void @k(ptr %map, ptr addrspace(1) %out) {
  %t = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %first = icmp eq i32 %t, 0
  %b = getelementptr i8, ptr addrspace(3) @tm_shared, i32 4096
  %cluster = addrspacecast ptr addrspace(3) @tm_shared to ptr addrspace(7)
)" + body + "}\n";
    auto emulator = emulatorOf(text, mutation, &counts);
    if (!emulator)
      return;
    std::vector<uint16_t> ones(24 * 16, 0x3c00); // in f16
    emulator->isDescending = isDescending;
    emulator->addMemory(ones.data(), 2 * ones.size(), false);
    emulator->addMemory(stored.data(), 4 * stored.size(), true);
    BoxMap map{};
    map.mark = BoxMap::kMark, map.base = reinterpret_cast<char *>(ones.data());
    map.rows = 24, map.columns = 16, map.pitch = 32, map.size = 2;
    map.boxRows = 32, map.boxColumns = 16, map.swizzle = 32;
    void *out = stored.data();
    emulator->launch("k", {&map, &out}, 1, 1, 128, 8192);
    reports = emulator->reports;
  }
  bool has(llvm::StringRef what) const {
    for (const auto &[report, count] : reports)
      if (llvm::StringRef(report).contains(what))
        return true;
    return false;
  }
};

/// The only report is `what`; null: there is none.
void expectReport(const Emulated &run, const char *what, int line) {
  EXPECT_EQ(run.reports.empty(), what == nullptr) << line;
  EXPECT_TRUE(!what || run.has(what)) << line << ", expected: " << what;
  for (const auto &[report, count] : run.reports)
    EXPECT_TRUE(what && llvm::StringRef(report).contains(what))
        << line << ": " << report;
}
#define EXPECT_REPORT(run, what) expectReport(run, what, __LINE__)

/// A barrier that a lane makes, a copy to the first 1024 bytes, and a wait of
/// every lane; a lane reads a number of row `row`.
std::string
copied(int row, const char *expected = "1024", const char *to = "",
       const char *wait = "br i1 %over, label %there, label %wait") {
  return llvm::formatv(R"(
  br i1 %first, label %make, label %made
make:
  call void @llvm.nvvm.mbarrier.init.shared(ptr addrspace(3) %b, i32 1)
  call void @llvm.nvvm.fence.proxy.async.shared_cta()
  br label %made
made:
  call void @llvm.nvvm.barrier.cta.sync.aligned.all(i32 0)
  br i1 %first, label %copy, label %wait
copy:
  %s = call i64 @llvm.nvvm.mbarrier.arrive.expect.tx.scope.cta.space.cta(ptr addrspace(3) %b, i32 {1})
  %to = getelementptr i8, ptr addrspace(7) %cluster, i32 0{2}
  call void @llvm.nvvm.cp.async.bulk.tensor.g2s.tile.2d(ptr addrspace(7) %to, ptr addrspace(3) %b, ptr %map, i32 0, i32 0, i16 0, i64 0, i1 0, i1 0, i32 0)
  br label %wait
wait:
  %over = call i1 @llvm.nvvm.mbarrier.try.wait.parity.scope.cta.space.cta(ptr addrspace(3) %b, i32 0)
  {3}
there:
  %from = getelementptr i8, ptr addrspace(3) @tm_shared, i32 {0}
  %half = load half, ptr addrspace(3) %from, align 2
  %value = fpext half %half to float
  %at = getelementptr float, ptr addrspace(1) %out, i32 %t
  store float %value, ptr addrspace(1) %at, align 4
  ret void
)",
                       32 * row, expected, to, wait)
      .str();
}

TEST(GpuEmulatorAsync, CopiesAndBarriers) {
  for (bool isDescending : {false, true}) {
    Emulated run(copied(23), {}, isDescending);
    EXPECT_REPORT(run, nullptr);
    EXPECT_EQ(run.counts.synchronizations, 5);
    EXPECT_EQ(run.stored[127], 1);
    EXPECT_EQ(Emulated(copied(24), {}, isDescending).stored[0],
              0); // beyond rows
  }
  const char *why[] = {
      "barrier that was not made",
      "copy that counts bytes that were written without a fence", "race",
      "deadlock", "not waited for"};
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(Emulated(copied(0), {i}).has(why[i])) << i;
  EXPECT_REPORT(Emulated(copied(0, "1008")), "deadlock");
  EXPECT_REPORT(Emulated(copied(0, "1040")), "deadlock");
  EXPECT_TRUE(
      Emulated(copied(0, "1024", "64")).has("copy to a misaligned place"));
  EXPECT_TRUE(
      Emulated(copied(0, "1024", "8000")).has("copy to outside of shared"));
  // A wait that comes back early has to be asked again.
  EXPECT_TRUE(
      Emulated(copied(0, "1024", "", "br label %there")).has("waited for"));
}

/// Lanes store ones, and multiply 64 x 16 by 16 x 8 of them.
std::string multiplied(const char *between = "", const char *use = "%w") {
  return llvm::formatv(R"(
  %o = mul i32 %t, 16
  %p = getelementptr i8, ptr addrspace(3) @tm_shared, i32 %o
  store <8 x half> splat (half 1.0), ptr addrspace(3) %p, align 16
  %q = getelementptr i8, ptr addrspace(3) %p, i32 2048
  store <8 x half> splat (half 1.0), ptr addrspace(3) %q, align 16
  call void @llvm.nvvm.fence.proxy.async.shared_cta()
  call void @llvm.nvvm.barrier.cta.sync.aligned.all(i32 0)
  %a0 = ptrtoint ptr addrspace(3) @tm_shared to i64
  %a1 = and i64 %a0, 262143
  %a2 = lshr i64 %a1, 4
  %a = add i64 %a2, {0} ; 128 bytes between chunks, 256 between rows
  %bb = add i64 %a, 128
  %f = call {{float,float,float,float} asm sideeffect "wgmma.fence.sync.aligned;", "=f,=f,=f,=f,0,1,2,3"(float 0.0, float 0.0, float 0.0, float 0.0)
  %f0 = extractvalue {{float,float,float,float} %f, 0
  %f1 = extractvalue {{float,float,float,float} %f, 1
  %f2 = extractvalue {{float,float,float,float} %f, 2
  %f3 = extractvalue {{float,float,float,float} %f, 3
  %m = call {{float,float,float,float} asm sideeffect "wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {{$0, $1, $2, $3}, $4, $5, p, 1, 1, 0, 0;", "=f,=f,=f,=f,l,l,0,1,2,3"(i64 %a, i64 %bb, float %f0, float %f1, float %f2, float %f3)
  call void @llvm.nvvm.wgmma.commit_group.sync.aligned()
  {1}
  %m0 = extractvalue {{float,float,float,float} %m, 0
  %m1 = extractvalue {{float,float,float,float} %m, 1
  %m2 = extractvalue {{float,float,float,float} %m, 2
  %m3 = extractvalue {{float,float,float,float} %m, 3
  %w = call {{float,float,float,float} asm sideeffect "wgmma.wait_group.sync.aligned 0;", "=f,=f,=f,=f,0,1,2,3"(float %m0, float %m1, float %m2, float %m3)
  %w0 = extractvalue {{float,float,float,float} {2}, 0
  %sum = fadd float %w0, 0.0
  %at = getelementptr float, ptr addrspace(1) %out, i32 %t
  store float %sum, ptr addrspace(1) %at, align 4
  ret void
)",
                       (int64_t(16) << 32) + (int64_t(8) << 16), between, use)
      .str();
}

TEST(GpuEmulatorAsync, Products) {
  Emulated run(multiplied());
  EXPECT_REPORT(run, nullptr);
  EXPECT_EQ(run.counts.synchronizations, 5);
  for (int lane = 0; lane < 128; ++lane)
    EXPECT_EQ(run.stored[lane], 16);
  const char *why[] = {"product of bytes that were written without a fence",
                       "race", "sums that were written without a fence",
                       "never waited for", "sum that is read before"};
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(Emulated(multiplied(), {i}).has(why[i])) << i;
  EXPECT_REPORT(Emulated(multiplied("", "%m")), "sum that is read before");
  EXPECT_TRUE(Emulated(multiplied("store i32 0, ptr addrspace(3) %p, align 4"))
                  .has("bytes that a product still reads"));
}

} // namespace
