"""Compilation: in parallel, interruptible, and with errors that are one sentence."""

import re

from theano_build.edit import Edit

# VM_Linker.make_all
VM_LINKER = re.compile(r"(    def make_all\(self, profiler=None, input_storage=None,\n.*\n *\):)")
# The lines of FunctionMaker.create that link
LINK = re.compile(
    r" {8}limit_orig = .*\n {8}try:\n.*\n {4}( +_fn, _i, _o = .*\n) {4}(.*storage_map\)\n) {8}finally:\n.*\n"
)

EDITS = {
    "An error of compiling C code must be one sentence": (
        Edit(
            "gof/cmodule.py",
            "            try:\n                location = dlimport_workdir(self.dirname)\n",
            "            location = dlimport_workdir(self.dirname)\n            try:\n",
        ),
        Edit(
            "gof/cmodule.py",
            "    return tempfile.mkdtemp(dir=basedir)\n",
            "    with theano_runtime.failures.explained(basedir):\n        return tempfile.mkdtemp(dir=basedir)\n",
        ),
        Edit("gof/opt.py", "import theano\nfrom", "import theano, theano_runtime.failures\nfrom"),
        Edit(
            "gof/opt.py",
            '        _logger.error("SeqOptimizer apply',
            '        theano_runtime.failures.pass_on(exc)\n        _logger.error("SeqOptimizer apply',
        ),
        Edit(
            "gof/opt.py",
            '        """\n        if config.on_opt_error != ',
            '        """\n        theano_runtime.failures.pass_on(exc)\n        if config.on_opt_error != ',
        ),
    ),
    "A compiler that does not return must be reported, and killed on an interrupt": (
        Edit("misc/windows.py", "import subprocess\n", "import subprocess, theano_runtime.programs\n"),
        Edit(
            "misc/windows.py",
            re.compile(r"    with open\(os\.devnull, 'wb'\) as null:\n( {8}.*\n)+    return returncode\n"),
            "    return theano_runtime.programs.run(command).status\n",
        ),
        Edit(
            "misc/windows.py",
            re.compile(r"    params\['stdout'\] = subprocess\.PIPE\n(    .*\n)+    return out \+ \(p\.returncode,\)\n"),
            "    done = theano_runtime.programs.run(command)\n    return done.output, done.errors, done.status\n",
        ),
    ),
    "Constants of Ops that only move numbers can be folded in Python; C code was compiled to run once": (
        Edit(
            "tensor/opt.py",
            "    if (hasattr(node.op, 'python_constant_folding') and\n"
            "            node.op.python_constant_folding(node)):\n",
            "    movers = (T.Alloc, T.ScalarFromTensor, T.TensorFromScalar, T.Rebroadcast, DimShuffle, MakeVector,\n"
            "              Shape, Shape_i, Subtensor)\n"
            "    if isinstance(node.op, movers) or (\n"
            "            hasattr(node.op, 'python_constant_folding') and\n"
            "            node.op.python_constant_folding(node)):\n",
        ),
    ),
    "The modules of a function are compiled in parallel, with a precompiled header and other options": (
        Edit("gof/vm.py", "import theano.gof.cmodule\n", "import theano.gof.cmodule\nimport theano_runtime.compiler\n"),
        Edit("gof/vm.py", VM_LINKER, r"    @theano_runtime.compiler.in_parallel\n\1"),
        Edit(
            "gof/cmodule.py",
            "    @staticmethod\n    def compile_str(module_name, src_code, location=None,\n",
            "    @staticmethod\n    @theano_runtime.compiler.compiling\n"
            "    def compile_str(module_name, src_code, location=None,\n",
        ),
    ),
    "Threads must take turns to compile, because they share the optimiser and the module cache": (
        Edit("compile/function_module.py", "import theano\n", "import theano\nimport theano_runtime.contexts\n"),
        Edit(
            "compile/function_module.py",
            "\ndef orig_function(",
            "\n@theano_runtime.contexts.in_turns\ndef orig_function(",
        ),
        # Copying and unpickling a function link it, too
        Edit(
            "compile/function_module.py",
            "    def copy(self, share_memory",
            "    @theano_runtime.contexts.in_turns\n    def copy(self, share_memory",
        ),
        Edit(
            "compile/function_module.py",
            re.compile(r"(def _constructor_Function(Maker)?\()"),
            r"@theano_runtime.contexts.in_turns\n\1",
            2,
        ),
    ),
    "While one thread compiles, another may build a graph, whose errors must name the lines that built it": (
        Edit("compile/function_module.py", LINK, r"\1\2"),
        Edit("compile/function_module.py", re.compile(r" {12}limit_orig = .*\n"), ""),
        Edit("compile/function_module.py", re.compile(r" {16}theano\.config\.traceback\.limit = .*\n"), "", 2),
        Edit(
            "gof/utils.py", "from theano import config\n", "import theano_runtime.contexts\nfrom theano import config\n"
        ),
        Edit(
            "gof/utils.py",
            "        user_line = config.traceback.limit\n",
            "        is_compiling = theano_runtime.contexts.TURN.is_mine()\n"
            "        user_line = config.traceback.compile_limit if is_compiling else config.traceback.limit\n",
        ),
    ),
    "While one thread compiles, another may set compute_test_value": (
        Edit(
            "compile/function_module.py",
            "            compute_test_value_orig = theano.config.compute_test_value\n",
            "            compute_test_value_orig = theano.config.compute_test_value\n"
            "            swap_test_value = compute_test_value_orig != theano.config.compute_test_value_opt\n",
        ),
        Edit(
            "compile/function_module.py",
            re.compile(r" {16}(theano\.config\.compute_test_value = \\\n)"),
            r"                if swap_test_value:\n                    \1    ",
        ),
        Edit(
            "compile/function_module.py",
            re.compile(r" {16}(theano\.config\.compute_test_value = compute_test_value_orig\n)"),
            r"                if swap_test_value:\n                    \1",
        ),
        Edit(
            "compile/function_module.py",
            re.compile(
                r" {8}(with theano\.change_flags\(compute_test_value=\"off\"\):\n) {12}(fn = m\.create\(defaults\)\n)"
            ),
            r'        if theano.config.compute_test_value == "off":\n            \2'
            r"        else:\n            \1                \2",
        ),
    ),
    "Loading a module must not remove what another thread has added to sys.path, nor restore its warning filters": (
        Edit(
            "gof/cmodule.py",
            "        del sys.path[0]\n",
            "        if workdir in sys.path:\n            sys.path.remove(workdir)\n",
        ),
        Edit(
            "gof/cmodule.py",
            re.compile(r" {8}with warnings\.catch_warnings\(\):\n(?: {12}.*\n)+? {4}( {8}rval = __import__)"),
            r"\1",
        ),
        Edit(
            "gof/cutils.py",
            "    if sys.path[0] == config.compiledir:\n        del sys.path[0]\n",
            "    if config.compiledir in sys.path:\n        sys.path.remove(config.compiledir)\n",
        ),
        *(
            Edit(file, "    del sys.path[0]\n", "    sys.path.remove(config.compiledir)\n", 2)
            for file in ("gof/lazylinker_c.py", "scan_module/scan_perform_ext.py")
        ),
        Edit(
            "scan_module/scan_perform_ext.py",
            re.compile(r"with warnings\.catch_warnings\(\):\n.*\n.*\n    (from scan_perform\.)"),
            r"\1",
        ),
    ),
}
