/* Contexts, a stack of them in each thread, and errors that come late; as the CUDA driver's documentation has them. */
#include "context.h"

#include <stdio.h>
#include <stdlib.h>

#include <algorithm>
#include <vector>

#include "device.h"

/* The device has one context, its primary one; what is released by all who have retained it is destroyed. */
struct Context {
  int retained;
  bool destroyed;
};

std::recursive_mutex one_call;
static bool initialized;
static Context *primary;
static std::vector<Context *> contexts; /* all that have been handed out */
static unsigned primary_flags;
static thread_local std::vector<Context *> stack;

struct Error {
  int code;
  std::string why;
};

static Error last;          /* for cuGetErrorString */
static Error broken, known; /* what has gone wrong with the device, and what calls have been told of it; for good */
extern "C" { long emulated_launches; }

int failed(int error, const std::string &why) {
  last = {error, why};
  return error;
}

void fail_later(int error, const std::string &why) {
  if (!is_dead()) broken = {error, why};
}

bool is_dead() { return broken.code != OK; }

int capability() {
  const char *text = getenv("EMULATED_CC");
  return text == NULL ? 0 : atoi(text);
}

/* Lose the device as EMULATED_LOSS asks, which is LAUNCHES:ERROR. */
static void lose() {
  long after;
  int error;
  const char *text = getenv("EMULATED_LOSS");
  if (text == NULL || sscanf(text, "%ld:%d", &after, &error) != 2 || emulated_launches < after) return;
  fail_later(error, "the GPU is lost");
  known = broken;
}

void count_launch() { emulated_launches++; }

bool is_idle() { return getenv("EMULATED_IDLE") != NULL; }

int entry(Need need) {
  if (need == NOTHING) return OK;
  if (!initialized) return failed(NOT_INITIALIZED, "cuInit has not been called");
  if (need == DRIVER) return OK;
  if (stack.empty()) return failed(INVALID_CONTEXT, "no context is current in this thread");
  if (stack.back()->destroyed) return failed(CONTEXT_IS_DESTROYED, "the current context has been destroyed");
  lose();
  if (need == WORK_DONE) {
    finish_all();
    return outcome();
  }
  go_on();
  return known.code == OK ? OK : failed(known.code, known.why);
}

int outcome() {
  known = broken;
  return known.code == OK ? OK : failed(known.code, known.why);
}

static int only(int device) { return device == 0 ? OK : failed(INVALID_DEVICE, "the only device is 0"); }

extern "C" {

int cuInit(unsigned) {
  ENTER(NOTHING);
  lose();
  if (known.code != OK) return failed(known.code, known.why);
  initialized = true;
  return OK;
}

int cuGetErrorName(int error, const char **name) {
  static const std::map<int, const char *> names = {
      {OK, "CUDA_SUCCESS"},
      {INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE"},
      {OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY"},
      {NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED"},
      {NO_DEVICE, "CUDA_ERROR_NO_DEVICE"},
      {INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE"},
      {INVALID_IMAGE, "CUDA_ERROR_INVALID_IMAGE"},
      {INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT"},
      {214, "CUDA_ERROR_ECC_UNCORRECTABLE"},
      {INVALID_PTX, "CUDA_ERROR_INVALID_PTX"},
      {INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE"},
      {NOT_FOUND, "CUDA_ERROR_NOT_FOUND"},
      {ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS"},
      {CONTEXT_IS_DESTROYED, "CUDA_ERROR_CONTEXT_IS_DESTROYED"},
      {MISALIGNED_ADDRESS, "CUDA_ERROR_MISALIGNED_ADDRESS"},
      {LAUNCH_FAILED, "CUDA_ERROR_LAUNCH_FAILED"},
      {999, "CUDA_ERROR_UNKNOWN"},
  };
  const auto found = names.find(error);
  *name = found == names.end() ? NULL : found->second;
  return *name ? OK : INVALID_VALUE;
}

/* More than CUDA says: why the last call that failed with this error did. */
int cuGetErrorString(int error, const char **text) {
  ENTER(NOTHING);
  if (last.code != error) return cuGetErrorName(error, text);
  *text = last.why.c_str();
  return OK;
}

/* The device */

static int number(int *out, int value) { *out = value; return OK; }

int cuDriverGetVersion(int *version) { return number(version, 13000); }
int cuDeviceGetCount(int *count) { ENTER(DRIVER); return number(count, 1); }
int cuDeviceGet(int *device, int ordinal) { ENTER(DRIVER); *device = 0; return only(ordinal); }
int cuDeviceGetName(char *name, int size, int device) {
  ENTER(DRIVER);
  snprintf(name, size, "emulated GPU");
  return only(device);
}
int cuDeviceGetPCIBusId(char *id, int size, int device) {
  ENTER(DRIVER);
  snprintf(id, size, "0000:00:00.0");
  return only(device);
}
int cuDeviceGetByPCIBusId(int *device, const char *id) {
  ENTER(DRIVER);
  *device = 0;
  return std::string(id) == "0000:00:00.0" ? OK : failed(INVALID_VALUE, "no device is on this bus");
}

/* The primary context */

int cuDevicePrimaryCtxRetain(Context **context, int device) {
  ENTER(DRIVER);
  if (const int error = only(device)) return error;
  if (primary == NULL) contexts.push_back(primary = new Context{0, false});
  primary->retained++;
  *context = primary;
  return OK;
}
int cuDevicePrimaryCtxRelease_v2(int device) {
  ENTER(DRIVER);
  if (const int error = only(device)) return error;
  if (primary == NULL) return failed(INVALID_CONTEXT, "the primary context is released and nobody has retained it");
  if (--primary->retained == 0) {
    finish_all();
    forget_streams();
    forget_memory();
    primary->destroyed = true; /* threads may have it on their stacks still */
    primary = NULL;
  }
  return OK;
}
int cuDevicePrimaryCtxRelease(int device) { return cuDevicePrimaryCtxRelease_v2(device); }
int cuDevicePrimaryCtxSetFlags_v2(int device, unsigned flags) {
  ENTER(DRIVER);
  primary_flags = flags;
  return only(device);
}
int cuDevicePrimaryCtxSetFlags(int device, unsigned flags) { return cuDevicePrimaryCtxSetFlags_v2(device, flags); }
int cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *active) {
  ENTER(DRIVER);
  *flags = primary_flags, *active = primary != NULL;
  return only(device);
}

/* The stack of this thread */

#define FIND_CONTEXT(context)                                                 \
  if (std::find(contexts.begin(), contexts.end(), context) == contexts.end()) \
  return failed(INVALID_CONTEXT, "no such context")

int cuCtxPushCurrent_v2(Context *context) {
  ENTER(DRIVER);
  FIND_CONTEXT(context);
  stack.push_back(context);
  return OK;
}
int cuCtxPopCurrent_v2(Context **context) {
  ENTER(DRIVER);
  if (stack.empty()) return failed(INVALID_CONTEXT, "no context is current in this thread");
  if (context) *context = stack.back();
  stack.pop_back();
  return OK;
}
int cuCtxGetCurrent(Context **context) {
  ENTER(DRIVER);
  *context = stack.empty() ? NULL : stack.back();
  return OK;
}
int cuCtxSetCurrent(Context *context) {
  ENTER(DRIVER);
  if (context) FIND_CONTEXT(context);
  if (!stack.empty()) stack.pop_back();
  if (context) stack.push_back(context);
  return OK;
}
int cuCtxGetDevice(int *device) { ENTER(CONTEXT); return number(device, 0); }
int cuCtxSynchronize() { ENTER(WORK_DONE); return OK; }
}
