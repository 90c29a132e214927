/* What kernels and the driver share. */
#include <stddef.h>

enum { MAX_THREADS = 1024, MAX_Z = 64, MAX_BLOCKS = 65535, MAX_SHARED = 48 * 1024, WARP_SIZE = 32 };

struct Dim { unsigned x, y, z; };

/* Where a thread is, and what it calls at a barrier. */
struct Position {
  Dim thread, block, threads, blocks;
  void (*barrier)();
};

/* A kernel's shared memory from start to end. What a launch asks for is at `dynamic`, MAX_SHARED bytes. */
struct SharedMemory { char *dynamic, *start, *end; };
