#define NAPI_VERSION 8
#include <node_api.h>

static napi_value popcount(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value argument;
  napi_typedarray_type type;
  size_t length = 0;
  void *data = NULL;
  if (napi_get_cb_info(env, info, &argc, &argument, NULL, NULL) != napi_ok) return NULL;
  if (argc < 1 || napi_get_typedarray_info(env, argument, &type, &length, &data, NULL, NULL) != napi_ok ||
      type != napi_uint8_array) {
    napi_throw_type_error(env, NULL, "popcount takes a Uint8Array");
    return NULL;
  }
  double bits = 0;
  for (size_t at = 0; at < length; at++) bits += __builtin_popcount(((const unsigned char *)data)[at]);
  napi_value result;
  return napi_create_double(env, bits, &result) == napi_ok ? result : NULL;
}

NAPI_MODULE_INIT() {
  napi_value function;
  if (napi_create_function(env, "popcount", NAPI_AUTO_LENGTH, popcount, NULL, &function) != napi_ok) return NULL;
  if (napi_set_named_property(env, exports, "popcount", function) != napi_ok) return NULL;
  return exports;
}
