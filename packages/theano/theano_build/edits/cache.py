"""A compile cache that survives crashes and serves every process."""

import re

from theano_build.edit import Edit

EDITS = {
    "A damaged file of the compile cache must be deleted and compiled again": (
        Edit(
            "gof/cmodule.py",
            "import theano\n",
            "import theano, theano_runtime.compiler, theano_runtime.entries, theano_runtime.failures\n",
        ),
        Edit("gof/cmodule.py", "pickle.load(f)", "theano_runtime.entries.load_key(f)", 3),
        Edit(
            "gof/cmodule.py",
            "with open(self.key_pkl, 'wb') as f:\n"
            "                pickle.dump(self, f, protocol=pickle.HIGHEST_PROTOCOL)\n",
            "theano_runtime.entries.save(self)\n",
        ),
        Edit("gof/cmodule.py", "            os.remove(self.key_pkl)\n", ""),
        Edit("gof/cmodule.py", "msg='broken cache directory [EOF]',", "msg='damaged',"),
        Edit(
            "gof/cmodule.py",
            re.compile(r"(msg='damaged',\n *)level=logging\.WARNING"),
            r"\1level=logging.INFO",
        ),
        # Another process may delete an entry after it was listed.
        Edit("gof/cmodule.py", "files = os.listdir(root)", "files = theano_runtime.entries.listing(root)"),
        Edit("gof/cmodule.py", "files = os.listdir(a[0])", "files = theano_runtime.entries.listing(a[0])"),
        Edit(
            "gof/cmodule.py", "return os.stat(path)[stat.ST_ATIME]", "return theano_runtime.entries.last_access(path)"
        ),
        Edit("gof/cmodule.py", "= dlimport(name)", "= theano_runtime.entries.load_module(dlimport, name)"),
        Edit(
            "gof/cmodule.py",
            "    def module_from_key(",
            "    @theano_runtime.entries.repairing\n    def module_from_key(",
        ),
        *(
            Edit(
                file,
                re.compile(r"( +)(location = os\.path\.join\(config\.compiledir, '\w+'\)\n)"),
                r"\1\2\1import theano_runtime.entries\n\1theano_runtime.entries.prepare(location)\n",
            )
            for file in ("gof/cutils.py", "gof/lazylinker_c.py")
        ),
        Edit(
            "scan_module/scan_perform_ext.py",
            "\ntry:\n    try_import()\n",
            "\nimport theano_runtime.entries\n"
            "theano_runtime.entries.prepare(os.path.join(config.compiledir, 'scan_perform'))\n"
            "try:\n    try_import()\n",
        ),
    ),
    "Ops with empty __props__ (Dot22, Softmax, Alloc, ...) had no version and were compiled in every process": (
        Edit("gof/cc.py", "if hasattr(node.op, '__props__'):", "if getattr(node.op, '__props__', ()):"),
    ),
    "Python's hash of a string differs between processes, so DimShuffle and others were compiled in each": (
        Edit("gof/op.py", "import inspect\n", "import hashlib\nimport inspect\n"),
        Edit(
            "gof/op.py",
            "(hash(tuple(self.func_codes)), )",
            "(hashlib.sha256('\\0'.join(self.func_codes).encode()).hexdigest(), )",
        ),
    ),
    "The name of a C struct with a GPU context contained an address, so its modules were compiled in each process": (
        Edit(
            "gpuarray/type.py",
            "    # c_sync is intentionally not declared",
            "    def __str__(self):\n        return 'GpuContextType'\n\n    # c_sync is intentionally not declared",
        ),
    ),
}
