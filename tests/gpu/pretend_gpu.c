/* A GPU that is not there, for tests: the driver, cuBLAS and NVRTC as far as libgpuarray 0.7.6 loads them.
 *
 *     gcc -shared -fPIC -O1 -Wall -Wextra -o libcuda.so pretend_gpu.c
 *
 * Its one device has the compute capability of PRETEND_CC (10 * major + minor; unset: no device is current). Memory is
 * the host's, kernels do nothing. Its NVRTC compiles nothing: it writes each kernel's source to the folder
 * PRETEND_RECORD, with the architecture it was asked for, and the header cluda.h beside them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned long long device_ptr;

enum { OK = 0, FAILED = 1, NO_CONTEXT = 201 };

static int capability(void) {
  const char *text = getenv("PRETEND_CC");
  return text == NULL ? 0 : atoi(text);
}

/* The driver. Arguments that are not declared are not looked at. */

#define NOTHING(name) int name(void) { return OK; }

NOTHING(cuInit) NOTHING(cuDevicePrimaryCtxSetFlags) NOTHING(cuDevicePrimaryCtxRelease)
NOTHING(cuCtxPushCurrent_v2) NOTHING(cuCtxPopCurrent_v2)
NOTHING(cuLinkAddData) NOTHING(cuLinkDestroy) NOTHING(cuModuleUnload) NOTHING(cuLaunchKernel)
NOTHING(cuEventRecord) NOTHING(cuEventSynchronize) NOTHING(cuEventDestroy_v2)
NOTHING(cuStreamWaitEvent) NOTHING(cuStreamSynchronize) NOTHING(cuStreamDestroy_v2)
NOTHING(cuIpcGetMemHandle) NOTHING(cuIpcOpenMemHandle) NOTHING(cuIpcCloseMemHandle)

static int handle(void **out) {
  static int anything;
  *out = &anything;
  return OK;
}

int cuDevicePrimaryCtxRetain(void **context) { return handle(context); }
int cuModuleLoadData(void **module) { return handle(module); }
int cuModuleLoadDataEx(void **module) { return handle(module); }
int cuModuleGetFunction(void **function) { return handle(function); }
int cuEventCreate(void **event) { return handle(event); }
int cuStreamCreate(void **stream) { return handle(stream); }

int cuLinkCreate(unsigned n, void *options, void *values, void **state) {
  (void)n, (void)options, (void)values;
  return handle(state);
}

int cuLinkComplete(void *state, void **cubin, size_t *size) {
  static char nothing[] = "no code";
  (void)state;
  *cubin = nothing;
  *size = sizeof nothing;
  return OK;
}

static int number(int *out, int value) {
  *out = value;
  return OK;
}

int cuDriverGetVersion(int *version) { return number(version, 13000); }
int cuDeviceGet(int *device) { return number(device, 0); }
int cuDeviceGetCount(int *count) { return number(count, 1); }
int cuFuncGetAttribute(int *value) { return number(value, 1024); }
int cuCtxGetDevice(int *device) { return capability() > 0 ? number(device, 0) : NO_CONTEXT; }

int cuDeviceGetAttribute(int *value, int attribute) {
  switch (attribute) {
    case 75: return number(value, capability() / 10);
    case 76: return number(value, capability() % 10);
    case 41: return number(value, 1);        /* unified addressing */
    case 10: return number(value, 32);       /* warp size */
    case 8: return number(value, 48 * 1024); /* shared memory of a block */
    case 5: case 6: case 7: return number(value, 65535); /* blocks of a grid, x, y, z */
    default: return number(value, 1024);     /* threads of a block and the like */
  }
}

int cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *active) {
  (void)device;
  *flags = 0;
  return number(active, 0);
}

int cuDeviceGetName(char *name, int size) {
  snprintf(name, size, "pretended GPU");
  return OK;
}

int cuDeviceGetPCIBusId(char *id, int size) {
  snprintf(id, size, "0000:00:00.0");
  return OK;
}

static int text(const char **out) {
  *out = "pretended error";
  return OK;
}

int cuGetErrorString(int error, const char **out) { (void)error; return text(out); }
int cuGetErrorName(int error, const char **out) { (void)error; return text(out); }

