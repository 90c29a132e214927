/* CUDA's language for a C++ compiler, as far as kernels of libgpuarray, Theano and this project use it. compiler.cpp
 * puts it in front of each kernel; driver.cpp sets emulated_here and runs the kernel once for each thread. */
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

alignas(64) char emulated_dynamic[MAX_SHARED]; /* what a launch asks for */
EMULATED_SHARED char emulated_nothing[0];      /* makes the section */
extern "C" char __start_emulated_shared[], __stop_emulated_shared[], __ehdr_start[], _end[]; /* from the linker */

extern "C" {
Position emulated_here;
/* The same for the thread that reads it, to which it is constant: compiler.cpp lets the linker know. */
extern const Position emulated_position;
Machine emulated_machine = {&emulated_here, emulated_dynamic, __start_emulated_shared, __stop_emulated_shared,
                            __ehdr_start, _end, NULL, NULL};
}

/* g++ -fsanitize=thread calls these functions before each load and store that other threads might see. Here they call
 * the driver; g++'s own library is not linked. */
#define UNCHECKED __attribute__((no_sanitize("thread")))
#define CHECKED_SIZE(n)                                                                                  \
  UNCHECKED void __tsan_read##n(void *p) { emulated_machine.access(p, n, READ); }                        \
  UNCHECKED void __tsan_write##n(void *p) { emulated_machine.access(p, n, WRITE); }                      \
  UNCHECKED void __tsan_unaligned_read##n(void *p) { emulated_machine.access(p, n, READ | UNALIGNED); }  \
  UNCHECKED void __tsan_unaligned_write##n(void *p) { emulated_machine.access(p, n, WRITE | UNALIGNED); }
extern "C" {
CHECKED_SIZE(1) CHECKED_SIZE(2) CHECKED_SIZE(4) CHECKED_SIZE(8) CHECKED_SIZE(16)
UNCHECKED void __tsan_read_range(void *p, size_t n) { emulated_machine.access(p, n, READ | UNALIGNED); }
UNCHECKED void __tsan_write_range(void *p, size_t n) { emulated_machine.access(p, n, WRITE | UNALIGNED); }
void __tsan_init() {}
void __tsan_func_entry(void *) {}
void __tsan_func_exit() {}
}

#define threadIdx emulated_position.thread
#define blockIdx emulated_position.block
#define blockDim emulated_position.threads
#define gridDim emulated_position.blocks
#define warpSize WARP_SIZE
#define __syncthreads() emulated_barrier(__COUNTER__)
UNCHECKED inline void emulated_barrier(int place) { emulated_machine.barrier(place); }

struct alignas(16) float4 { float x, y, z, w; };

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
template <class T> UNCHECKED T &emulated_atomic(T *p) {
  emulated_machine.access(p, sizeof *p, ATOMIC);
  return *p;
}
template <class T, class V> UNCHECKED T atomicAdd(T *p, V value) {
  T &x = emulated_atomic(p), old = x;
  x = old + value;
  return old;
}
template <class T, class V> UNCHECKED T atomicExch(T *p, V value) {
  T &x = emulated_atomic(p), old = x;
  x = T(value);
  return old;
}
template <class T, class U, class V> UNCHECKED T atomicCAS(T *p, U expected, V value) {
  T &x = emulated_atomic(p), old = x;
  if (old == T(expected)) x = T(value);
  return old;
}

template <class... A, size_t... I>
UNCHECKED void emulated_call(void (*kernel)(A...), void **arguments, std::index_sequence<I...>) {
  kernel(*static_cast<A *>(arguments[I])...);
}
template <class... A> UNCHECKED void emulated_thread(void (*kernel)(A...), void **arguments) {
  emulated_call(kernel, arguments, std::index_sequence_for<A...>());
}
template <class Kernel> struct Arguments;
template <class... A> struct Arguments<void(A...)> { static constexpr size_t sizes[] = {sizeof(A)..., 0}; };

/* What the driver looks up: an Entry, emulated_entry_ and the kernel's name. */
#define EMULATED_KERNEL(name)                                                                    \
  UNCHECKED static void emulated_run_##name(void **arguments) { emulated_thread(name, arguments); } \
  extern "C" { Entry emulated_entry_##name = {emulated_run_##name, Arguments<decltype(name)>::sizes}; }
