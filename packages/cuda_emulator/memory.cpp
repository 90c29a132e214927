/* The device's memory: allocations, a record of every byte of them, and copies. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <deque>

#include "context.h"
#include "device.h"
#include "machine.h"

enum { ALIGNED = 256, GAP = 16 * 1024, MANY = 0xFFFF };

extern "C" { long emulated_to_device, emulated_to_host; }

/* Addresses without memory behind them, which becomes theirs, zero, when they are used. */
template <class T> static T *reserve(size_t count) {
  void *p = mmap(NULL, count * sizeof(T), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) abort();
  return static_cast<T *>(p);
}

static const size_t ADDRESSES = size_t(1) << 36; /* no address is used twice */
const Region memory = {reserve<char>(ADDRESSES), ADDRESSES, reserve<uint8_t>(ADDRESSES), reserve<Cell>(ADDRESSES / 4)};

static const size_t PAGE = sysconf(_SC_PAGESIZE), TOTAL = size_t(1) << 33;
struct Allocation {
  size_t size;
  bool host; /* pinned memory of the host, which kernels may use too */
};
static std::map<Pointer, Allocation> allocations;
static std::deque<std::pair<Pointer, size_t>> freed; /* the last */
static size_t in_use, next; /* bytes; where the next allocation may begin */

static size_t rounded(size_t size, size_t unit) { return (size + unit - 1) / unit * unit; }

static int allocate(Pointer *out, size_t size, bool host) {
  if (size == 0) return failed(INVALID_VALUE, "no bytes are asked for");
  const size_t pages = rounded(size + ALIGNED, PAGE);
  if (size > TOTAL - in_use || pages + GAP > ADDRESSES - next) return failed(OUT_OF_MEMORY, "no memory is left");
  const size_t at = next + ALIGNED; /* no more aligned than CUDA promises, and with a gap before and behind it */
  next += pages + GAP;
  memset(memory.start + at, POISON, size);
  memset(memory.state + at, host ? WRITTEN : UNWRITTEN, size);
  *out = Pointer(memory.start + at);
  allocations[*out] = {size, host};
  in_use += size;
  return OK;
}

static int release(Pointer p, bool host) {
  const auto found = allocations.find(p);
  if (found == allocations.end() || found->second.host != host)
    return failed(INVALID_VALUE, "memory is freed that is not allocated");
  const size_t at = p - ALIGNED - Pointer(memory.start), pages = rounded(found->second.size + ALIGNED, PAGE);
  madvise(memory.start + at, pages, MADV_DONTNEED);
  madvise(memory.state + at, pages, MADV_DONTNEED);
  madvise(memory.cells + at / 4, pages / 4 * sizeof(Cell), MADV_DONTNEED);
  in_use -= found->second.size;
  freed.emplace_front(p, found->second.size);
  if (freed.size() > 1000) freed.pop_back();
  allocations.erase(found);
  return OK;
}

void forget_memory() {
  while (!allocations.empty()) release(allocations.begin()->first, allocations.begin()->second.host);
}

/* Whether this is memory that cuMemAllocHost has given. */
static bool is_pinned(const void *p) {
  const auto after = allocations.upper_bound(Pointer(p));
  if (after == allocations.begin()) return false;
  const auto &[start, it] = *std::prev(after);
  return it.host && Pointer(p) < start + it.size;
}

/* Where memory is that a kernel may not use. */
static const char *place(const Region &region, Pointer p) {
  if (&region != &memory) return "behind the shared memory of its block";
  if (p - Pointer(memory.start) >= memory.size) return "that are not in the device's memory";
  const auto holds_p = [p](const auto &it) { return p - it.first < it.second; };
  return std::any_of(freed.begin(), freed.end(), holds_p) ? "of an array that was freed" : "outside of every array";
}

Fault touch(const Region &region, const void *p, size_t size, int how) {
  const size_t at = Pointer(p) - Pointer(region.start);
  uint8_t *const state = region.state + at;
  static const uint8_t written[4] = {WRITTEN, WRITTEN, WRITTEN, WRITTEN};
  if (at < region.size && size == 4 && Pointer(p) % 4 == 0 && memcmp(state, written, 4) == 0)
    return {OK, NULL}; /* as almost always */
  if (at >= region.size || size > region.size - at || memchr(state, OUTSIDE, size))
    return {ILLEGAL_ADDRESS, place(region, Pointer(p))};
  if (!(how & UNALIGNED) && Pointer(p) % size != 0) return {MISALIGNED_ADDRESS, "at an address that is not aligned"};
  if ((how & ~UNALIGNED) == WRITE) memset(state, WRITTEN, size);
  else if (!(how & UNWRITTEN_TOO) && memchr(state, UNWRITTEN, size)) return {LAUNCH_FAILED, "that nobody has written"};
  return {OK, NULL};
}

bool may_touch(const void *p, size_t size, int how, const std::string &who) {
  const Fault fault = size == 0 ? Fault{OK, NULL} : touch(memory, p, size, how | UNALIGNED);
  if (fault.code != OK) fail_later(fault.code, who + (how == READ ? " reads bytes " : " writes bytes ") + fault.what);
  return fault.code == OK;
}

/* Races
 *
 * Blocks run one after the other, and threads between two barriers too, so that a cell has to keep the last accesses
 * only: of the running phase, by any thread, and whether blocks before this one have touched the cell in this launch.
 * Shared memory belongs to one block. */

uint32_t launch_phase, block_phase, phase;

