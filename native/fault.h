// A failure on its way to JavaScript: a name of src/wire/errors.json, a sentence, and the system call behind it.
#pragma once
#include <string>

struct Fault {
  std::string name;
  std::string message;
  std::string syscall;
  int error = 0;

  /// A system call failed: reads errno at once.
  static Fault of_call(const char* syscall, const std::string& doing, const char* name = "SYSTEM");
};
