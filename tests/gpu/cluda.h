/* CLUDA's names in CUDA's terms, for compiling kernels where libgpuarray is not installed.
 *
 * libgpuarray hands NVRTC a header of this name of its own (src/cluda_cuda.h there); this one has as much of it as the
 * project's kernels may use, and fails to compile what is not in it.
 */
#define KERNEL extern "C" __global__
#define WITHIN_KERNEL extern "C" __device__
#define GLOBAL_MEM
#define LOCAL_MEM __shared__
#define LOCAL_MEM_ARG
#define GA_DECL_SHARED_PARAM(type, name)
#define GA_DECL_SHARED_BODY(type, name) extern __shared__ type name[];
#define GA_WARP_SIZE warpSize
#define local_barrier() __syncthreads()

#define LID_0 threadIdx.x
#define LID_1 threadIdx.y
#define LID_2 threadIdx.z
#define LDIM_0 blockDim.x
#define LDIM_1 blockDim.y
#define LDIM_2 blockDim.z
#define GID_0 blockIdx.x
#define GID_1 blockIdx.y
#define GID_2 blockIdx.z
#define GDIM_0 gridDim.x
#define GDIM_1 gridDim.y
#define GDIM_2 gridDim.z

#define ga_bool unsigned char
#define ga_byte signed char
#define ga_ubyte unsigned char
#define ga_short short
#define ga_ushort unsigned short
#define ga_int int
#define ga_uint unsigned int
#define ga_long long long
#define ga_ulong unsigned long long
#define ga_float float
#define ga_double double
#define ga_size size_t
#define ga_ssize ptrdiff_t

/* i: ga_int, f: ga_float; g: in global memory, l: in local memory */
#define atom_add_ig(address, value) atomicAdd(address, value)
#define atom_add_il(address, value) atomicAdd(address, value)
#define atom_add_fg(address, value) atomicAdd(address, value)
#define atom_add_fl(address, value) atomicAdd(address, value)
#define atom_xchg_ig(address, value) atomicExch(address, value)
#define atom_xchg_fg(address, value) atomicExch(address, value)
