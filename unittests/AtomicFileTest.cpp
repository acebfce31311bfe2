//===- AtomicFileTest.cpp - outputs that are whole or absent --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Support/AtomicFile.h"
#include "transformer/Support/MappedFile.h"

#include "llvm/Support/FileSystem.h"

#include <csignal>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace llvm;
using namespace mlir::transformer;

namespace {
class AtomicFileTest : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_FALSE(sys::fs::createUniqueDirectory("atomic-test", root));
  }
  void TearDown() override { sys::fs::remove_directories(root); }
  std::string file(StringRef name) { return (root + "/" + name).str(); }
  void put(StringRef name, StringRef bytes) {
    ASSERT_FALSE(errorToBool(writeFileAtomically(file(name), bytes)));
  }
  std::string get(StringRef name) {
    auto bytes = readSmallFile(file(name), 1000);
    return bytes ? *bytes : toString(bytes.takeError());
  }
  // How many entries the test's directory has.
  int entries() {
    std::error_code error;
    int count = 0;
    for (sys::fs::directory_iterator it(root, error), end; it != end;
         it.increment(error))
      ++count;
    return count;
  }
  void makeArtifact(StringRef name, StringRef mark) {
    ASSERT_FALSE(sys::fs::create_directory(file(name)));
    for (StringRef part : {"model.so", "weights.safetensors", "report.json"})
      put((name + "/" + part).str(), mark);
  }
  SmallString<128> root;
};
} // namespace

TEST_F(AtomicFileTest, AppearsAtCommit) {
  put("f", "old");
  auto out = AtomicFile::create(file("f"));
  ASSERT_TRUE(bool(out));
  ASSERT_FALSE(errorToBool((*out)->write("new")));
  EXPECT_EQ(get("f"), "old");
  ASSERT_FALSE(errorToBool((*out)->commit()));
  EXPECT_EQ(get("f"), "new");
  EXPECT_EQ(entries(), 1);
}

TEST_F(AtomicFileTest, LeavesNothingWithoutCommit) {
  {
    auto out = AtomicFile::create(file("f"));
    ASSERT_TRUE(bool(out));
    EXPECT_EQ(entries(), 1);
  }
  EXPECT_EQ(entries(), 0);
}

TEST_F(AtomicFileTest, SaysThatTheDiskIsFull) {
  EXPECT_EQ(toString(writeFileAtomically("/dev/full", "x")),
            "/dev/full: cannot be written: No space left on device");
  EXPECT_NE(toString(writeFileAtomically(root, "x")).find("is a directory"),
            std::string::npos);
  EXPECT_NE(toString(writeFileAtomically(file("no/f"), "x")).find("No such"),
            std::string::npos);
}

TEST_F(AtomicFileTest, ReplacesDirectoriesAsAWhole) {
  ASSERT_FALSE(sys::fs::create_directory(file("empty")));
  makeArtifact("older", "old");
  put("older/extra", "old");
  for (StringRef target : {"missing", "empty", "older", "older/"}) {
    auto out = AtomicDirectory::create(file(target));
    ASSERT_TRUE(bool(out)) << toString(out.takeError());
    ASSERT_FALSE(errorToBool(
        writeFileAtomically(((*out)->path() + "/model.so").str(), "new")));
    for (StringRef part : {"weights.safetensors", "report.json"})
      ASSERT_FALSE(errorToBool(
          writeFileAtomically(((*out)->path() + "/" + part).str(), "new")));
    ASSERT_EQ(toString((*out)->commit()), "");
    EXPECT_EQ(get((target + "/model.so").str()), "new");
    EXPECT_FALSE(sys::fs::exists(file("older/extra")) && target == "older");
  }
  EXPECT_EQ(entries(), 3);
}

TEST_F(AtomicFileTest, RefusesWhatIsNotOurs) {
  put("plain", "x");
  ASSERT_FALSE(sys::fs::create_directory(file("home")));
  put("home/thesis.txt", "x");
  for (StringRef target : {"plain", "home"}) {
    auto out = AtomicDirectory::create(file(target));
    ASSERT_FALSE(bool(out));
    EXPECT_NE(toString(out.takeError()).find("left alone"), std::string::npos);
  }
  EXPECT_FALSE(
      bool(AtomicDirectory::create("")) ||
      !errorToBool(AtomicDirectory::create(file("no/out")).takeError()));
  EXPECT_EQ(get("home/thesis.txt"), "x");
  EXPECT_EQ(entries(), 2);
}

TEST_F(AtomicFileTest, InterruptionLeavesTheOldArtifact) {
  makeArtifact("out", "old");
  for (int signal : {SIGINT, SIGTERM}) {
    pid_t child = fork();
    if (child == 0) {
      ::signal(signal, SIG_DFL); // a job in the background ignores SIGINT
      installInterruptCleanup();
      auto out = AtomicDirectory::create(file("out"));
      auto other = AtomicFile::create(file("f"));
      if (!out || !other)
        _exit(3);
      std::string inner = ((*out)->path() + "/a").str();
      if (sys::fs::create_directory(inner) ||
          errorToBool(writeFileAtomically(inner + "/b", "x")))
        _exit(3);
      raise(signal);
      _exit(4);
    }
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
    EXPECT_EQ(WTERMSIG(status), signal);
    EXPECT_EQ(get("out/model.so"), "old");
    EXPECT_EQ(entries(), 1);
  }
}

TEST_F(AtomicFileTest, ACutMappingIsASentence) {
  put("f", std::string(100000, 'x'));
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    installInterruptCleanup();
    auto mapped = MappedFile::open(file("f"));
    if (!mapped || errorToBool((*mapped)->map()) ||
        truncate(file("f").c_str(), 1))
      _exit(3);
    volatile char byte = (*mapped)->data()[50000];
    _exit(byte ? 4 : 5);
  }
  close(ends[1]);
  int status = 0;
  waitpid(child, &status, 0);
  char text[512] = {};
  ASSERT_GT(read(ends[0], text, sizeof text - 1), 0);
  close(ends[0]);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_NE(StringRef(text).find("was cut short"), StringRef::npos);
}
