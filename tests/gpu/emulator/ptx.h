/* The instructions of PTX that ptx.py knows, behind kernel.h. A template's parameter is the type of an instruction; for
 * conversions that of the result. NVIDIA's "PTX ISA" defines them. Where it allows an error (.approx), this has none. */
#include <fenv.h>

/* The same bits in another type; between integers of different size C++'s conversion, which extends or cuts. */
template <class To, class From> To as(From x) {
  if constexpr (sizeof(To) == sizeof(From)) return with_bits_of<To>(x);
  else return To(x);
}

/* What a register holds before it is written. */
template <class T> T undefined() {
  if constexpr (std::is_same_v<T, bool>) return true;
  T x;
  memset(&x, 0xFF, sizeof x);
  return x;
}

/* Memory: a pointer's bits are an address in every space. Loads and stores are aligned to their whole size. */
template <class T> uint64_t address_of(T &variable) { return uint64_t(&variable); }
inline uint64_t address_of(char *const &shared) { return uint64_t(shared); }
template <class T, int n> struct Vector { typedef T type __attribute__((vector_size(n * sizeof(T)))); };
template <class T, int n> using Values = typename Vector<T, n>::type;
template <class T, int n> Values<T, n> ptx_ld(uint64_t address) { return *reinterpret_cast<Values<T, n> *>(address); }
template <class T, class... V> void ptx_st(uint64_t address, V... values) {
  *reinterpret_cast<Values<T, sizeof...(V)> *>(address) = Values<T, sizeof...(V)>{values...};
}

/* Integers wrap around: they are computed without a sign. */
template <class T, bool = std::is_integral_v<T> && !std::is_same_v<T, bool>> struct Wrapping { using type = T; };
template <class T> struct Wrapping<T, true> { using type = std::make_unsigned_t<T>; };
template <class T> using W = typename Wrapping<T>::type;

template <class T> T ptx_add(T x, T y) { return T(W<T>(x) + W<T>(y)); }
template <class T> T ptx_sub(T x, T y) { return T(W<T>(x) - W<T>(y)); }
template <class T> T ptx_mul(T x, T y) { return x * y; }
template <class T> T ptx_mul_lo(T x, T y) { return T(W<T>(x) * W<T>(y)); }
template <class T> T ptx_mad_lo(T x, T y, T z) { return T(W<T>(x) * W<T>(y) + W<T>(z)); }
template <class T> T ptx_neg(T x) { return T(-W<T>(x)); }
template <class T> auto ptx_mul_wide(T x, T y) {
  return std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>(x) * y;
}
/* By 0 the result is any number, and no error. */
template <class T> T ptx_div(T x, T y) { return y == 0 ? ~T(0) : x / y; }
template <class T> T ptx_rem(T x, T y) { return y == 0 ? ~T(0) : x % y; }
template <class T> T ptx_and(T x, T y) { return x & y; }
template <class T> T ptx_or(T x, T y) { return x | y; }
template <class T> T ptx_xor(T x, T y) { return x ^ y; }
template <class T> T ptx_not(T x) { return std::is_same_v<T, bool> ? !x : ~x; }
template <class T> T ptx_mov(T x) { return x; }
template <class T> T ptx_selp(T x, T y, bool first) { return first ? x : y; }

/* By as many bits as the type has or more: what is left is 0, or the sign. */
template <class T> T ptx_shl(T x, uint32_t n) { return n < 8 * sizeof x ? x << n : 0; }
template <class T> T ptx_shr(T x, uint32_t n) {
  return n < 8 * sizeof x ? x >> n : std::is_signed_v<T> ? x >> (8 * sizeof x - 1) : 0;
}

/* With a not-a-number every one of these is false. */
template <class T> bool ptx_setp_eq(T x, T y) { return x == y; }
template <class T> bool ptx_setp_ge(T x, T y) { return x >= y; }
template <class T> bool ptx_setp_gt(T x, T y) { return x > y; }
template <class T> bool ptx_setp_le(T x, T y) { return x <= y; }
template <class T> bool ptx_setp_lt(T x, T y) { return x < y; }
template <class T> bool ptx_setp_ne(T x, T y) { return x != y; }
/* And these are true. */
template <class T> bool ptx_setp_geu(T x, T y) { return !(x < y); }
template <class T> bool ptx_setp_leu(T x, T y) { return !(x > y); }
template <class T> bool ptx_setp_ltu(T x, T y) { return !(x >= y); }

/* Of a number and a not-a-number the number; +0 is more than -0. */
template <class T> T ptx_max(T x, T y) {
  if (x != x || x < y) return y;
  if constexpr (std::is_floating_point_v<T>) if (x == y && signbit(x)) return y;
  return y > x ? y : x;
}
template <class T> T ptx_abs(T x) { return fabs(x); }
template <class T> T ptx_copysign(T sign, T x) { return copysign(x, sign); }

/* Rounded to the nearest, as C++ does; .rm: down. */
template <class T> T ptx_add_rn(T x, T y) { return x + y; }
template <class T> T ptx_div_rn(T x, T y) { return x / y; }
template <class T> T ptx_rcp_rn(T x) { return 1 / x; }
template <class T> T ptx_sqrt_rn(T x) { return sqrt(x); }
template <class T> T ptx_fma_rn(T x, T y, T z) { return fma(x, y, z); }
template <class T> __attribute__((noinline)) float ptx_fma_rm(float x, float y, float z) {
  const int rounding = fegetround();
  fesetround(FE_DOWNWARD);
  volatile float factor = x; /* keeps the compiler from computing it before or after */
  volatile float result = fmaf(factor, y, z);
  fesetround(rounding);
  return result;
}

/* .ftz: of a subnormal number only the sign is read or written. */
inline float flushed(float x) { return fpclassify(x) == FP_SUBNORMAL ? copysignf(0, x) : x; }
template <class T> float ptx_ex2_approx_ftz(float x) { return flushed(exp2f(flushed(x))); }
template <class T> float ptx_rcp_approx_ftz(float x) { return flushed(1 / flushed(x)); }

template <class To, class From> To ptx_cvt(From x) { return To(x); }
template <class To, class From> To ptx_cvt_rn(From x) { return To(x); }
template <class To, class From> To ptx_cvt_sat(From x) { return x > 0 ? x < 1 ? x : 1 : 0; }

/* NVRTC may write a barrier of the source several times: to a card they are all barrier 0. */
#undef __syncthreads
#define __syncthreads() emulated_barrier(0)
