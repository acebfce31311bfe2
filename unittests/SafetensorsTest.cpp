//===- SafetensorsTest.cpp - reading and writing weight files -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Support/Safetensors.h"
#include "transformer/Support/AtomicFile.h"
#include "transformer/Support/Checkpoint.h"
#include "transformer/Support/SafetensorsWriter.h"

#include "llvm/Support/FileSystem.h"

#include <gtest/gtest.h>

using namespace llvm;
using namespace mlir::transformer;

namespace {
class SafetensorsTest : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_FALSE(sys::fs::createUniqueDirectory("safetensors-test", root));
  }
  void TearDown() override { sys::fs::remove_directories(root); }
  std::string file(StringRef name) { return (root + "/" + name).str(); }
  void put(StringRef name, StringRef bytes) {
    ASSERT_FALSE(errorToBool(writeFileAtomically(file(name), bytes)));
  }
  SmallString<128> root;
};
} // namespace

// The message of a header's error, or "ok".
static std::string header(StringRef json, uint64_t bytes = 0) {
  auto result = parseSafetensorsHeader(json, bytes);
  return result ? "ok" : toString(result.takeError());
}

template <typename T> static std::string message(Expected<T> value) {
  return value ? "ok" : toString(value.takeError());
}

static std::string tensor(StringRef fields) {
  return ("{\"w\":{" + fields + "}}").str();
}

TEST(SafetensorsHeader, AcceptsWhatTheReferenceAccepts) {
  EXPECT_EQ(header("{}"), "ok");
  EXPECT_EQ(header("  {}  "), "ok");
  EXPECT_EQ(header("{\"__metadata__\":{\"format\":\"pt\"}}"), "ok");
  // A scalar, a tensor without elements, and entries out of order.
  EXPECT_EQ(
      header(tensor(R"("dtype":"F32","shape":[],"data_offsets":[0,4])"), 4),
      "ok");
  EXPECT_EQ(
      header(tensor(R"("dtype":"F32","shape":[0,3],"data_offsets":[0,0])")),
      "ok");
  EXPECT_EQ(header(R"({"b":{"dtype":"I8","shape":[2],"data_offsets":[2,4]},
                       "a":{"dtype":"I8","shape":[2],"data_offsets":[0,2]}})",
                   4),
            "ok");
}

TEST(SafetensorsHeader, NamesTheRuleAndBothNumbers) {
  auto at = [](StringRef shape, StringRef offsets, uint64_t bytes,
               StringRef type = "F32") {
    return header(tensor(("\"dtype\":\"" + type + "\",\"shape\":[" + shape +
                          "],\"data_offsets\":[" + offsets + "]")
                             .str()),
                  bytes);
  };
  EXPECT_EQ(at("1000000", "0,4", 4),
            "tensor 'w': data_offsets [0, 4) hold 4 bytes but F32[1000000] "
            "needs 4000000");
  EXPECT_EQ(at("1", "0,8", 4), "tensor 'w': data_offsets [0, 8) lie outside of "
                               "the 4 bytes of data in the file");
  EXPECT_EQ(at("1", "4,0", 4),
            "tensor 'w': data_offsets [4, 0) end before they begin");
  EXPECT_EQ(at("1", "4,8", 8), "tensor 'w': data_offsets [4, 8) do not begin "
                               "where the data before them end, at 0");
  EXPECT_EQ(at("1", "0,4", 8), "the tensors end at byte 4 of the data, but the "
                               "file holds 8 bytes of it");
  EXPECT_EQ(at("1", "0,4", 4, "F4"),
            "tensor 'w': unknown dtype 'F4' (supported: F64, F32, F16, BF16, "
            "I64, I32, I16, I8, U64, U32, U16, U8, BOOL)");
  // Products that wrap to the size of the data.
  EXPECT_NE(at("4194305,4194305,211106198978564", "0,16", 16).find("63 bits"),
            std::string::npos);
  EXPECT_NE(at("140737488355328,131072", "0,0", 0).find("63 bits"),
            std::string::npos);
  EXPECT_NE(at("1,1,1,1,1,1,1,1,1", "0,4", 4).find("more than 8 dimensions"),
            std::string::npos);
}

