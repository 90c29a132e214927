/* A libnvrtc.so for libgpuarray that forwards to NVIDIA's run-time compiler and corrects the requested architecture.
 *
 *     gcc -shared -fPIC -O2 -Wall -Wextra -o libnvrtc.so nvrtc_shim.c -ldl
 *
 * Why it is needed. libgpuarray 0.7.6 writes the architecture into a buffer that holds two digits (detect_arch in
 * src/gpuarray_buffer_cuda.c), so a device of compute capability 10.0 or 12.0 asks for compute_10 or compute_12, which
 * no compiler has. It also asks for exactly the device's architecture, so a GPU newer than the CUDA toolkit fails too,
 * although PTX for an older one runs on it: the driver translates PTX for any device at or above its target.
 *
 * What it does. It forwards what libgpuarray loads (src/loaders/libnvrtc.fn) and what a diagnosis asks to the real
 * NVRTC. In nvrtcCompileProgram it asks the driver for the capability of the current device, and replaces the requested
 * architecture by the highest that NVRTC supports and that is not above the device's.
 *
 * LXMLS_NVRTC=/path/to/libnvrtc.so.12 names the real one, or several with colons between them; by default these are all
 * that the dynamic linker finds, newest first. The first that is not newer than the driver is taken, because a driver
 * rejects the PTX of a newer CUDA. The builtins that it needs are loaded from its own folder.
 * Libraries are loaded once and then only read, so any thread may call.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* NVRTC's own result codes are small, so this one is distinct. */
enum { SUCCESS = 0, NOT_LOADED = 5300 };

/* From cuda.h: the numbers of the two attributes are part of the driver's stable interface. */
enum { CAPABILITY_MAJOR = 75, CAPABILITY_MINOR = 76 };

/* name, parameters, arguments of the functions that are forwarded unchanged */
#define FORWARDED(F)                                                                                                  \
  F(nvrtcCreateProgram,                                                                                               \
    (void **program, const char *source, const char *name, int count, const char *const *headers,                     \
     const char *const *names),                                                                                       \
    (program, source, name, count, headers, names))                                                                   \
  F(nvrtcDestroyProgram, (void **program), (program))                                                                 \
  F(nvrtcGetProgramLogSize, (void *program, size_t *size), (program, size))                                           \
  F(nvrtcGetProgramLog, (void *program, char *log), (program, log))                                                   \
  F(nvrtcGetPTXSize, (void *program, size_t *size), (program, size))                                                  \
  F(nvrtcGetPTX, (void *program, char *ptx), (program, ptx))                                                          \
  F(nvrtcVersion, (int *major, int *minor), (major, minor))                                                           \
  F(nvrtcGetNumSupportedArchs, (int *count), (count))                                                                 \
  F(nvrtcGetSupportedArchs, (int *archs), (archs))

static struct {
  char problem[512]; /* why NVRTC cannot be used; empty if it can */
#define POINTER(name, parameters, arguments) int(*name) parameters;
  FORWARDED(POINTER)
#undef POINTER
  int (*nvrtcCompileProgram)(void *program, int count, const char *const *options);
  const char *(*nvrtcGetErrorString)(int result);
  int *archs, n_archs; /* its architectures, 75 for compute_75; none before CUDA 11.2, which has no function for them */
} real;

static struct {
  int (*cuCtxGetDevice)(int *device);
  int (*cuDeviceGetAttribute)(int *value, int attribute, int device);
  int (*cuDriverGetVersion)(int *version);
} driver;

/* The highest of `supported` that is not above the device's capability (75 for 7.5), or 0 if there is none. */
int lxmls_choose_arch(int device_cc, const int *supported, int n) {
  int best = 0;
  for (int i = 0; i < n; i++)
    if (supported[i] <= device_cc && supported[i] > best) best = supported[i];
  return best;
}

/* The last is the name from CUDA 11.2 to 11.8. */
#define NEWEST_FIRST                                                                                                  \
  "libnvrtc.so.19:libnvrtc.so.18:libnvrtc.so.17:libnvrtc.so.16:libnvrtc.so.15:libnvrtc.so.14:libnvrtc.so.13:"          \
  "libnvrtc.so.12:libnvrtc.so.11.2"

/* Whether an NVRTC is the shim itself. */
static int is_shim(void *library) { return dlsym(library, "lxmls_choose_arch") != NULL; }

