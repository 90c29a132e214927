/* What every call of the driver begins with: one call at a time, a context in this thread, no error from before. */
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
  INVALID_HANDLE = 400,
  NOT_FOUND = 500,
  CONTEXT_IS_DESTROYED = 709,
  LAUNCH_FAILED = 719,
};

/* What a call needs: nothing; cuInit; a context that is current in its thread; that, and all work to be done first. */
enum Need { NOTHING, DRIVER, CONTEXT, WORK_DONE };

extern std::recursive_mutex one_call;

/* The error that a call with this need ends with, or OK. */
int entry(Need need);

/* Keep why for cuGetErrorString, and return the error. */
int failed(int error, const std::string &why);

/* A kernel has gone wrong: nothing says so but the next call that waits for it, and then every call. */
void fail_later(int error, const std::string &why);

/* Whether what is launched or copied now would come after a kernel that has gone wrong, and so never happens. */
bool is_dead();

/* Make the copies to the host that are still to be made; driver.cpp. */
void finish_copies();

/* Count a launch, after which the device may be lost. */
void count_launch();

/* The compute capability, 90 for 9.0; 0: not set. */
int capability();

#define ENTER(need)                                             \
  const std::lock_guard<std::recursive_mutex> alone(one_call);  \
  if (const int error = entry(need)) return error