TEST(SafetensorsHeader, StopsAtTheSecondOverlappingEntry) {
  EXPECT_EQ(header(R"({"a":{"dtype":"I8","shape":[4],"data_offsets":[0,4]},
                       "b":{"dtype":"I8","shape":[4],"data_offsets":[0,4]},)",
                   4),
            "tensor 'b': data_offsets [0, 4) overlap [0, 4) of tensor 'a'");
  EXPECT_EQ(header(R"({"a":{"dtype":"I8","shape":[4],"data_offsets":[2,6]},
                       "b":{"dtype":"I8","shape":[4],"data_offsets":[0,4]},)",
                   8),
            "tensor 'b': data_offsets [0, 4) overlap [2, 6) of tensor 'a'");
  EXPECT_EQ(header(R"({"a":{"dtype":"I8","shape":[6],"data_offsets":[0,6]},
                       "b":{"dtype":"I8","shape":[4],"data_offsets":[4,8]},)",
                   8),
            "tensor 'b': data_offsets [4, 8) overlap [0, 6) of tensor 'a'");
}

TEST(SafetensorsHeader, RefusesOddNumbers) {
  for (StringRef number : {"-1", "1.5", "1e19", "\"3\"", "01", "null", "+1"})
    EXPECT_NE(header(tensor(("\"dtype\":\"F32\",\"shape\":[" + number +
                             "],\"data_offsets\":[0,4]")
                                .str()),
                     4)
                  .find("expected a whole number that is not negative"),
              std::string::npos)
        << number.str();
  EXPECT_NE(header(tensor(R"("dtype":"F32","shape":[18446744073709551616])"), 4)
                .find("larger than 2^63 - 1"),
            std::string::npos);
}

TEST(SafetensorsHeader, RefusesOddFields) {
  EXPECT_EQ(header(tensor(R"("dtype":"F32","shape":[1])"), 4),
            "tensor 'w': the field data_offsets is missing");
  EXPECT_NE(header(tensor(R"("dtype":"F32","dtype":"F32")")).find("duplicate"),
            std::string::npos);
  EXPECT_NE(header(tensor(R"("strides":[1])")).find("unknown field 'strides'"),
            std::string::npos);
  EXPECT_NE(header(R"({"__metadata__":{"a":1}})").find("__metadata__: "),
            std::string::npos);
  EXPECT_NE(header(tensor(R"("data_offsets":[1])")).find("two are needed"),
            std::string::npos);
}

TEST_F(SafetensorsTest, WritesWhatItReads) {
  std::vector<float> values = {1, 2, 3, 4, 5, 6};
  ArrayRef<char> bytes(reinterpret_cast<char *>(values.data()), 24);
  SafetensorsWriter writer;
  writer.addMetadata("format", "pt");
  writer.add("a", DataType::F32, {2, 3}, bytes);
  writer.add("empty", DataType::F32, {0, 3}, ArrayRef<char>());
  writer.add("odd", DataType::I8, {3}, [&](SafetensorsWriter::Sink sink) {
    if (Error error = sink(bytes.take_front(1)))
      return error;
    return sink(bytes.slice(1, 2));
  });
  ASSERT_EQ(toString(writer.write(file("m.safetensors"))), "");
  auto read = Safetensors::open(file("m.safetensors"));
  ASSERT_TRUE(bool(read)) << toString(read.takeError());
  ASSERT_NE(read->find("a"), nullptr);
  EXPECT_EQ(read->data(*read->find("a")), bytes);
  EXPECT_EQ(read->find("a")->shape, (SmallVector<int64_t, 4>{2, 3}));
  EXPECT_EQ(read->data(*read->find("odd")), bytes.take_front(3));
  EXPECT_EQ(read->find("none"), nullptr);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(read->dataSection().data()) % 64, 0u);
  EXPECT_EQ(read->metadata()[0].second, "pt");
}

TEST_F(SafetensorsTest, FailedWriteLeavesTheOldFile) {
  put("m.safetensors", "old");
  SafetensorsWriter writer;
  writer.add("a", DataType::F32, {2}, ArrayRef<char>());
  EXPECT_NE(toString(writer.write(file("m.safetensors"))).find("needs 8"),
            std::string::npos);
  auto left = readSmallFile(file("m.safetensors"), 100);
  ASSERT_TRUE(bool(left));
  EXPECT_EQ(*left, "old");
}

