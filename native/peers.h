// The handshake as JavaScript sees it: connect, adopt, Listener. Each handshake runs on a thread of its own.
#pragma once
#include <napi.h>

void define_peers(Napi::Env env, Napi::Object exports);
