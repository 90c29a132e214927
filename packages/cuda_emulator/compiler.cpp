/* NVRTC, as far as libgpuarray 0.7.6 loads it: the C++ compiler on PATH makes a shared library of a kernel.
 *
 * What stands for PTX and for a cubin is an Image (driver.h). */
#include <regex.h> /* <regex> alone takes g++ two seconds */
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "context.h"
#include "driver.h"

namespace fs = std::filesystem;
using std::string;

enum { FILE_ERROR = 3, COMPILATION = 6 }; /* nvrtcResult, as is OK */

struct Program {
  string source, log, image;
  std::map<string, string> headers;
};

static string read(const fs::path &path) {
  std::ifstream file(path, std::ios::binary);
  return string(std::istreambuf_iterator<char>(file), {});
}

static bool write(const fs::path &path, const string &content) {
  std::ofstream file(path, std::ios::binary);
  file << content;
  return bool(file.flush());
}

/* Calls `found` with where each match of a pattern and its first group, if it has one, begin and end. */
static void search(const string &source, const char *pattern, const std::function<void(regmatch_t *)> &found) {
  regex_t regex;
  if (regcomp(&regex, pattern, REG_EXTENDED) != 0) abort();
  regmatch_t match[2] = {{0, 0}, {0, 0}};
  for (regoff_t from = 0; from <= regoff_t(source.size()); from = match[0].rm_eo) {
    match[0] = {from, regoff_t(source.size())};
    if (regexec(&regex, source.c_str(), 2, match, REG_STARTEND) != 0) break;
    found(match);
  }
  regfree(&regex);
}

/* The names of all first groups of a pattern. */
static std::set<string> names(const string &source, const char *pattern) {
  std::set<string> found;
  search(source, pattern, [&](regmatch_t *match) {
    found.insert(source.substr(match[1].rm_so, match[1].rm_eo - match[1].rm_so));
  });
  return found;
}

static string replaced(const string &source, const char *pattern, const string &by) {
  string result;
  regoff_t end = 0;
  search(source, pattern, [&](regmatch_t *match) {
    result += source.substr(end, match[0].rm_so - end) + by;
    end = match[0].rm_eo;
  });
  return result + source.substr(end);
}

/* From CUDA, preprocessed, to what kernel.h explains to a C++ compiler. Adds options for the linker. */
static string in_cpp(const string &cuda, string &options) {
  string source = replaced(cuda, "extern\\s+__shared__", "extern");
  source = replaced(source, "__shared__", "static EMULATED_SHARED");
  for (const string &name : names(cuda, "extern\\s+__shared__[^;[]*\\<(\\w+)\\s*\\["))
    options += " -Wl,--defsym=" + name + "=emulated_dynamic";
  for (const string &name : names(cuda, "__global__\\s+void\\s+(\\w+)\\s*\\("))
    source += "\nEMULATED_KERNEL(" + name + ")\n";
  return source;
}

/* For whoever wants to see what is compiled: each source in the folder EMULATED_RECORD, named after its hash and the
   architecture asked for, and the headers beside it. */
static bool record(const Program &program, const string &architecture) {
  const char *folder = getenv("EMULATED_RECORD");
  if (folder == NULL) return true;
  bool good = true;
  for (const auto &[name, content] : program.headers) good &= write(fs::path(folder) / name, content);
  std::ostringstream name;
  name << std::hex << std::hash<string>()(program.source) << '.' << architecture << ".cu";
  return good && write(fs::path(folder) / name.str(), program.source);
}

/* The option that defines __CUDA_ARCH__: 900 for compute_90. */
static string cuda_arch(int n, const char **options) {
  const string architecture = n > 1 ? options[1] : "compute_75";
  return " -D__CUDA_ARCH__=" + architecture.substr(architecture.find('_') + 1) + "0";
}

/* The file of a compiled kernel in the folder EMULATED_KERNELS; empty without one. */
static fs::path kept(const Program &program, int n, const char **options) {
  const char *folder = getenv("EMULATED_KERNELS");
  if (folder == NULL) return {};
  string key = program.source;
  for (const auto &[name, content] : program.headers) key += '\0' + name + '\0' + content;
  for (int i = 0; i < n; i++) key += string(1, '\0') + options[i];
  std::ostringstream name;
  name << std::hex << std::hash<string>()(key) << ".so";
  return fs::path(folder) / name.str();
}

static int compile(Program &program, int n, const char **compiler_options) {
  const fs::path file = kept(program, n, compiler_options);
  std::error_code ignored;
  if (!file.empty() && fs::exists(file)) {
    program.image = image_of(read(file));
    return OK;
  }
  string folder = file.empty() ? temporary("emulated-compiler") : (file.parent_path() / "XXXXXX").string();
  if (mkdtemp(folder.data()) == NULL) return FILE_ERROR;
  const fs::path here = folder;
  bool written = write(here / "kernel.cu", program.source);
  for (const auto &[name, content] : program.headers) written &= write(here / name, content);
  const string in = "cd '" + folder + "' && exec 2>log && ";
  string options;
  int status = 0;
  if (written) {
    status = system((in + "g++ -E -P -x c++" + cuda_arch(n, compiler_options) + " -o kernel.ii kernel.cu").c_str());
    if (status == 0) written = write(here / "kernel.cpp", in_cpp(read(here / "kernel.ii"), options));
  }
  if (written && status == 0)
    status = system((in + "g++ -std=c++17 -O1 -ffp-contract=off -w -fPIC -fsanitize=thread -include '" KERNEL_H
                          "' -c kernel.cpp && g++ -shared -Wl,-Bsymbolic,--defsym=emulated_position=emulated_here"
                          " -o kernel.so kernel.o" + options).c_str());
  program.log = read(here / "log");
  const string library = read(here / "kernel.so");
  if (!file.empty() && written && status == 0) fs::rename(here / "kernel.so", file, ignored);
  fs::remove_all(here, ignored);
  if (!written) return FILE_ERROR;
  if (status != 0) return COMPILATION;
  program.image = image_of(library);
  return OK;
}

extern "C" {

int nvrtcVersion(int *major, int *minor) { *major = 13, *minor = 0; return OK; }
int nvrtcGetNumSupportedArchs(int *count) { *count = 2; return OK; }
int nvrtcGetSupportedArchs(int *archs) { archs[0] = 75, archs[1] = 120; return OK; }

int nvrtcCreateProgram(Program **program, const char *source, const char *, int n, const char **headers,
                       const char **names) {
  *program = new Program{source, "", "", {}};
  for (int i = 0; i < n; i++) (*program)->headers[names[i]] = headers[i];
  return OK;
}

int nvrtcCompileProgram(Program *program, int n, const char **options) {
  return record(*program, n > 1 ? options[1] : "none") ? compile(*program, n, options) : FILE_ERROR;
}

int nvrtcDestroyProgram(Program **program) { delete *program; *program = NULL; return OK; }

int nvrtcGetProgramLogSize(Program *program, size_t *size) { *size = program->log.size() + 1; return OK; }
int nvrtcGetProgramLog(Program *program, char *log) {
  memcpy(log, program->log.c_str(), program->log.size() + 1);
  return OK;
}

int nvrtcGetPTXSize(Program *program, size_t *size) { *size = program->image.size(); return OK; }
int nvrtcGetPTX(Program *program, char *ptx) {
  memcpy(ptx, program->image.data(), program->image.size());
  return OK;
}

const char *nvrtcGetErrorString(int result) {
  return result == OK ? "no error" : result == COMPILATION ? "the compiler refuses" : "a file cannot be written";
}
}
