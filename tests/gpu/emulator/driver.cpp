/* A CUDA device made of the CPU, for tests without a GPU: the driver, as far as libgpuarray 0.7.6 loads it.
 *
 *     g++ -std=c++17 -shared -fPIC -O2 -DKERNEL_H='"/path/to/kernel.h"' -o libcuda.so *.cpp -ldl
 *
 * The library is cuBLAS (blas.cpp) and NVRTC (compiler.cpp) too. What runs on it goes through libgpuarray's and
 * Theano's CUDA code and computes what its kernels say. Its compute capability is EMULATED_CC (90 is 9.0; unset: no
 * device is current).
 *
 * In this it is stricter than a GPU:
 * - device memory, and shared memory before each block, is filled with bytes 0xFF: not-a-numbers, as integers -1;
 * - an allocation has pages of its own, and those before and after cannot be touched; writing to what it leaves of its
 *   own fails the launch; freed memory cannot be touched, and its addresses are not used again;
 * - writing to shared memory behind what the launch asked for fails the launch;
 * - between two barriers the threads of a block run one after the other, first to last or last to first by chance (the
 *   same in every process), so that a missing barrier shows; one that only some threads reach fails the launch.
 *
 * It does not show how a GPU schedules threads or how fast it is, what NVIDIA's compiler makes of a kernel, the use of
 * pointers that are the host's or not aligned, threads that wait at different barriers, or a host that does not wait. */
#include "driver.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "machine.h"

typedef uintptr_t Pointer; /* CUdeviceptr */

enum { /* CUresult */
  OK = 0,
  INVALID_VALUE = 1,
  OUT_OF_MEMORY = 2,
  INVALID_IMAGE = 200,
  NO_CONTEXT = 201,
  NOT_FOUND = 500,
  LAUNCH_FAILED = 719,
};
enum { POISON = 0xFF, ALIGNED = 256, STACK = 64 * 1024 };

static int capability() {
  const char *text = getenv("EMULATED_CC");
  return text == NULL ? 0 : atoi(text);
}

static std::string last_error;

static int failed(int error, const std::string &why) {
  last_error = why;
  return error;
}

/* Launches of kernels and copies between host and device so far, for a test to look at. */
extern "C" { long emulated_launches, emulated_to_device, emulated_to_host; }

/* Memory */

static const size_t PAGE = sysconf(_SC_PAGESIZE);

/* The allocation has `size` bytes, `used` when rounded up to where the next might begin, at the end of its pages;
   `all` is where these and the two that cannot be touched begin, `pages` their bytes. */
struct Allocation {
  char *all;
  size_t size, used, pages;
};

static std::map<Pointer, Allocation> allocations;

static char *reserve(void *where, size_t size) {
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (where ? MAP_FIXED : 0);
  void *start = mmap(where, size, PROT_NONE, flags, -1, 0);
  return start == MAP_FAILED ? NULL : static_cast<char *>(start);
}

/* Whole pages between two that cannot be touched, or NULL. */
static char *between_guards(size_t pages) {
  char *all = reserve(NULL, PAGE + pages + PAGE);
  return all && mprotect(all + PAGE, pages, PROT_READ | PROT_WRITE) == 0 ? all + PAGE : NULL;
}

static size_t rounded(size_t size, size_t unit) { return (size + unit - 1) / unit * unit; }

static int allocate(Pointer *p, size_t size) {
  const size_t used = rounded(size, ALIGNED), pages = rounded(used, PAGE);
  char *usable = between_guards(pages);
  if (usable == NULL) return failed(OUT_OF_MEMORY, "no memory is left");
  memset(usable, POISON, pages);
  *p = Pointer(usable) + pages - used;
  allocations[*p] = {usable - PAGE, size, used, PAGE + pages + PAGE};
  return OK;
}

static int release(Pointer p) {
  const auto found = allocations.find(p);
  if (found == allocations.end()) return failed(INVALID_VALUE, "memory is freed that is not allocated");
  reserve(found->second.all, found->second.pages);
  allocations.erase(found);
  return OK;
}

static bool is_poison(const char *begin, const char *end) {
  return std::all_of(begin, end, [](char byte) { return byte == char(POISON); });
}

/* Whether nobody has written to what allocations leave of their pages. */
static bool rest_is_untouched() {
  return std::all_of(allocations.begin(), allocations.end(), [](const auto &entry) {
    const char *p = reinterpret_cast<const char *>(entry.first);
    const Allocation &it = entry.second;
    return is_poison(it.all + PAGE, p) && is_poison(p + it.size, p + it.used);
  });
}

static int copy(Pointer to, Pointer from, size_t n) {
  memmove(reinterpret_cast<void *>(to), reinterpret_cast<void *>(from), n);
  return OK;
}

/* Kernels */

struct Module {
  void *library;
  Position **position;
  SharedMemory *shared;
};

struct Kernel {
  Module *module;
  void (*thread)(void **arguments);
};

struct Thread {
  ucontext_t context;
  char *stack = between_guards(STACK);
  bool done;
};

