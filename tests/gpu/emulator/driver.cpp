/* A CUDA device made of the CPU, for tests without a GPU: the driver, as far as libgpuarray 0.7.6 loads it.
 *
 *     g++ -std=c++17 -shared -fPIC -O2 -DKERNEL_H='"/path/to/kernel.h"' -o libcuda.so *.cpp -ldl
 *
 * The library is cuBLAS (blas.cpp) and NVRTC (compiler.cpp) too. What runs on it goes through libgpuarray's and
 * Theano's CUDA code and computes what its kernels say. Its compute capability is EMULATED_CC, 90 for 9.0.
 *
 * Calls need what CUDA's documentation says that they need, a context that is current in their thread above all, and
 * what goes wrong in a kernel is said by a later call that waits for it, and from then on by every call (context.cpp).
 * EMULATED_LOSS=1000:999 loses the device: after a thousand launches every call ends with error 999; 0:100 is a driver
 * that sees no device.
 *
 * In this it is stricter than a GPU:
 * - device memory, and shared memory before each block, is filled with bytes 0xFF: not-a-numbers, as integers -1;
 * - an allocation has pages of its own, and those before and after cannot be touched; writing to what it leaves of its
 *   own fails the launch; freed memory cannot be touched, and its addresses are not used again;
 * - writing to shared memory behind what the launch asked for fails the launch;
 * - between two barriers the threads of a block run one after the other, first to last or last to first by chance (the
 *   same in every process), so that a missing barrier shows; one that only some threads reach fails the launch;
 * - of a failed launch the first call that waits tells, not one in between.
 *
 * EMULATED_SEED=7 shuffles the blocks of each launch, which a GPU runs in any order; without it the first comes first.
 *
 * With EMULATED_LATE=1 the host's memory counts as pinned: a copy to the host is made when a later call waits for it.
 *
 * It does not show how a GPU schedules threads or how fast it is, what NVIDIA's compiler makes of a kernel, the use of
 * pointers that are the host's or not aligned, threads that wait at different barriers, or a host that does not wait
 * for a kernel: it is done when its call returns. */
#include "driver.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <random>
#include <vector>

#include "context.h"
#include "machine.h"

typedef uintptr_t Pointer; /* CUdeviceptr */

enum { POISON = 0xFF, ALIGNED = 256, STACK = 64 * 1024 };

/* Copies between host and device so far, and how often the host has waited for these, launches or products, for a test
   to look at; emulated_launches counts launches. */
extern "C" { long emulated_to_device, emulated_to_host, emulated_waits; }
extern "C" long emulated_launches, emulated_products;

static void count_wait() {
  static long seen;
  const long work = emulated_launches + emulated_products + emulated_to_device + emulated_to_host;
  emulated_waits += work != seen;
  seen = work;
}

/* Memory */

static const size_t PAGE = sysconf(_SC_PAGESIZE);

/* The allocation has `size` bytes, `used` when rounded up to where the next might begin, at the end of its pages;
   `all` is where these and the two that cannot be touched begin, `pages` their bytes. */
struct Allocation {
  char *all;
  size_t size, used, pages;
};

static std::map<Pointer, Allocation> allocations;
static size_t in_use; /* bytes */

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
  in_use += used;
  return OK;
}

static int release(Pointer p) {
  const auto found = allocations.find(p);
  if (found == allocations.end()) return failed(INVALID_VALUE, "memory is freed that is not allocated");
  reserve(found->second.all, found->second.pages);
  in_use -= found->second.used;
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
  if (is_dead()) return OK;
  memmove(reinterpret_cast<void *>(to), reinterpret_cast<void *>(from), n);
  return OK;
}

/* Copies to the host that wait, with EMULATED_LATE. */
struct Copy {
  void *to;
  Pointer from;
  size_t n;
};
static std::vector<Copy> late;

