#pragma once
/* What a compiled kernel and the driver know of each other. */
#include <stddef.h>

enum { MAX_THREADS = 1024, MAX_Z = 64, MAX_BLOCKS_YZ = 65535, MAX_BLOCKS_X = 2147483647, WARP_SIZE = 32 };
enum { MAX_STATIC_SHARED = 48 * 1024, MAX_SHARED = 227 * 1024 }; /* bytes for a block; more than 48 KB on demand */

struct Dim { unsigned x, y, z; };

/* Where a thread is. The driver sets it before it lets the thread run. */
struct Position { Dim thread, block, threads, blocks; };

/* What an access to memory does, and whether its address may be any. */
enum { READ, WRITE, ATOMIC, UNALIGNED = 4 };

/* A module names its parts; the driver sets what its threads call. A kernel calls `access` before each access to
 * memory, its own variables aside, and `barrier` with a number of that barrier's place in the source. */
struct Machine {
  Position *position;
  char *dynamic, *shared, *shared_end; /* MAX_SHARED bytes for what a launch asks for; what the module declares */
  char *module, *module_end;           /* all of it */
  void (*barrier)(int place);
  void (*access)(const void *address, size_t size, int how);
};

/* A kernel: what runs one thread of it, and the sizes of its arguments, with a 0 at the end. */
struct Entry {
  void (*run)(void **arguments);
  const size_t *sizes;
};
