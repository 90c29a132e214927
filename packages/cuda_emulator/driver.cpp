/* A CUDA device made of the CPU, for tests without a GPU: the driver, as far as libgpuarray 0.7.6 loads it;
 * build.sh compiles it.
 *
 * The library is cuBLAS (blas.cpp) and NVRTC (compiler.cpp) too. What runs on it goes through libgpuarray's and
 * Theano's CUDA code and computes what its kernels say. Its compute capability is EMULATED_CC, 90 for 9.0; its limits
 * are those of an H100.
 *
 * Calls need what CUDA's documentation says that they need, a context that is current in their thread above all, and
 * what goes wrong in a kernel is said by a later call that waits for it, and from then on by every call (context.cpp).
 * EMULATED_LOSS=1000:999 loses the device: after a thousand launches every call ends with error 999; 0:100 is a driver
 * that sees no device. With EMULATED_IDLE=1 launches and products compute nothing, so that the host alone is timed.
 *
 * In this it is stricter than a GPU:
 * - launches and copies are done late, and in any order that streams and events allow (streams.cpp);
 * - device memory, and shared memory before each block, is filled with bytes 0xFF: not-a-numbers, as integers -1;
 * - the accesses of a kernel are checked (memory.cpp): it must be inside an array, aligned, no read of what nobody has
 *   written, and no race with another thread; the first that is wrong ends the kernel;
 * - freed memory cannot be touched, and its addresses are not used again;
 * - between two barriers the threads of a block run one after the other, first to last or last to first by chance (the
 *   same in every process), so that a missing barrier shows; all must wait at the same one;
 * - of a failed launch the first call that waits tells, not one in between.
 *
 * EMULATED_SEED=7 shuffles the blocks of each launch, which a GPU runs in any order; without it the first comes first.
 * docs/gpu.md lists what it does not show. */
#include "driver.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "context.h"
#include "device.h"
#include "machine.h"

enum { STACK = 64 * 1024 };

struct Module {
  void *library;
  Machine *machine;
  size_t declared() const { return machine->shared_end - machine->shared; }
};

struct Kernel {
  std::string name;
  std::shared_ptr<Module> module;
  const Entry *entry;
  size_t max_dynamic; /* bytes of shared memory that a launch may ask for */
};

static Handles<Module> modules;
static Handles<Kernel> kernels;

/* The threads of a block
 *
 * Each has a stack of its own, and runs until it waits at a barrier, ends or goes wrong; then the driver goes on. */

enum State { RUNNING, WAITING, ENDED };
struct Thread {
  jmp_buf position;
  char *stack; /* NULL: not begun yet */
  State state;
  int place; /* of the barrier where it waits */
};

/* One launch at a time: its kernel, what it runs with, and which of its threads runs. */
static jmp_buf driver;
static std::vector<Thread> threads(MAX_THREADS);
static Thread *running;
static const Kernel *kernel;
static void **kernel_arguments;

static void leave(State state) {
  running->state = state;
  if (!_setjmp(running->position)) _longjmp(driver, 1);
}

static void run_blocks() {
  for (;;) {
    leave(ENDED); /* begun, or done with a block */
    kernel->entry->run(kernel_arguments);
  }
}

static void resume(Thread &thread) {
  running = &thread;
  if (_setjmp(driver)) return;
  if (thread.stack) _longjmp(thread.position, 1);
  ucontext_t context;
  getcontext(&context);
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  thread.stack = static_cast<char *>(mmap(NULL, STACK, PROT_READ | PROT_WRITE, flags, -1, 0));
  if (thread.stack == MAP_FAILED) {
    fputs("emulated GPU: no mapping is left for the stack of a thread (vm.max_map_count)\n", stderr);
    abort();
  }
  context.uc_stack.ss_sp = thread.stack;
  context.uc_stack.ss_size = STACK;
  mprotect(thread.stack, sysconf(_SC_PAGESIZE), PROT_NONE); /* where a stack would go on that is too small */
  makecontext(&context, run_blocks, 0);
  setcontext(&context);
}

