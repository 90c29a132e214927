"""The lab guide's cells with `lxmls` replaced by `lxmls_rnn`: two editions with Theano, and the one of 2026."""

import re
from pathlib import Path

import numpy as np
import pytest
from environment import HANG_SECONDS

from lxmls_rnn import paths
from lxmls_rnn.datasets.corpora import corpus_files
from lxmls_rnn.readers.pos_corpus import GUIDE_FILES

LOAD_DATA = """
import lxmls_rnn.readers.pos_corpus as pcc
corpus = pcc.PostagCorpus()
train_seq = corpus.read_sequence_list_conll(WSJ_TRAIN, max_sent_len=15, max_nr_sent=1000)
test_seq = corpus.read_sequence_list_conll(WSJ_TEST, max_sent_len=15, max_nr_sent=1000)
dev_seq = corpus.read_sequence_list_conll(WSJ_DEV, max_sent_len=15, max_nr_sent=1000)
# Redo indices so that they are consecutive. Also cast all data to numpy arrays
# of int32 for compatibility with GPUs and theano.
train_seq, test_seq, dev_seq = pcc.compacify(train_seq, test_seq, dev_seq, theano=True)
# Get number of words and tags in the corpus
nr_words = len(train_seq.x_dict)
nr_tags = len(train_seq.y_dict.keys())
"""

LOAD_EMBEDDINGS = """
import lxmls_rnn.deep_learning.embeddings as emb
import os
from importlib import reload
reload(emb)
if not os.path.isfile(EMBEDDINGS):
    emb.download_embeddings('senna_50', EMBEDDINGS)
E = emb.extract_embeddings(EMBEDDINGS, train_seq.x_dict)
"""

FIRST_EDITION = """
import lxmls_rnn.deep_learning.rnn as rnns
reload(rnns)
# RNN configuration
SEED = 1234       # Random seed to initialize weigths
hidden_size = 20  # size of hidden layer
np_rnn = rnns.NumpyRNN(E, hidden_size, nr_tags, seed=SEED)
x0 = train_seq[0].x
y0 = train_seq[0].y
loos, p_y, p, y_rnn, h, z1, x = np_rnn.forward(x0, all_outputs=True, outputs=y0)
# Compute gradients
numpy_rnn_gradients = np_rnn.grads(x0, y0)
import numpy as np
import theano
import theano.tensor as T
rnn = rnns.RNN(E, hidden_size, nr_tags, seed=SEED)
"""

SECOND_EDITION = """
import lxmls_rnn.deep_learning.rnn as rnns
reload(rnns)
SEED = 1234       # Random seed to initialize weigths
emb_size = 50     # Size of word embeddings
hidden_size = 20  # size of hidden layer
np_rnn = rnns.NumpyRNN(nr_words, emb_size, hidden_size, nr_tags, seed=SEED)
x0 = train_seq[0].x
y0 = train_seq[0].y
p_y, y_rnn, h, z1, x = np_rnn.forward(x0, all_outputs=True)
numpy_rnn_gradients = np_rnn.grads(x0, y0)
import numpy as np
import theano
import theano.tensor as T
rnn = rnns.RNN(nr_words, emb_size, hidden_size, nr_tags, seed=SEED)
"""

COMPARE = """
# Compile theano function
x = T.ivector('x')
th_forward = theano.function([x], rnn._forward(x).T)
np_forward = np_rnn.forward
assert np.allclose(th_forward(x0), np_forward(x0)), "Numpy and Theano forward pass differ!"
# Compile function returning the list of gradients
x = T.ivector('x')
p_y = rnn._forward(x)
y = T.ivector('y')
F = -T.mean(T.log(p_y)[T.arange(y.shape[0]), y])
grads_fun = theano.function([x, y], [T.grad(F, par) for par in rnn.param])
# Compare numpy and theano gradients
theano_rnn_gradients = grads_fun(x0, y0)
for n in range(len(theano_rnn_gradients)):
    assert np.allclose(numpy_rnn_gradients[n], theano_rnn_gradients[n]), "Numpy and Theano gradients differ in step n"
"""

