/* CUDA's language for a C++ compiler, as far as kernels of libgpuarray, Theano and this project use it. compiler.cpp
 * puts it in front of each kernel; driver.cpp sets emulated_position and calls the kernel once for each thread. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <type_traits>
#include <utility>

#include "machine.h"

#define __global__
#define __device__
#define __forceinline__ inline
#define asm(...) abort() /* PTX: cluda.h converts half floats with it */

/* Shared memory has a section of its own, so that the driver can fill it before each block. */
#define EMULATED_SHARED __attribute__((section("emulated_shared"), used))

EMULATED_SHARED alignas(64) char emulated_dynamic[MAX_SHARED];
extern "C" char __start_emulated_shared[], __stop_emulated_shared[]; /* from the linker */

extern "C" {
Position *emulated_position;
SharedMemory emulated_memory = {emulated_dynamic, __start_emulated_shared, __stop_emulated_shared};
}

#define threadIdx emulated_position->thread
#define blockIdx emulated_position->block
#define blockDim emulated_position->threads
#define gridDim emulated_position->blocks
#define warpSize WARP_SIZE
#define __syncthreads() emulated_position->barrier()

template <class A, class B> auto max(A a, B b) { return a > b ? a : b; }
template <class A, class B> auto min(A a, B b) { return a < b ? a : b; }
template <class T> T rsqrt(T x) { return 1 / sqrt(x); }

template <class To, class From> To with_bits_of(From x) {
  To result;
  memcpy(&result, &x, sizeof result);
  return result;
}
inline float __int_as_float(int x) { return with_bits_of<float>(x); }
inline double __longlong_as_double(long long x) { return with_bits_of<double>(x); }
inline long long __double_as_longlong(double x) { return with_bits_of<long long>(x); }
/* Of the bytes of y and x, x the lower ones, those that the hexadecimal digits of `which` count. */
inline unsigned __byte_perm(unsigned x, unsigned y, unsigned which) {
  const uint64_t both = uint64_t(y) << 32 | x;
  unsigned result = 0;
  for (int i = 0; i < 4; i++) result |= unsigned(both >> 8 * (which >> 4 * i & 7) & 0xFF) << 8 * i;
  return result;
}

/* A thread is only interrupted at barriers. */
template <class T, class V> T atomicAdd(T *p, V value) { return std::exchange(*p, *p + value); }
template <class T, class V> T atomicExch(T *p, V value) { return std::exchange(*p, T(value)); }
template <class T, class U, class V> T atomicCAS(T *p, U expected, V value) {
  return *p == T(expected) ? std::exchange(*p, T(value)) : *p;
}

template <class... A, size_t... I>
void emulated_call(void (*kernel)(A...), void **arguments, std::index_sequence<I...>) {
  kernel(*static_cast<A *>(arguments[I])...);
}

template <class... A> void emulated_thread(void (*kernel)(A...), void **arguments) {
  emulated_call(kernel, arguments, std::index_sequence_for<A...>());
}

/* What the driver calls. */
#define EMULATED_KERNEL(name) \
  extern "C" void emulated_##name(void **arguments) { emulated_thread(name, arguments); }
