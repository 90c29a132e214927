"""The settings with which docs/hub.md lets several processes share a card lose no memory."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.daily("uses the emulated GPU, which takes fifteen seconds to build")
SETTING = re.compile(r"^    LAB_THEANO_FLAGS=(gpuarray\.preallocate=\S+)", re.M)
PAGE = Path(__file__).parents[2] / "docs" / "hub.md"
# the default, and the page's, which is not in the image
SETTINGS = ["gpuarray.preallocate=0", *(SETTING.findall(PAGE.read_text()) if PAGE.is_file() else ())]
# One thread allocates memory, another one that has never computed drops it, as the panels of a notebook do.
CODE = """
import threading
import numpy, theano
from theano.gpuarray.type import get_context

def in_a_thread(call):
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()

kept, free = [], []
for _ in range(3):
    in_a_thread(lambda: kept.append(theano.shared(numpy.zeros((1000, 1000), "float32"))))
    in_a_thread(kept.clear)
    in_a_thread(lambda: free.append(get_context(None).free_gmem))
print(free[0] - free[-1])
"""


@pytest.mark.skipif(importlib.util.find_spec("pygpu") is None, reason="no pygpu (`make pygpu` builds it)")
@pytest.mark.parametrize("setting", SETTINGS)
def test_memory_that_another_thread_drops_is_used_again(emulated_gpu, setting):
    environ = {**os.environ, **emulated_gpu, "LXMLS_DEVICE": "cuda", "THEANO_FLAGS": f"gpuarray.cache_path=,{setting}"}
    done = subprocess.run([sys.executable, "-c", CODE], env=environ, capture_output=True, text=True)
    assert done.stdout.split()[-1:] == ["0"], done.stderr


@pytest.mark.skipif(not PAGE.is_file(), reason="the documentation is not in the image")
def test_the_page_names_settings():
    assert SETTINGS[1:]