static std::string name_of(const Dim &at) {
  return "(" + std::to_string(at.x) + ", " + std::to_string(at.y) + ", " + std::to_string(at.z) + ")";
}

/* The kernel has gone wrong in the running thread, or as a whole. */
static void wrong(int error, const std::string &why, bool in_thread = false) {
  const Position &at = *kernel->module->machine->position;
  fail_later(error, "kernel " + kernel->name + ", block " + name_of(at.block) +
                        (in_thread ? ", thread " + name_of(at.thread) : "") + ": " + why);
}

static void barrier(int place) {
  running->place = place;
  leave(WAITING);
}

/* Shared memory: what a launch asks for and what the module declares. */
static uint8_t shared_state[MAX_SHARED + MAX_STATIC_SHARED];
static Cell shared_cells[sizeof shared_state / 4];
static Region shared[2];

/* Reads of the running launch. So many of them are checked, and all its writes. */
static size_t reads;
enum { CHECKED_READS = 10 * 1000 * 1000 };

static void access(const void *address, size_t size, int how) {
  if ((how & ~UNALIGNED) == READ && ++reads > CHECKED_READS) return;
  static const char *const accesses[] = {"reads ", "writes ", "atomically changes "};
  const auto is_in = [address](const char *start, size_t size) { return Pointer(address) - Pointer(start) < size; };
  const Region *region = is_in(memory.start, memory.size)         ? &memory
                         : is_in(shared[0].start, MAX_SHARED)     ? &shared[0]
                         : is_in(shared[1].start, shared[1].size) ? &shared[1]
                                                                  : NULL;
  const Machine &machine = *kernel->module->machine;
  if (region == NULL && (is_in(running->stack, STACK) || is_in(machine.module, machine.module_end - machine.module)))
    return;
  Fault fault = touch(region ? *region : memory, address, size, how);
  if (fault.code == OK) fault = {LAUNCH_FAILED, race(*region, address, size, how, uint16_t(running - &threads[0]))};
  if (fault.what == NULL) return;
  const char *const bytes = region && region != &memory ? " bytes of shared memory " : " bytes ";
  wrong(fault.code, accesses[how & ~UNALIGNED] + std::to_string(size) + bytes + fault.what, true);
  leave(ENDED); /* for good: after this no kernel runs */
}

/* The numbers of a launch's blocks in the order in which they run. */
static std::vector<unsigned> order_of(size_t blocks) {
  std::vector<unsigned> order(blocks);
  std::iota(order.begin(), order.end(), 0);
  if (series()) std::shuffle(order.begin(), order.end(), *series());
  return order;
}

static void run_block(Position &position, size_t dynamic) {
  static std::minstd_rand chance;
  const Machine &machine = *kernel->module->machine;
  shared[0] = {machine.dynamic, dynamic, shared_state, shared_cells};
  shared[1] = {machine.shared, kernel->module->declared(), shared_state + MAX_SHARED, shared_cells + MAX_SHARED / 4};
  for (const Region &region : shared) {
    memset(region.start, POISON, region.size);
    memset(region.state, UNWRITTEN, region.size);
  }
  const Dim &size = position.threads;
  const unsigned count = size.x * size.y * size.z;
  block_phase = phase + 1;
  for (unsigned ended = 0; ended < count;) {
    if (ended > 0) return wrong(LAUNCH_FAILED, "only some threads of a block reach a barrier");
    phase++;
    const bool backwards = chance() % 2;
    const Thread *waiting = NULL;
    for (unsigned i = 0; i < count; i++) {
      const unsigned n = backwards ? count - 1 - i : i;
      Thread &thread = threads[n];
      position.thread = {n % size.x, n / size.x % size.y, n / size.x / size.y};
      if (thread.stack == NULL) resume(thread);
      resume(thread);
      if (is_dead()) return;
      ended += thread.state == ENDED;
      if (thread.state == ENDED) continue;
      if (waiting && waiting->place != thread.place)
        return wrong(LAUNCH_FAILED, "threads of a block wait at different barriers");
      waiting = &thread;
    }
  }
}

