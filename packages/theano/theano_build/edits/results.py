"""Results that differ from the mathematical function."""

import re

from theano_build.edit import Edit

EDITS = {
    "In float64 the logistic function rounds to 1 from x = 37 on; C code returned 1 from 19 on, an error of 6e-9": (
        Edit("tensor/nnet/sigm.py", "%(x)s > 19.0 ? 1.0 :", "%(x)s > 37.0 ? 1.0 :"),
        Edit(
            "tensor/nnet/sigm.py",
            re.compile(r"(super\(ScalarSigmoid, self\)\.c_code_cache_version\(\)\n *if v:\n *return )\(2,\) \+ v"),
            r"\1(3,) + v",
        ),
    ),
}