int cuMemAlloc_v2(device_ptr *p, size_t size) {
  *p = (device_ptr)calloc(1, size);
  return *p == 0 ? FAILED : OK;
}

int cuMemAllocHost_v2(void **p, size_t size) {
  *p = calloc(1, size);
  return *p == NULL ? FAILED : OK;
}

int cuMemFree_v2(device_ptr p) { free((void *)p); return OK; }
int cuMemFreeHost(void *p) { free(p); return OK; }
int cuMemGetInfo_v2(size_t *free_size, size_t *total) { *free_size = *total = 1ULL << 33; return OK; }

static int copy(device_ptr to, device_ptr from, size_t n) {
  memmove((void *)to, (void *)from, n);
  return OK;
}

int cuMemcpyHtoD_v2(device_ptr to, void *from, size_t n) { return copy(to, (device_ptr)from, n); }
int cuMemcpyHtoDAsync_v2(device_ptr to, void *from, size_t n) { return copy(to, (device_ptr)from, n); }
int cuMemcpyDtoHAsync_v2(void *to, device_ptr from, size_t n) { return copy((device_ptr)to, from, n); }
int cuMemcpyDtoDAsync_v2(device_ptr to, device_ptr from, size_t n) { return copy(to, from, n); }
int cuMemsetD8Async(device_ptr p, unsigned char byte, size_t n) { memset((void *)p, byte, n); return OK; }

int cuMemcpyPeerAsync(device_ptr to, void *to_context, device_ptr from, void *from_context, size_t n) {
  (void)to_context, (void)from_context;
  return copy(to, from, n);
}

/* cuBLAS */

int cublasCreate_v2(void **out) { return handle(out); }
int cublasGetPointerMode_v2(void *blas, int *mode) { (void)blas; return number(mode, 0); }
NOTHING(cublasDestroy_v2) NOTHING(cublasSetStream_v2) NOTHING(cublasSetPointerMode_v2) NOTHING(cublasSetAtomicsMode)
NOTHING(cublasSdot_v2) NOTHING(cublasSgemv_v2) NOTHING(cublasSger_v2) NOTHING(cublasSgemm_v2)
NOTHING(cublasDdot_v2) NOTHING(cublasDgemv_v2) NOTHING(cublasDger_v2) NOTHING(cublasDgemm_v2)
NOTHING(cublasSgemmBatched) NOTHING(cublasDgemmBatched)

/* NVRTC */

static int record(const char *name, const char *content) {
  const char *folder = getenv("PRETEND_RECORD");
  char path[4096];
  if (folder == NULL) return FAILED;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "w");
  if (file == NULL) return FAILED;
  int good = fputs(content, file) >= 0;
  return fclose(file) == 0 && good ? OK : FAILED;
}

int nvrtcCreateProgram(void **program, const char *source, const char *name, int n, const char **headers,
                       const char **names) {
  (void)name;
  *program = strdup(source);
  for (int i = 0; i < n; i++)
    if (record(names[i], headers[i]) != OK) return FAILED;
  return *program == NULL ? FAILED : OK;
}

int nvrtcCompileProgram(void *program, int n, const char **options) {
  unsigned long long hash = 14695981039346656037ULL; /* FNV-1a: equal sources share a file */
  char name[128];
  for (const char *c = program; *c != '\0'; c++) hash = (hash ^ (unsigned char)*c) * 1099511628211ULL;
  snprintf(name, sizeof name, "%016llx.%s.cu", hash, n > 1 ? options[1] : "none");
  return record(name, program);
}

int nvrtcDestroyProgram(void **program) { free(*program); return OK; }
int nvrtcGetProgramLogSize(void *program, size_t *size) { (void)program; *size = 1; return OK; }
int nvrtcGetProgramLog(void *program, char *log) { (void)program; *log = '\0'; return OK; }
int nvrtcGetPTXSize(void *program, size_t *size) { (void)program; *size = 1; return OK; }
int nvrtcGetPTX(void *program, char *ptx) { (void)program; *ptx = '\0'; return OK; }
const char *nvrtcGetErrorString(int result) { return result == OK ? "no error" : "PRETEND_RECORD cannot be written"; }
