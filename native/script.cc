#include "script.h"

#include <cmath>
#include <string>

Napi::Error to_error(Napi::Env env, const Fault& fault) {
  Napi::Error error = Napi::Error::New(env, fault.message);
  error.Set("arrowlabName", Napi::String::New(env, fault.name));
  if (!fault.syscall.empty()) {
    error.Set("syscall", Napi::String::New(env, fault.syscall));
    error.Set("errno", Napi::Number::New(env, fault.error));
  }
  return error;
}

uint64_t whole_number(const Napi::Value& value, const char* what) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
  if (!(number >= 0 && number <= 9007199254740991.0 && number == std::floor(number)))
    throw Fault{"INVALID_ARGUMENT", std::string("expected ") + what + " to be a whole number, found something else", "", 0};
  return static_cast<uint64_t>(number);
}

Range range_in(const Napi::Value& offset, const Napi::Value& bytes, uint64_t limit) {
  const Range range{whole_number(offset, "offset"), whole_number(bytes, "byteLength")};
  if (range.offset > limit || range.bytes > limit - range.offset)
    throw Fault{"INVALID_ARGUMENT",
                "expected a range inside the region of " + std::to_string(limit) + " bytes, found offset " + std::to_string(range.offset) +
                    ", length " + std::to_string(range.bytes),
                "", 0};
  return range;
}

View view_of(const Napi::Value& value) {
  if (value.IsDataView()) {
    const auto view = value.As<Napi::DataView>();
    return {static_cast<uint8_t*>(view.Data()), view.ByteLength()};
  }
  if (!value.IsTypedArray()) throw Fault{"INVALID_ARGUMENT", "expected a typed array, found something else", "", 0};
  size_t length;
  napi_typedarray_type type;
  void* data;
  if (napi_get_typedarray_info(value.Env(), value, &type, &length, &data, nullptr, nullptr) != napi_ok)
    throw Fault{"INVALID_ARGUMENT", "expected a readable typed array, found a broken one", "", 0};
  return {static_cast<uint8_t*>(data), length * value.As<Napi::TypedArray>().ElementSize()};
}

Napi::ArrayBuffer window_over(Napi::Env env, uint8_t* data, size_t bytes, std::shared_ptr<const void> owner) {
  if (bytes == 0) return Napi::ArrayBuffer::New(env, 0);
  auto* hint = new std::shared_ptr<const void>(std::move(owner));
  try {
    return Napi::ArrayBuffer::New(env, data, bytes, [](Napi::Env, void*, std::shared_ptr<const void>* held) { delete held; }, hint);
  } catch (...) {
    delete hint;
    throw;
  }
}