static void run(const Kernel &it, const Dim &blocks, const Dim &size, size_t dynamic, void **arguments) {
  kernel = &it, kernel_arguments = arguments;
  Position &position = *it.module->machine->position;
  position = {{0, 0, 0}, {0, 0, 0}, size, blocks};
  launch_phase = phase + 1, reads = 0;
  for (const size_t n : order_of(size_t(blocks.x) * blocks.y * blocks.z)) {
    position.block = {unsigned(n % blocks.x), unsigned(n / blocks.x % blocks.y), unsigned(n / blocks.x / blocks.y)};
    run_block(position, dynamic);
    if (is_dead()) return;
  }
}

static int load(Module **out, const char *data) {
  Image image;
  memcpy(&image, data, sizeof image);
  if (memcmp(image.mark, MARK, sizeof MARK) != 0) return failed(INVALID_IMAGE, "this compiler has not made the kernel");
  std::string path = temporary("emulated-kernel");
  const int file = mkstemp(path.data());
  if (file < 0) return failed(OUT_OF_MEMORY, "no temporary file");
  const bool written = write(file, data + sizeof image, image.size) == ssize_t(image.size);
  close(file);
  void *library = written ? dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL) : NULL;
  unlink(path.c_str());
  if (library == NULL) return failed(INVALID_IMAGE, written ? dlerror() : "a temporary file cannot be written");
  auto *const machine = static_cast<Machine *>(dlsym(library, "emulated_machine"));
  const auto module = std::make_shared<Module>(Module{library, machine});
  if (module->declared() > MAX_STATIC_SHARED) return failed(INVALID_PTX, "a kernel declares too much shared memory");
  machine->barrier = barrier, machine->access = access;
  return modules.add(out, module);
}