/* Whether an NVRTC is newer than the driver; 0 if a version is unknown. */
static int is_too_new(void *library) {
  int (*version)(int *, int *) = dlsym(library, "nvrtcVersion");
  int major, minor, supported;
  if (is_shim(library) || version == NULL || driver.cuDriverGetVersion == NULL) return 0;
  if (version(&major, &minor) != SUCCESS || driver.cuDriverGetVersion(&supported) != SUCCESS) return 0;
  return 1000 * major + 10 * minor > supported;
}

/* The first NVRTC that is not too new, else the first. Those that are not taken stay loaded, which does no harm. */
static void *open_nvrtc(void) {
  const char *given = getenv("LXMLS_NVRTC");
  int is_given = given != NULL && *given != '\0';
  char *names = strdup(is_given ? given : NEWEST_FIRST), *rest = names, *name;
  void *taken = NULL;
  int is_fitting = 0;
  while (!is_fitting && (name = strsep(&rest, ":")) != NULL) {
    void *library = *name == '\0' ? NULL : dlopen(name, RTLD_NOW);
    if (library == NULL) {
      if (is_given)
        snprintf(real.problem, sizeof real.problem, "LXMLS_NVRTC=%s cannot be loaded: %s", name, dlerror());
      continue;
    }
    is_fitting = !is_too_new(library);
    if (taken != NULL && !is_fitting) continue;
    taken = library;
  }
  free(names);
  if (taken != NULL) {
    *real.problem = '\0';
  } else if (!is_given) {
    snprintf(real.problem, sizeof real.problem,
             "CUDA's run-time compiler was not found: install the toolkit's libnvrtc, or set LXMLS_NVRTC to its path");
  }
  return taken;
}

/* At its first compilation NVRTC opens libnvrtc-builtins by name. CUDA 13.0's has no RUNPATH to its own folder, but a
   library that is already loaded under that name is used, so the one in NVRTC's folder is loaded here. */
static void open_builtins(void) {
  int major, minor;
  Dl_info found;
  char file[PATH_MAX], builtins[PATH_MAX + 64];
  if (real.nvrtcVersion == NULL || real.nvrtcVersion(&major, &minor) != SUCCESS) return;
  if (dladdr((void *)real.nvrtcVersion, &found) == 0 || realpath(found.dli_fname, file) == NULL) return;
  *strrchr(file, '/') = '\0';
  snprintf(builtins, sizeof builtins, "%s/libnvrtc-builtins.so.%d.%d", file, major, minor);
  dlopen(builtins, RTLD_NOW);
}

static void load(void) {
  /* First the name that libgpuarray uses, because the current device is a state of that library. */
  void *cuda = dlopen("libcuda.so", RTLD_NOW);
  if (cuda == NULL) cuda = dlopen("libcuda.so.1", RTLD_NOW);
  if (cuda != NULL) {
    driver.cuCtxGetDevice = dlsym(cuda, "cuCtxGetDevice");
    driver.cuDeviceGetAttribute = dlsym(cuda, "cuDeviceGetAttribute");
    driver.cuDriverGetVersion = dlsym(cuda, "cuDriverGetVersion");
  }

  void *library = open_nvrtc();
  if (library == NULL) return;
  if (is_shim(library)) {
    snprintf(real.problem, sizeof real.problem,
             "the libnvrtc that was found is the shim itself: set LXMLS_NVRTC to the path of NVIDIA's");
    return;
  }
#define LOOK_UP(name, parameters, arguments) real.name = dlsym(library, #name);
  FORWARDED(LOOK_UP)
#undef LOOK_UP
  real.nvrtcCompileProgram = dlsym(library, "nvrtcCompileProgram");
  real.nvrtcGetErrorString = dlsym(library, "nvrtcGetErrorString");
  if (real.nvrtcCompileProgram == NULL || real.nvrtcGetErrorString == NULL) {
    snprintf(real.problem, sizeof real.problem, "the libnvrtc that was found has no nvrtcCompileProgram");
    return;
  }
  open_builtins();
  int n = 0;
  if (real.nvrtcGetNumSupportedArchs == NULL || real.nvrtcGetSupportedArchs == NULL) return;
  if (real.nvrtcGetNumSupportedArchs(&n) != SUCCESS || n <= 0) return;
  real.archs = calloc(n, sizeof *real.archs);
  if (real.archs != NULL && real.nvrtcGetSupportedArchs(real.archs) == SUCCESS) real.n_archs = n;
}

