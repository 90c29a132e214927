"""Edits of libgpuarray and pygpu 0.7.6: support for NumPy 2, bug fixes, and headers and library inside the package.

The edits suit the last commit, 9cec614, and the release 0.7.6. File names are relative to the folder of the sources.
"""

import re

from theano_build.edit import Edit

CUDA = "src/gpuarray_buffer_cuda.c"
NO_UPDATEIFCOPY = re.compile(r'    assert x\.flags\["UPDATEIFCOPY"\].*\n( +y\.flags\)\n)?'), ""

EDITS = {
    "NumPy 2 raises an error for copy=False if it has to copy": (
        Edit(
            "pygpu/gpuarray.pyx",
            "numpy.array(proto, dtype=dtype_to_npdtype(dtype), order=order,\n",
            "numpy.array(numpy.asarray(proto, dtype=dtype_to_npdtype(dtype), order=order),\n",
        ),
    ),
    "NumPy 1.24 to 1.26 have no np.bool": (Edit("pygpu/dtypes.py", "np.bool,", "np.bool_,"),),
    "Python 3.12 warns about an unknown escape sequence": (
        Edit("pygpu/reduction.py", "re.compile('(", "re.compile(r'("),
        Edit("pygpu/reduction.py", "'\\g<1>[0]'", "r'\\g<1>[0]'"),
    ),
    "NumPy 2 has no flag UPDATEIFCOPY": (
        Edit("pygpu/tests/support.py", *NO_UPDATEIFCOPY),
        Edit("pygpu/tests/test_gpu_ndarray.py", *NO_UPDATEIFCOPY, 2),
        Edit("pygpu/tests/test_gpu_ndarray.py", "'A', 'U',", "'A',"),
        Edit("pygpu/tests/test_gpu_ndarray.py", "'UPDATEIFCOPY', ", ""),
        Edit("pygpu/tests/test_gpu_ndarray.py", "'updateifcopy', ", ""),
    ),
    "The headers and the library are in the package": (
        Edit(
            "pygpu/__init__.py",
            "p = os.path.dirname(__file__)",
            "p = os.path.join(os.path.dirname(__file__), 'include')",
        ),
    ),
    "Only development packages have the library names without a version that libgpuarray loads": (
        Edit(
            "src/loaders/dyn_load.c",
            "  void *res = dlopen(name, RTLD_LAZY|RTLD_LOCAL);\n",
            "  char versioned[64]; /* libcuda.so.1 */\n"
            "  void *res = dlopen(name, RTLD_LAZY|RTLD_LOCAL);\n"
            "  if (res == NULL) {\n"
            '    snprintf(versioned, sizeof versioned, "%s.1", name);\n'
            "    res = dlopen(versioned, RTLD_LAZY|RTLD_LOCAL);\n"
            "  }\n",
        ),
        Edit("src/loaders/dyn_load.c", "#include <stddef.h>\n", "#include <stddef.h>\n#include <stdio.h>\n"),
    ),
    "A kernel from the cache was returned inside the context, which no other thread could then enter": (
        Edit(
            CUDA,
            "      strb_clear(&src);\n      *k = res;\n",
            "      strb_clear(&src);\n      cuda_exit(ctx);\n      *k = res;\n",
        ),
    ),
    "Memory was freed without the context, which fails silently in a thread that has none": (
        Edit(
            CUDA,
            "    cuda_context *ctx = d->ctx;\n    if (d->flags & DONTFREE) {",
            "    cuda_context *ctx = d->ctx;\n    cuda_enter(ctx);\n    if (d->flags & DONTFREE) {",
        ),
        Edit(
            CUDA,
            "    cuda_free_ctx(ctx);\n  }\n}\n\nstatic int cuda_share",
            "    cuda_exit(ctx);\n    cuda_free_ctx(ctx);\n  }\n}\n\nstatic int cuda_share",
        ),
    ),
    "A copy to the host returned before it was complete, if the host's memory is pinned": (
        Edit(
            CUDA,
            "          cuda_records(src, CUDA_WAIT_READ, ctx->mem_s));\n    }\n    cuda_exit(ctx);",
            "          cuda_records(src, CUDA_WAIT_READ, ctx->mem_s));\n\n"
            "      CUDA_EXIT_ON_ERROR(ctx, cuStreamSynchronize(ctx->mem_s));\n    }\n    cuda_exit(ctx);",
        ),
    ),
}