extern "C" {

int cuModuleLoadData(Module **module, const void *image) {
  ENTER(CONTEXT);
  return load(module, static_cast<const char *>(image));
}
int cuModuleLoadDataEx(Module **module, const void *image, unsigned, void *, void *) {
  return cuModuleLoadData(module, image);
}

int cuModuleUnload(void *handle) {
  ENTER(WORK_DONE);
  FIND(module, modules, handle);
  for (auto it = kernels.all.begin(); it != kernels.all.end();)
    it = it->second->module == module ? kernels.all.erase(it) : std::next(it);
  modules.all.erase(handle);
  dlclose(module->library);
  return OK;
}

int cuModuleGetFunction(Kernel **out, void *handle, const char *name) {
  ENTER(CONTEXT);
  FIND(module, modules, handle);
  const auto *entry = static_cast<const Entry *>(dlsym(module->library, (std::string("emulated_entry_") + name).c_str()));
  if (entry == NULL) return failed(NOT_FOUND, std::string("no kernel ") + name);
  const Kernel it = {name, module, entry, MAX_STATIC_SHARED - module->declared()};
  return kernels.add(out, std::make_shared<Kernel>(it));
}

enum { THREADS_OF_FUNCTION = 0, SHARED_OF_FUNCTION = 1, MAX_DYNAMIC_OF_FUNCTION = 8 }; /* CUfunction_attribute */

int cuFuncGetAttribute(int *value, int attribute, void *handle) {
  ENTER(CONTEXT);
  FIND(function, kernels, handle);
  *value = attribute == THREADS_OF_FUNCTION       ? MAX_THREADS
           : attribute == SHARED_OF_FUNCTION      ? int(function->module->declared())
           : attribute == MAX_DYNAMIC_OF_FUNCTION ? int(function->max_dynamic)
                                                  : 0;
  return OK;
}
int cuFuncSetAttribute(void *handle, int attribute, int value) {
  ENTER(CONTEXT);
  FIND(function, kernels, handle);
  if (attribute != MAX_DYNAMIC_OF_FUNCTION || value < 0 || size_t(value) > MAX_SHARED - function->module->declared())
    return failed(INVALID_VALUE, "no attribute that can be set, or too much shared memory");
  function->max_dynamic = value;
  return OK;
}

int cuLaunchKernel(void *handle, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                   unsigned dynamic, void *stream_handle, void **arguments, void **) {
  ENTER(CONTEXT);
  FIND(function, kernels, handle);
  const auto stream = stream_of(stream_handle);
  if (stream == nullptr) return failed(INVALID_HANDLE, "no such stream");
  const size_t blocks = size_t(gx) * gy * gz, threads_of_block = size_t(bx) * by * bz;
  if (blocks == 0 || threads_of_block == 0 || threads_of_block > MAX_THREADS || bz > MAX_Z || gx > MAX_BLOCKS_X ||
      gy > MAX_BLOCKS_YZ || gz > MAX_BLOCKS_YZ)
    return failed(INVALID_VALUE, "a launch of no or too many threads");
  if (dynamic > function->max_dynamic) return failed(INVALID_VALUE, "a launch with too much shared memory");
  count_launch();
  if (is_idle()) return OK;
  std::vector<std::string> values; /* of the arguments now */
  for (const size_t *size = function->entry->sizes; *size != 0; size++, arguments++)
    values.emplace_back(static_cast<const char *>(*arguments), *size);
  enqueue(stream, [=]() mutable {
    std::vector<void *> places;
    for (std::string &value : values) places.push_back(value.data());
    run(*function, {gx, gy, gz}, {bx, by, bz}, dynamic, places.data());
  });
  return OK;
}

/* The linker of PTX: an image is a cubin already. */

static Handles<std::string> links;

int cuLinkCreate(unsigned, void *, void *, std::string **state) {
  ENTER(CONTEXT);
  return links.add(state, std::make_shared<std::string>());
}
int cuLinkAddData(void *handle, int, const char *data, size_t size, const char *, unsigned, void *, void *) {
  ENTER(CONTEXT);
  FIND(link, links, handle);
  link->assign(data, size);
  return OK;
}
int cuLinkComplete(void *handle, void **cubin, size_t *size) {
  ENTER(CONTEXT);
  FIND(link, links, handle);
  *cubin = link->data(), *size = link->size();
  return OK;
}
int cuLinkDestroy(void *handle) {
  ENTER(CONTEXT);
  FIND(link, links, handle);
  links.all.erase(handle);
  return OK;
}

int cuDeviceGetAttribute(int *value, int attribute, int) {
  ENTER(DRIVER);
  static const std::map<int, int> values = {
      /* CUdevice_attribute, of an H100 */
      {1, MAX_THREADS}, {2, MAX_THREADS}, {3, MAX_THREADS}, {4, MAX_Z}, /* of a block; in x, y, z */
      {5, MAX_BLOCKS_X}, {6, MAX_BLOCKS_YZ}, {7, MAX_BLOCKS_YZ},        /* of a grid in x, y, z */
      {8, MAX_STATIC_SHARED}, {97, MAX_SHARED},                         /* without and with opt-in */
      {10, WARP_SIZE},
      {16, 132}, /* multiprocessors */
      {20, 0},   /* compute mode: for several processes */
      {41, 1},   /* unified addressing */
      {75, capability() / 10},
      {76, capability() % 10},
  };
  const auto found = values.find(attribute);
  if (found == values.end()) return failed(INVALID_VALUE, "an attribute that this driver does not know");
  *value = found->second;
  return OK;
}

static int not_shared() { return failed(INVALID_VALUE, "processes share no memory"); }
int cuIpcGetMemHandle(void *, Pointer) { ENTER(CONTEXT); return not_shared(); }
int cuIpcOpenMemHandle(Pointer *, void *, unsigned) { ENTER(CONTEXT); return not_shared(); }
int cuIpcCloseMemHandle(Pointer) { ENTER(CONTEXT); return not_shared(); }
}