/* One launch at a time: its threads, which of them runs, and what it runs. */
static ucontext_t driver;
static std::vector<Thread> threads(MAX_THREADS);
static Thread *running;
static const Kernel *kernel;
static void **kernel_arguments;

static void barrier() { swapcontext(&running->context, &driver); }

static void run_thread() {
  kernel->thread(kernel_arguments);
  running->done = true;
  swapcontext(&running->context, &driver);
}

static std::minstd_rand chance;

static int run_block(Position &position, unsigned dynamic) {
  const SharedMemory &shared = *kernel->module->shared;
  memset(shared.start, POISON, shared.end - shared.start);
  const Dim &size = position.threads;
  const unsigned count = size.x * size.y * size.z;
  for (unsigned i = 0; i < count; i++) {
    Thread &thread = threads[i];
    thread.done = false;
    getcontext(&thread.context);
    thread.context.uc_stack.ss_sp = thread.stack;
    thread.context.uc_stack.ss_size = STACK;
    makecontext(&thread.context, run_thread, 0);
  }
  for (unsigned ended = 0; ended < count;) {
    if (ended > 0) return failed(LAUNCH_FAILED, "only some threads of a block reach a barrier");
    const bool backwards = chance() % 2;
    for (unsigned i = 0; i < count; i++) {
      const unsigned n = backwards ? count - 1 - i : i;
      running = &threads[n];
      position.thread = {n % size.x, n / size.x % size.y, n / size.x / size.y};
      swapcontext(&driver, &running->context);
      ended += running->done;
    }
  }
  if (!is_poison(shared.dynamic + dynamic, shared.dynamic + MAX_SHARED))
    return failed(LAUNCH_FAILED, "a kernel writes behind its shared memory");
  return OK;
}

static int load(Module **out, const char *data) {
  Image image;
  memcpy(&image, data, sizeof image);
  if (memcmp(image.mark, MARK, sizeof MARK) != 0) return failed(INVALID_IMAGE, "this compiler has not made the kernel");
  /* a new name each time: the linker takes a path that it knows for the library that it knows */
  std::string path = temporary("emulated-kernel");
  const int file = mkstemp(path.data());
  if (file < 0) return failed(OUT_OF_MEMORY, "no temporary file");
  const bool written = write(file, data + sizeof image, image.size) == ssize_t(image.size);
  close(file);
  void *library = written ? dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL) : NULL;
  unlink(path.c_str());
  if (library == NULL) return failed(INVALID_IMAGE, written ? dlerror() : "a temporary file cannot be written");
  *out = new Module{library, static_cast<Position **>(dlsym(library, "emulated_position")),
                    static_cast<SharedMemory *>(dlsym(library, "emulated_memory"))};
  return OK;
}