void finish_copies() {
  for (const Copy &it : late) copy(Pointer(it.to), it.from, it.n);
  late.clear();
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
  char *stack; /* made for the first block that has so many threads */
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

static bool wrong(const char *why) {
  fail_later(LAUNCH_FAILED, why);
  return false;
}

/* The numbers of a launch's blocks in the order in which they run. A new EMULATED_SEED begins a new series of orders. */
static std::vector<size_t> order_of(size_t blocks) {
  static std::string seed;
  static std::mt19937_64 series;
  std::vector<size_t> order(blocks);
  std::iota(order.begin(), order.end(), 0);
  const char *text = getenv("EMULATED_SEED");
  if (text == NULL || *text == 0) return order;
  if (seed != text) series.seed(strtoul((seed = text).c_str(), NULL, 10));
  std::shuffle(order.begin(), order.end(), series);
  return order;
}

static bool run_block(Position &position, unsigned dynamic) {
  const SharedMemory &shared = *kernel->module->shared;
  memset(shared.start, POISON, shared.end - shared.start);
  const Dim &size = position.threads;
  const unsigned count = size.x * size.y * size.z;
  for (unsigned i = 0; i < count; i++) {
    Thread &thread = threads[i];
    if (thread.stack == NULL) thread.stack = between_guards(STACK);
    thread.done = false;
    getcontext(&thread.context);
    thread.context.uc_stack.ss_sp = thread.stack;
    thread.context.uc_stack.ss_size = STACK;
    makecontext(&thread.context, run_thread, 0);
  }
  for (unsigned ended = 0; ended < count;) {
    if (ended > 0) return wrong("only some threads of a block reach a barrier");
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
    return wrong("a kernel writes behind its shared memory");
  return true;
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

int cuModuleLoadData(Module **module, const void *image) {
  ENTER(CONTEXT);
  return load(module, static_cast<const char *>(image));
}
int cuModuleLoadDataEx(Module **module, const void *image, unsigned, void *, void *) {
  return cuModuleLoadData(module, image);
}

int cuModuleUnload(Module *module) {
  ENTER(WORK_DONE);
  dlclose(module->library);
  delete module; /* of its kernels libgpuarray makes no use any more */
  return OK;
}

int cuModuleGetFunction(Kernel **out, Module *module, const char *name) {
  ENTER(CONTEXT);
  void *thread = dlsym(module->library, (std::string("emulated_") + name).c_str());
  if (thread == NULL) return failed(NOT_FOUND, std::string("no kernel ") + name);
  *out = new Kernel{module, reinterpret_cast<void (*)(void **)>(thread)};
  return OK;
}

int cuFuncGetAttribute(int *value, int, Kernel *) { ENTER(CONTEXT); *value = MAX_THREADS; return OK; }

int cuLaunchKernel(Kernel *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                   unsigned shared, void *, void **arguments, void **) {
  ENTER(CONTEXT);
  const size_t blocks = size_t(gx) * gy * gz, block_size = size_t(bx) * by * bz;
  const SharedMemory &memory = *function->module->shared;
  const size_t declared = memory.end - memory.start - MAX_SHARED;
  if (blocks == 0 || block_size == 0 || block_size > MAX_THREADS || gy > MAX_BLOCKS || gz > MAX_BLOCKS || bz > MAX_Z)
    return failed(INVALID_VALUE, "a launch of no or too many threads");
  if (declared + shared > MAX_SHARED) return failed(INVALID_VALUE, "a launch with too much shared memory");
  count_launch();
  if (is_dead()) return OK;
  kernel = function, kernel_arguments = arguments;
  Position position = {{0, 0, 0}, {0, 0, 0}, {bx, by, bz}, {gx, gy, gz}, barrier};
  *function->module->position = &position;
  for (const size_t n : order_of(blocks)) {
    position.block = {unsigned(n % gx), unsigned(n / gx % gy), unsigned(n / gx / gy)};
    if (!run_block(position, shared)) return OK;
  }
  if (!rest_is_untouched()) wrong("a kernel writes outside an array");
  return OK;
}

/* The linker of PTX: an image is a cubin already. */

int cuLinkCreate(unsigned, void *, void *, std::string **state) {
  ENTER(CONTEXT);
  *state = new std::string;
  return OK;
}
int cuLinkAddData(std::string *state, int, const char *data, size_t size, const char *, unsigned, void *, void *) {
  ENTER(CONTEXT);
  state->assign(data, size);
  return OK;
}
int cuLinkComplete(std::string *state, void **cubin, size_t *size) {
  ENTER(CONTEXT);
  *cubin = state->data(), *size = state->size();
  return OK;
}
int cuLinkDestroy(std::string *state) { delete state; return OK; }

/* Memory */

int cuMemAlloc_v2(Pointer *p, size_t size) {
  ENTER(CONTEXT);
  return size == 0 ? failed(INVALID_VALUE, "no bytes are asked for") : allocate(p, size);
}
int cuMemFree_v2(Pointer p) { ENTER(WORK_DONE); return release(p); }
int cuMemAllocHost_v2(void **p, size_t size) {
  ENTER(CONTEXT);
  *p = malloc(size);
  return *p == NULL ? failed(OUT_OF_MEMORY, "no memory is left on the host") : OK;
}
int cuMemFreeHost(void *p) { ENTER(CONTEXT); free(p); return OK; }
int cuMemGetInfo_v2(size_t *left, size_t *total) {
  ENTER(CONTEXT);
  *total = size_t(1) << 33, *left = *total - in_use;
  return OK;
}
int cuMemcpyHtoDAsync_v2(Pointer to, const void *from, size_t n, void *) {
  ENTER(CONTEXT);
  emulated_to_device++;
  return copy(to, Pointer(from), n);
}
int cuMemcpyHtoD_v2(Pointer to, const void *from, size_t n) {
  ENTER(WORK_DONE);
  return cuMemcpyHtoDAsync_v2(to, from, n, NULL);
}
int cuMemcpyDtoHAsync_v2(void *to, Pointer from, size_t n, void *) {
  if (getenv("EMULATED_LATE")) {
    ENTER(CONTEXT);
    emulated_to_host++;
    late.push_back({to, from, n});
    return OK;
  }
  ENTER(WORK_DONE); /* memory of the host that is not pinned: CUDA waits too */
  emulated_to_host++;
  count_wait();
  return copy(Pointer(to), from, n);
}
int cuMemcpyDtoDAsync_v2(Pointer to, Pointer from, size_t n, void *) { ENTER(CONTEXT); return copy(to, from, n); }
int cuMemcpyPeerAsync(Pointer to, void *, Pointer from, void *, size_t n, void *) {
  ENTER(CONTEXT);
  return copy(to, from, n);
}
int cuMemsetD8Async(Pointer p, unsigned char byte, size_t n, void *) {
  ENTER(CONTEXT);
  if (!is_dead()) memset(reinterpret_cast<void *>(p), byte, n);
  return OK;
}

int cuDeviceGetAttribute(int *value, int attribute, int) {
  ENTER(DRIVER);
  const auto number = [value](int n) { return *value = n, OK; };
  switch (attribute) { /* CUdevice_attribute */
    case 1: case 2: case 3: return number(MAX_THREADS); /* of a block; in x, y */
    case 4: return number(MAX_Z);
    case 5: case 6: case 7: return number(MAX_BLOCKS); /* of a grid in x, y, z */
    case 8: return number(MAX_SHARED);
    case 10: return number(WARP_SIZE);
    case 16: return number(1); /* multiprocessors */
    case 41: return number(1); /* unified addressing */
    case 75: return number(capability() / 10);
    case 76: return number(capability() % 10);
    default: return number(0);
  }
}

/* Streams and events: everything is done when its call returns. */

static int handle(void **out) { static int anything; *out = &anything; return OK; }

int cuStreamCreate(void **stream, unsigned) { ENTER(CONTEXT); return handle(stream); }
int cuStreamDestroy_v2(void *) { ENTER(CONTEXT); return OK; }
int cuStreamSynchronize(void *) { ENTER(WORK_DONE); count_wait(); return OK; }
int cuStreamWaitEvent(void *, void *, unsigned) { ENTER(CONTEXT); return OK; }
int cuEventCreate(void **event, unsigned) { ENTER(CONTEXT); return handle(event); }
int cuEventDestroy_v2(void *) { ENTER(CONTEXT); return OK; }
int cuEventRecord(void *, void *) { ENTER(CONTEXT); return OK; }
int cuEventSynchronize(void *) { ENTER(WORK_DONE); count_wait(); return OK; }

static int not_shared() { return failed(INVALID_VALUE, "processes share no memory"); }
int cuIpcGetMemHandle(void *, Pointer) { ENTER(CONTEXT); return not_shared(); }
int cuIpcOpenMemHandle(Pointer *, void *, unsigned) { ENTER(CONTEXT); return not_shared(); }
int cuIpcCloseMemHandle(Pointer) { ENTER(CONTEXT); return not_shared(); }
}