TEST_F(SafetensorsTest, NamesForeignFormats) {
  auto said = [&](StringRef bytes) {
    put("m.safetensors", bytes);
    return message(Safetensors::open(file("m.safetensors")));
  };
  EXPECT_NE(said("").find("is empty"), std::string::npos);
  EXPECT_NE(said("abc").find("has 3 bytes"), std::string::npos);
  EXPECT_NE(
      said("version https://git-lfs.github.com/spec/v1\n").find("lfs pull"),
      std::string::npos);
  EXPECT_NE(said("PK\3\4aaaaaaaaaaaaaaaaa").find("zip"), std::string::npos);
  EXPECT_NE(said("\x80\2aaaaaaaaaaaaaaaaa").find("pickle"), std::string::npos);
  EXPECT_NE(said("GGUFaaaaaaaaaaaaaaaaaa").find("GGUF"), std::string::npos);
  EXPECT_NE(said("<!DOCTYPE html><html>").find("web page"), std::string::npos);
  EXPECT_NE(said(StringRef("\0\0\0\0\0\0\0\0", 8)).find("length 0"),
            std::string::npos);
  EXPECT_NE(message(Safetensors::open(root)).find("is a directory"),
            std::string::npos);
  EXPECT_NE(message(Safetensors::open("/dev/zero")).find("is a device"),
            std::string::npos);
}

TEST_F(SafetensorsTest, NoticesThatAFileWasCut) {
  SafetensorsWriter writer;
  writer.add("a", DataType::I8, {4}, ArrayRef<char>("abcd", 4));
  ASSERT_EQ(toString(writer.write(file("model.safetensors"))), "");
  auto read = Checkpoint::open(root);
  ASSERT_TRUE(bool(read));
  EXPECT_EQ(toString(read->checkUnchanged()), "");
  int fd;
  ASSERT_FALSE(sys::fs::openFileForWrite(file("model.safetensors"), fd,
                                         sys::fs::CD_OpenExisting));
  ASSERT_FALSE(sys::fs::resize_file(fd, 20));
  sys::fs::file_t handle = fd;
  sys::fs::closeFile(handle);
  EXPECT_NE(toString(read->checkUnchanged()).find("now has 20"),
            std::string::npos);
}

TEST_F(SafetensorsTest, ReadsShards) {
  for (StringRef name : {"a", "b"}) {
    SafetensorsWriter writer;
    writer.add(name.str(), DataType::I8, {4}, ArrayRef<char>("abcd", 4));
    ASSERT_EQ(toString(writer.write(file((name + ".safetensors").str()))), "");
  }
  auto said = [&](StringRef map) {
    put("model.safetensors.index.json",
        ("{\"weight_map\":{" + map + "}}").str());
    return message(Checkpoint::open(root));
  };
  EXPECT_EQ(said(R"("a":"a.safetensors","b":"b.safetensors")"), "ok");
  auto read = Checkpoint::open(root);
  ASSERT_TRUE(bool(read));
  EXPECT_EQ(read->tensors().size(), 2u);
  EXPECT_TRUE(read->find("b").has_value());
  EXPECT_NE(said(R"("b":"a.safetensors")").find("does not hold it"),
            std::string::npos);
  EXPECT_NE(said(R"("a":"c.safetensors")").find("No such file"),
            std::string::npos);
  for (StringRef bad : {"../a.safetensors", "/etc/passwd", "..", "",
                        "x/a.safetensors", "model.safetensors.index.json"})
    EXPECT_NE(said(("\"a\":\"" + bad + "\"").str()).find("shard"),
              std::string::npos)
        << bad.str();
  put("c.safetensors", "x");
  ASSERT_FALSE(
      sys::fs::copy_file(file("a.safetensors"), file("c.safetensors")));
  EXPECT_NE(
      said(R"("a":"a.safetensors","x":"c.safetensors")").find("two shards"),
      std::string::npos);
}
