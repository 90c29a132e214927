#pragma once
/* The device's memory (memory.cpp) and what it has to do (streams.cpp). */
#include <stddef.h>
#include <stdint.h>

#include <functional>
#include <memory>
#include <random>
#include <string>

typedef uintptr_t Pointer; /* CUdeviceptr */

enum { POISON = 0xFF };

/* What the threads of a launch have done to four bytes of memory. A phase is what happens in a block between two
 * barriers; they are numbered through all launches. */
struct Cell {
  uint32_t wrote, read;    /* the last phases in which that happened; 0: none */
  uint16_t writer, reader; /* the threads that did it */
  uint8_t atomic, others;  /* whether it was an atomic write; what blocks before this one have done */
};

/* Memory with a record of every byte of it. */
struct Region {
  char *start;
  size_t size;
  uint8_t *state; /* of each byte */
  Cell *cells;    /* of each four bytes */
};
enum { OUTSIDE, UNWRITTEN, WRITTEN };

/* The device's, of which allocations are parts. */
extern const Region memory;

/* Why an access is wrong, and the error that it causes; code OK: it is right. */
struct Fault {
  int code;
  const char *what;
};

enum { UNWRITTEN_TOO = 8 }; /* an access that may read what nobody has written */

/* Check an access, and note what it writes. */
Fault touch(const Region &region, const void *p, size_t size, int how);

/* The same of the device's memory, for work that is no kernel; whether it is right. It fails later if not. */
bool may_touch(const void *p, size_t size, int how, const std::string &who);

/* Why the access of a thread to one region is a race with another thread of its launch, or NULL. */
const char *race(const Region &region, const void *p, size_t size, int how, uint16_t thread);

/* The phases in which the running launch, its block, and this part of the block began. */
extern uint32_t launch_phase, block_phase, phase;

/* Forget all allocations, and all streams and events: the context is destroyed. */
void forget_memory();
void forget_streams();

struct Stream;

/* The stream of a handle, 0 the default one; NULL: there is none. */
std::shared_ptr<Stream> stream_of(void *handle);

/* Let a stream do something, when all before it is done. */
void enqueue(const std::shared_ptr<Stream> &stream, std::function<void()> work);

/* Do all that a stream has to do, and what that depends on; all that all streams have to do; some of it by chance. */
void finish(const std::shared_ptr<Stream> &stream);
void finish_all();
void go_on();

/* The numbers by which EMULATED_SEED decides; NULL: it is not set. A new seed begins a new series. */
std::mt19937_64 *series();

/* Count that the host has waited for copies, launches or products. */
void count_wait();

/* Copies between host and device so far, and how often the host has waited, for a test to look at; emulated_launches
   counts launches. */
extern "C" long emulated_to_device, emulated_to_host, emulated_waits, emulated_launches, emulated_products;