CURRENT_TRAIN = """
import numpy as np

def accuracy_on(part):
    is_hit = []
    for batch in data.batches(part, batch_size=1):
        is_hit.extend(model.predict(input=batch['input']) == batch['output'])
    return 100 * np.mean(is_hit)

costs, accuracies = [], []
for epoch in range(3):
    costs.append(0)
    for batch in data.batches('train', batch_size=1):
        costs[-1] += model.cross_entropy_loss(batch['input'], batch['output'])
        model.update(input=batch['input'], output=batch['output'])
    accuracies.append(accuracy_on('dev'))
test_accuracy = accuracy_on('test')
"""

# costs of three epochs, dev accuracies, test accuracy: computed with the toolkit's own code (LxMLS/lxmls-toolkit at
# 959a927, July 2025) on the sample under the names of its data
TOOLKIT = [2061.0643721186007, 1970.610165502681, 1901.1007084892337, 27.54766600920447, 31.62393162393162]
TOOLKIT += [31.755424063116372, 33.66077275703995]

# dev accuracies of 20 epochs and the test accuracy that the cells print with the toolkit's own code, on the first
# hundred sentences of each part of the sample; the second notebook has ten epochs
PRINTED = [15.97, 16.24, 16.24, 16.64, 16.64, 16.64, 16.78, 18.67, 18.67, 18.67]
MORE_EPOCHS = [18.81, 19.49, 19.62, 22.19, 23.41, 23.68, 23.82, 24.36, 24.90, 25.30, 24.64]


def toolkit_cells(exercise):
    """Return the code cells of one of the toolkit's notebooks, with `lxmls` replaced."""
    text = (Path(__file__).parent / "toolkit" / f"exercise_{exercise}.ipy").read_text(encoding="utf-8")
    return text.replace("from lxmls.", "from lxmls_rnn.").split("# %%\n")[1:]


@pytest.fixture
def session(tmp_path):
    """The names that the first cells define: a corpus, and a file of embeddings."""
    train, dev, test = corpus_files("sample")
    rng = np.random.RandomState(0)
    embeddings = tmp_path / "senna_50"
    words = ["the", "a", "and", "old", "man", "is", ".", "it", "was"]
    embeddings.write_text("".join(f"{w} {' '.join(map(str, rng.normal(size=50).round(6)))}\n" for w in words))
    space = {"WSJ_TRAIN": str(train), "WSJ_DEV": str(dev), "WSJ_TEST": str(test), "EMBEDDINGS": str(embeddings)}
    exec(LOAD_DATA + LOAD_EMBEDDINGS, space)
    return space


another = pytest.mark.nightly("the same as the second edition; tests/deep_learning has its constructor and outputs")


@pytest.mark.daily("compiles two functions")
@pytest.mark.parametrize("edition", [pytest.param(FIRST_EDITION, marks=another), SECOND_EDITION], ids=["1", "2"])
def test_the_cells_of_an_edition_compare_numpy_and_theano(session, edition):
    exec(edition + COMPARE, session)
    assert len(session["theano_rnn_gradients"]) == 4
    assert session["nr_tags"] == 12


@pytest.fixture
def current(tmp_path, monkeypatch):
    """The names that the first cells of the 2026 edition define."""
    (tmp_path / "sample").symlink_to(paths.data().resolve() / "sample")
    monkeypatch.setenv("LXMLS_DATA", str(tmp_path))
    space = {}
    for cell in toolkit_cells(1)[1:3]:
        exec(cell, space)
    return space


