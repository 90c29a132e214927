#pragma once
/* What every call of the driver begins with: one call at a time, a context in this thread, no error from before. */
#include <map>
#include <memory>
#include <mutex>
#include <string>

enum { /* CUresult */
  OK = 0,
  INVALID_VALUE = 1,
  OUT_OF_MEMORY = 2,
  NOT_INITIALIZED = 3,
  NO_DEVICE = 100,
  INVALID_DEVICE = 101,
  INVALID_IMAGE = 200,
  INVALID_CONTEXT = 201,
  INVALID_PTX = 218,
  INVALID_HANDLE = 400,
  NOT_FOUND = 500,
  ILLEGAL_ADDRESS = 700,
  CONTEXT_IS_DESTROYED = 709,
  MISALIGNED_ADDRESS = 716,
  LAUNCH_FAILED = 719,
};

/* What a call needs: nothing; cuInit; a context that is current in its thread; that, and all work to be done first. */
enum Need { NOTHING, DRIVER, CONTEXT, WORK_DONE };

extern std::recursive_mutex one_call;

/* The error that a call with this need ends with, or OK. */
int entry(Need need);

/* Keep why for cuGetErrorString, and return the error. */
int failed(int error, const std::string &why);

/* Work has gone wrong: nothing says so but the next call that waits for it, and then every call. */
void fail_later(int error, const std::string &why);

/* The host has waited for work: what has gone wrong in it, or OK. */
int outcome();

/* Whether work that is to be done now comes after some that has gone wrong, and so is never done. */
bool is_dead();

/* Count a launch, after which the device may be lost. */
void count_launch();
bool is_idle(); /* EMULATED_IDLE: launches and products are counted only */

/* The compute capability, 90 for 9.0; 0: not set. */
int capability();

#define ENTER(need)                                             \
  const std::lock_guard<std::recursive_mutex> alone(one_call);  \
  if (const int error = entry(need)) return error

/* Objects that the driver has handed out: a handle is the object's address, as long as nobody has destroyed it. */
template <class T> struct Handles {
  std::map<void *, std::shared_ptr<T>> all;
  template <class Handle> int add(Handle **out, std::shared_ptr<T> it) {
    all[it.get()] = it;
    *out = it.get();
    return OK;
  }
  std::shared_ptr<T> find(void *handle) const {
    const auto found = all.find(handle);
    return found == all.end() ? nullptr : found->second;
  }
};

/* The object of a handle, under a name; else the call ends. */
#define FIND(name, handles, handle)        \
  const auto name = (handles).find(handle); \
  if (name == nullptr) return failed(INVALID_HANDLE, "no such handle: " #handle)