extern "C" {

int cuModuleLoadData(Module **module, const void *image) { return load(module, static_cast<const char *>(image)); }
int cuModuleLoadDataEx(Module **module, const void *image, unsigned, void *, void *) {
  return cuModuleLoadData(module, image);
}

int cuModuleUnload(Module *module) {
  dlclose(module->library);
  delete module; /* of its kernels libgpuarray makes no use any more */
  return OK;
}

int cuModuleGetFunction(Kernel **out, Module *module, const char *name) {
  void *thread = dlsym(module->library, (std::string("emulated_") + name).c_str());
  if (thread == NULL) return failed(NOT_FOUND, std::string("no kernel ") + name);
  *out = new Kernel{module, reinterpret_cast<void (*)(void **)>(thread)};
  return OK;
}

int cuFuncGetAttribute(int *value, int, Kernel *) { *value = MAX_THREADS; return OK; }

int cuLaunchKernel(Kernel *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                   unsigned shared, void *, void **arguments, void **) {
  const size_t blocks = size_t(gx) * gy * gz, block_size = size_t(bx) * by * bz;
  const SharedMemory &memory = *function->module->shared;
  const size_t declared = memory.end - memory.start - MAX_SHARED;
  if (blocks == 0 || block_size == 0 || block_size > MAX_THREADS || gy > MAX_BLOCKS || gz > MAX_BLOCKS || bz > MAX_Z)
    return failed(INVALID_VALUE, "a launch of no or too many threads");
  if (declared + shared > MAX_SHARED) return failed(INVALID_VALUE, "a launch with too much shared memory");
  emulated_launches++;
  kernel = function, kernel_arguments = arguments;
  Position position = {{0, 0, 0}, {0, 0, 0}, {bx, by, bz}, {gx, gy, gz}, barrier};
  *function->module->position = &position;
  Dim &block = position.block;
  for (block.z = 0; block.z < gz; block.z++)
    for (block.y = 0; block.y < gy; block.y++)
      for (block.x = 0; block.x < gx; block.x++)
        if (const int error = run_block(position, shared)) return error;
  if (!rest_is_untouched()) return failed(LAUNCH_FAILED, "a kernel writes outside an array");
  return OK;
}

/* The linker of PTX: an image is a cubin already. */

int cuLinkCreate(unsigned, void *, void *, std::string **state) { *state = new std::string; return OK; }
int cuLinkAddData(std::string *state, int, const char *data, size_t size, const char *, unsigned, void *, void *) {
  state->assign(data, size);
  return OK;
}
int cuLinkComplete(std::string *state, void **cubin, size_t *size) {
  *cubin = state->data(), *size = state->size();
  return OK;
}
int cuLinkDestroy(std::string *state) { delete state; return OK; }

/* Memory */

int cuMemAlloc_v2(Pointer *p, size_t size) { return allocate(p, size); }
int cuMemFree_v2(Pointer p) { return release(p); }
int cuMemAllocHost_v2(void **p, size_t size) {
  *p = malloc(size);
  return *p == NULL ? failed(OUT_OF_MEMORY, "no memory is left on the host") : OK;
}
int cuMemFreeHost(void *p) { free(p); return OK; }
int cuMemGetInfo_v2(size_t *left, size_t *total) { *left = *total = size_t(1) << 33; return OK; }
int cuMemcpyHtoDAsync_v2(Pointer to, const void *from, size_t n, void *) {
  emulated_to_device++;
  return copy(to, Pointer(from), n);
}
int cuMemcpyHtoD_v2(Pointer to, const void *from, size_t n) { return cuMemcpyHtoDAsync_v2(to, from, n, NULL); }
int cuMemcpyDtoHAsync_v2(void *to, Pointer from, size_t n, void *) {
  emulated_to_host++;
  return copy(Pointer(to), from, n);
}
int cuMemcpyDtoDAsync_v2(Pointer to, Pointer from, size_t n, void *) { return copy(to, from, n); }
int cuMemcpyPeerAsync(Pointer to, void *, Pointer from, void *, size_t n, void *) { return copy(to, from, n); }
int cuMemsetD8Async(Pointer p, unsigned char byte, size_t n, void *) {
  memset(reinterpret_cast<void *>(p), byte, n);
  return OK;
}

/* The device */

static int number(int *out, int value) { *out = value; return OK; }
static int handle(void **out) { static int anything; *out = &anything; return OK; }

int cuInit(unsigned) { return OK; }
int cuDriverGetVersion(int *version) { return number(version, 13000); }
int cuDeviceGet(int *device, int) { return number(device, 0); }
int cuDeviceGetCount(int *count) { return number(count, 1); }
int cuCtxGetDevice(int *device) {
  return capability() > 0 ? number(device, 0) : failed(NO_CONTEXT, "EMULATED_CC is not set");
}
int cuDeviceGetName(char *name, int size, int) { snprintf(name, size, "emulated GPU"); return OK; }
int cuDeviceGetPCIBusId(char *id, int size, int) { snprintf(id, size, "0000:00:00.0"); return OK; }
int cuDevicePrimaryCtxGetState(int, unsigned *flags, int *active) { *flags = 0; return number(active, 0); }

int cuDeviceGetAttribute(int *value, int attribute, int) {
  switch (attribute) { /* CUdevice_attribute */
    case 1: case 2: case 3: return number(value, MAX_THREADS); /* of a block; in x, y */
    case 4: return number(value, MAX_Z);
    case 5: case 6: case 7: return number(value, MAX_BLOCKS); /* of a grid in x, y, z */
    case 8: return number(value, MAX_SHARED);
    case 10: return number(value, WARP_SIZE);
    case 16: return number(value, 1); /* multiprocessors */
    case 41: return number(value, 1); /* unified addressing */
    case 75: return number(value, capability() / 10);
    case 76: return number(value, capability() % 10);
    default: return number(value, 0);
  }
}

int cuGetErrorName(int, const char **name) { *name = "emulated GPU"; return OK; }
int cuGetErrorString(int, const char **text) { *text = last_error.c_str(); return OK; }

/* Everything is done when its call returns. */
int cuDevicePrimaryCtxRetain(void **context, int) { return handle(context); }
int cuDevicePrimaryCtxRelease(int) { return OK; }
int cuDevicePrimaryCtxSetFlags(int, unsigned) { return OK; }
int cuCtxPushCurrent_v2(void *) { return OK; }
int cuCtxPopCurrent_v2(void **context) { return context ? handle(context) : OK; }
int cuStreamCreate(void **stream, unsigned) { return handle(stream); }
int cuStreamDestroy_v2(void *) { return OK; }
int cuStreamSynchronize(void *) { return OK; }
int cuStreamWaitEvent(void *, void *, unsigned) { return OK; }
int cuEventCreate(void **event, unsigned) { return handle(event); }
int cuEventDestroy_v2(void *) { return OK; }
int cuEventRecord(void *, void *) { return OK; }
int cuEventSynchronize(void *) { return OK; }

static int not_shared() { return failed(INVALID_VALUE, "processes share no memory"); }
int cuIpcGetMemHandle(void *, Pointer) { return not_shared(); }
int cuIpcOpenMemHandle(Pointer *, void *, unsigned) { return not_shared(); }
int cuIpcCloseMemHandle(Pointer) { return not_shared(); }
}
