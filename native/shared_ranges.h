// Ranges of this process's own regions that its threads open by a number: each thread has a JavaScript environment of its own, and no
// object goes from one to another.
#pragma once
#include <napi.h>

/// Adds `shareRange`, `openShared`, `sharedWindows` and `endSharing` to the addon. What an environment shares ends with it at the latest;
/// windows of others keep the memory until they end.
void define_shared_ranges(Napi::Env env, Napi::Object exports);