def test_the_2026_tangent_touches_the_loss(current):
    for cell in toolkit_cells(1)[4:6]:
        exec(cell, current)
    loss, weights = np.array(current["loss_range"]), current["weight_range"]
    tangent = current["current_gradient"] * (weights - current["current_weight"]) + current["current_loss"]
    assert len(weights) == 200
    near = np.abs(weights - current["current_weight"]) < 0.1
    assert near.sum() == 2
    assert np.allclose(loss[near], tangent[near], rtol=0, atol=1e-3)
    assert (loss >= tangent - 1e-12).all()  # the loss is convex in a weight of W_y


def test_the_2026_training_gives_the_toolkits_numbers(current):
    exec(CURRENT_TRAIN, current)
    found = [*current["costs"], *current["accuracies"], current["test_accuracy"]]
    assert found == pytest.approx(TOOLKIT, rel=1e-12)


@pytest.fixture
def torch():
    """Skip the test, before its other fixtures import much, where PyTorch is missing."""
    return pytest.importorskip("torch", reason="PyTorch is not installed: `make setup WITH=torch` installs it")


def test_the_2026_pytorch_gradients_are_numpys(torch, current):
    for cell in toolkit_cells(2)[2:5]:
        exec(cell, current)
    for gradient, expected in zip(current["gradient"], current["gradient_numpy"], strict=True):
        # in float32
        assert np.allclose(gradient.numpy(), expected, rtol=0, atol=1e-6)


@pytest.fixture
def run_in_a_kernel(tmp_path, monkeypatch):
    """Return a function: cells -> the accuracies that they print, and the number of their plots."""
    import nbformat  # which takes two seconds
    from nbclient import NotebookClient

    for part, file in zip(GUIDE_FILES.values(), corpus_files("sample"), strict=True):
        sentences = file.read_text(encoding="utf-8").split("\n\n")[:100]
        (tmp_path / part).write_text("\n\n".join(sentences) + "\n\n", encoding="utf-8")
    monkeypatch.setenv("LXMLS_DATA", str(tmp_path))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # PyTorch's threads would wait for each other on a busy machine

    def run(cells):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        limits = {"startup_timeout": HANG_SECONDS, "iopub_timeout": HANG_SECONDS}
        NotebookClient(notebook, kernel_name="python3", **limits).execute()
        outputs = [output for cell in notebook.cells for output in cell.outputs]
        texts = "".join(output.get("text", "") for output in outputs)
        plots = sum("image/png" in output.get("data", {}) for output in outputs)
        return [float(accuracy) for accuracy in re.findall(r"accuracy (\S+) %", texts)], plots

    return run


@pytest.mark.daily("starts a kernel; the cells that train run in this process too")
def test_all_cells_of_the_toolkits_numpy_notebook_run(run_in_a_kernel):
    assert run_in_a_kernel(toolkit_cells(1)) == (PRINTED + MORE_EPOCHS, 1)


def test_all_cells_of_the_toolkits_pytorch_notebook_run(torch, run_in_a_kernel):
    assert run_in_a_kernel(toolkit_cells(2)) == ([*PRINTED, 18.54], 1)


def test_all_cells_of_the_2026_chapter_run_with_pytorch(torch, run_in_a_kernel):
    """The guide's chapter (LxMLS/lxmls-guide at 633851a) has the statements of both notebooks, and one of its own.

    That one uses `embedding_size`, `hidden_size` and `learning_rate`, which no cell of the chapter defines.
    """
    _, _, numpy_model, pytorch_model, gradients, _, plots, *_ = toolkit_cells(2)
    names = {"embedding_size": "50", "hidden_size": "20", "learning_rate": "0.1"}
    for name, value in names.items():
        pytorch_model = pytorch_model.replace(f"{name}={value}", f"{name}={name}")
    undefined = "\n".join(f"{name} = {value}" for name, value in names.items())
    first = toolkit_cells(1)
    train = first[-1]
    cells = [*first, numpy_model, undefined, pytorch_model, gradients, plots, train]
    assert run_in_a_kernel(cells) == (2 * (PRINTED + MORE_EPOCHS), 2)