static void load_once(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load);
}

/* The capability of the device of this thread's current context, 75 for 7.5; 0 if it is unknown. */
static int current_device_cc(void) {
  int device, major, minor;
  if (driver.cuCtxGetDevice == NULL || driver.cuDeviceGetAttribute == NULL) return 0;
  if (driver.cuCtxGetDevice(&device) != SUCCESS) return 0;
  if (driver.cuDeviceGetAttribute(&major, CAPABILITY_MAJOR, device) != SUCCESS) return 0;
  if (driver.cuDeviceGetAttribute(&minor, CAPABILITY_MINOR, device) != SUCCESS) return 0;
  return 10 * major + minor;
}

/* Report a GPU that is too old, once instead of for each of some fifty kernels. */
static void say_too_old(int cc) {
  static atomic_flag said = ATOMIC_FLAG_INIT;
  int lowest = real.archs[0], major = 0, minor = 0;
  if (atomic_flag_test_and_set(&said)) return;
  for (int i = 1; i < real.n_archs; i++)
    if (real.archs[i] < lowest) lowest = real.archs[i];
  if (real.nvrtcVersion != NULL) real.nvrtcVersion(&major, &minor);
  fprintf(stderr, "lxmls: this GPU has compute capability %d.%d and the compiler of CUDA %d.%d starts at %d.%d: %s.\n",
          cc / 10, cc % 10, major, minor, lowest / 10, lowest % 10,
          lowest > 50 ? "build the image with CUDA=wheels, which starts at 5.0" : "train on the CPU");
}

/* The architecture to compile for instead of compute_<asked>, or 0 to leave the option as it is. */
static int better_arch(int asked) {
  int cc = current_device_cc();
  int known = cc > 0;
  /* CUDA 11 and later support no GPU below 3.0, so a smaller number has lost its last digit and is the major version.
     The lowest device of that version is a safe guess. */
  if (!known) cc = asked < 30 ? 10 * asked : asked;
  if (real.n_archs == 0) return cc;
  int arch = lxmls_choose_arch(cc, real.archs, real.n_archs);
  if (arch == 0 && known) say_too_old(cc);
  return known || asked < 30 ? arch : 0;
}

/* Where "compute_..." starts in options[i], if that is the architecture, else NULL. */
static const char *arch_in(const char *const *options, int i) {
  static const char *const names[] = {"-arch", "--gpu-architecture"};
  for (int k = 0; k < 2; k++) {
    size_t length = strlen(names[k]);
    const char *value = NULL;
    if (i > 0 && strcmp(options[i - 1], names[k]) == 0)
      value = options[i];
    else if (strncmp(options[i], names[k], length) == 0 && options[i][length] == '=')
      value = options[i] + length + 1;
    if (value != NULL && strncmp(value, "compute_", 8) == 0) return value;
  }
  return NULL;
}

int nvrtcCompileProgram(void *program, int count, const char *const *options) {
  load_once();
  if (*real.problem) return NOT_LOADED;
  const char **changed = malloc((count > 0 ? count : 1) * sizeof *changed);
  char text[64];
  if (changed != NULL) {
    for (int i = 0; i < count; i++) {
      const char *value = arch_in(options, i);
      char *end;
      int arch = 0;
      changed[i] = options[i];
      if (value != NULL) {
        long asked = strtol(value + 8, &end, 10);
        if (*end == '\0') arch = better_arch((int)asked); /* compute_90a is kept, because it is requested on purpose */
      }
      if (arch > 0) {
        snprintf(text, sizeof text, "%.*scompute_%d", (int)(value - options[i]), options[i], arch);
        changed[i] = text;
      }
    }
    options = changed;
  }
  int result = real.nvrtcCompileProgram(program, count, options);
  free(changed);
  return result;
}

const char *nvrtcGetErrorString(int result) {
  load_once();
  if (*real.problem) return real.problem;
  return result == NOT_LOADED ? "this libnvrtc is too old to have the function" : real.nvrtcGetErrorString(result);
}

#define FORWARD(name, parameters, arguments)                                                                          \
  int name parameters {                                                                                               \
    load_once();                                                                                                      \
    return *real.problem || real.name == NULL ? NOT_LOADED : real.name arguments;                                     \
  }
FORWARDED(FORWARD)