static const char *race(Cell &cell, int how, uint16_t thread, bool shared) {
  enum { READ_BY_OTHERS = 1 << READ, WRITTEN_BY_OTHERS = 1 << WRITE, CHANGED_BY_OTHERS = 1 << ATOMIC };
  if (std::max(cell.wrote, cell.read) < (shared ? block_phase : launch_phase)) cell = {};
  if (cell.read != 0 && cell.read < block_phase) cell.others |= READ_BY_OTHERS, cell.read = 0;
  if (cell.wrote != 0 && cell.wrote < block_phase)
    cell.others |= cell.atomic ? CHANGED_BY_OTHERS : WRITTEN_BY_OTHERS, cell.wrote = 0;
  const bool both_atomic = how == ATOMIC && cell.atomic;
  const char *found = NULL;
  if (cell.others & WRITTEN_BY_OTHERS || (how != ATOMIC && cell.others & CHANGED_BY_OTHERS))
    found = "that another block writes";
  else if (how != READ && cell.others & READ_BY_OTHERS)
    found = "that another block reads";
  else if (cell.wrote == phase && cell.writer != thread && !both_atomic)
    found = "that another thread writes, without a barrier";
  else if (how != READ && cell.read == phase && cell.reader != thread)
    found = "that another thread reads, without a barrier";
  if (how == READ) {
    cell.reader = cell.read == phase && cell.reader != thread ? uint16_t(MANY) : thread;
    cell.read = phase;
  } else {
    cell.writer = thread, cell.wrote = phase, cell.atomic = how == ATOMIC;
  }
  return found;
}

const char *race(const Region &region, const void *p, size_t size, int how, uint16_t thread) {
  if (size < 4) return NULL; /* a cell does not know which of its bytes was meant */
  const size_t first = (Pointer(p) - Pointer(region.start)) / 4;
  const char *found = NULL;
  for (size_t i = first; i < first + size / 4 && !found; i++)
    found = race(region.cells[i], how & ~UNALIGNED, thread, &region != &memory);
  return found;
}

/* What the API gives and copies. A real driver knows all allocations, and refuses to copy from or to other memory. */

static bool is_device_memory(Pointer p, size_t n) {
  return n == 0 || touch(memory, reinterpret_cast<void *>(p), n, READ | UNALIGNED | UNWRITTEN_TOO).code == OK;
}

static void mark_written(Pointer p, size_t n) { memset(memory.state + (p - Pointer(memory.start)), WRITTEN, n); }

/* Begin a call that lets a stream copy to or from n bytes at p on the device. */
#define ENTER_COPY(p, n)                                                                                  \
  ENTER(CONTEXT);                                                                                         \
  const auto stream = stream_of(handle);                                                                  \
  if (stream == nullptr) return failed(INVALID_HANDLE, "no such stream");                                 \
  if (!is_device_memory(p, n)) return failed(INVALID_VALUE, "a copy from or to what is no device memory")

static int on_device(Pointer to, Pointer from, size_t n, void *handle) {
  ENTER_COPY(to, n);
  if (!is_device_memory(from, n)) return failed(INVALID_VALUE, "a copy from what is no device memory");
  enqueue(stream, [=] {
    memmove(reinterpret_cast<void *>(to), reinterpret_cast<void *>(from), n);
    uint8_t *state = memory.state - Pointer(memory.start);
    memmove(state + to, state + from, n);
  });
  return OK;
}

extern "C" {

int cuMemAlloc_v2(Pointer *p, size_t size) { ENTER(CONTEXT); return allocate(p, size, false); }
int cuMemFree_v2(Pointer p) { ENTER(WORK_DONE); return release(p, false); }
int cuMemAllocHost_v2(void **p, size_t size) {
  ENTER(CONTEXT);
  return allocate(reinterpret_cast<Pointer *>(p), size, true);
}
int cuMemFreeHost(void *p) { ENTER(WORK_DONE); return release(Pointer(p), true); }
int cuMemGetInfo_v2(size_t *left, size_t *total) {
  ENTER(CONTEXT);
  *total = TOTAL, *left = TOTAL - in_use;
  return OK;
}

/* The host's memory is read when the copy is made; but if it is not pinned, now. */
int cuMemcpyHtoDAsync_v2(Pointer to, const void *from, size_t n, void *handle) {
  ENTER_COPY(to, n);
  emulated_to_device++;
  const auto kept = std::make_shared<std::string>();
  if (!is_pinned(from)) kept->assign(static_cast<const char *>(from), n);
  enqueue(stream, [=] {
    memcpy(reinterpret_cast<void *>(to), kept->empty() ? from : kept->data(), n);
    mark_written(to, n);
  });
  return OK;
}
int cuMemcpyHtoD_v2(Pointer to, const void *from, size_t n) {
  const int error = cuMemcpyHtoDAsync_v2(to, from, n, NULL);
  ENTER(WORK_DONE);
  return error;
}

/* Waits if the host's memory is not pinned; not with EMULATED_LATE, as on systems whose GPU uses all memory directly. */
int cuMemcpyDtoHAsync_v2(void *to, Pointer from, size_t n, void *handle) {
  ENTER_COPY(from, n);
  emulated_to_host++;
  enqueue(stream, [=] { memcpy(to, reinterpret_cast<void *>(from), n); });
  if (is_pinned(to) || getenv("EMULATED_LATE")) return OK;
  count_wait();
  finish(stream);
  return outcome();
}

int cuMemcpyDtoDAsync_v2(Pointer to, Pointer from, size_t n, void *handle) { return on_device(to, from, n, handle); }
int cuMemcpyPeerAsync(Pointer to, void *, Pointer from, void *, size_t n, void *handle) {
  return on_device(to, from, n, handle);
}
int cuMemsetD8Async(Pointer p, unsigned char byte, size_t n, void *handle) {
  ENTER_COPY(p, n);
  enqueue(stream, [=] {
    memset(reinterpret_cast<void *>(p), byte, n);
    mark_written(p, n);
  });
  return OK;
}
}
