"""Exercise 6.6: the checks name typical mistakes, and their expected results are the library's."""

import numpy as np
import pytest

from lab import check
from lab.exercises import practice_exercises, solutions
from lxmls_rnn.deep_learning.initialisation import initialise
from lxmls_rnn.deep_learning.numpy_lstm import NumpyLSTM
from lxmls_rnn.deep_learning.sgd import numpy_step
from lxmls_rnn.readers.pos_corpus import train_vocabulary
from lxmls_rnn.sequences import LabelDictionary, SequenceList

NAMES = ("unknown_words", "early_stopping", "pad_batch", "clip", "forget_gate")
WORDS = [
    ("replaced(dev)", "dev", "dev is unchanged"),
    ("return replaced(train)", "return train", "train is unchanged: <unk> must occur in train"),
    ("return replaced(train), replaced(dev)",
     "return train, [[w if counts[w] else '<unk>' for w in s] for s in dev]", "dev keeps the words that are rare"),
    ("replaced(dev)", "[[w if counts[w] else '<unk>' for w in s] for s in dev]", "train has replaced them"),
    ("in train for", "in train + dev for", "The words of dev are counted too"),
    ("in train for", "in dev for", "instead of those of train"),
    ("    def replaced(sentences):",
     "    def replaced(sentences):\n        counts = Counter(w for s in sentences for w in s)", "counted by itself"),
    (">= min_count", "> min_count", "rare is < min_count, not <="),
    (">= min_count", ">= min_count - 1", "min_count - 1 times are kept"),
    (">= min_count", ">= 2", "min_count is ignored"),
    (">= min_count", "< min_count", "The frequent words are replaced"),
    ("for word in sentence)", "for word in set(sentence))", "count the word each time"),
    ("for word in sentence)", "for word in map(str.lower, sentence))", "'old', expected '<unk>'. 'old' occurs once"),
    ("    counts", "    train, dev = ([[w.lower() for w in s] for s in p] for p in (train, dev))\n    counts",
     "Upper and lower case"),
    ("word if counts[word] >= min_count else \"<unk>\" for word in sentence",
     "word for word in sentence if counts[word] >= min_count", "a sentence keeps its length"),
    ('"<unk>"', '"UNK"', "became 'UNK'; the library writes '<unk>'"),
    ("replaced(train), replaced(dev)", "replaced(dev), replaced(train)", "return train first"),
    ("replaced(train), replaced(dev)", "replaced(train)", "Expected the results new_train, new_dev; got 3 values"),
    ("counts[word] >= min_count", "dict(counts)[word] >= min_count", "Counter gives 0 then"),
    ("replaced(dev)", "replaced(dev)[:2]", "new_dev has 2 sentences, expected 3"),
    ("replaced(dev)", "sum(replaced(dev), [])", "keep a list for each sentence"),
    ("return replaced(train), replaced(dev)",
     "for p in (train, dev):\n        p[:] = replaced(p)\n    return train, dev", "changes its arguments"),
]  # fmt: skip
STOPPING = [
    ("                break", "                pass", "It never stops"),
    ("accuracy > best", "accuracy >= best", "A tie counts as a gain"),
    ("        train_epoch()", "        train_epoch()\n        _ = dev_accuracy()", None),
    ("        train_epoch()\n        accuracy = dev_accuracy()\n        if accuracy > best:",
     "        last = accuracy if best > 0 else -1\n        train_epoch()\n        accuracy = dev_accuracy()\n"
     "        if accuracy > last:", "Compare with the best epoch"),
    (", model.get_values(), 0", ", model.get_values(), without_gain", "A gain does not start the count anew"),
    ("without_gain == patience", "without_gain > patience", "It stops one epoch late"),
    ("without_gain == patience", "without_gain == patience - 1", "It stops one epoch early"),
    ("if without_gain == patience:", "if True:", "first epoch without gain"),
    ("    model.set_values(best_values)\n", "", "These are the last ones"),
    ("model.set_values(best_values)", "model.set_values(model.get_values())", "These are the last ones"),
    ("without_gain += 1", "without_gain += 1; model.set_values(best_values)", "Put them back once, after the loop"),
    ("                break\n    model.set_values(best_values)",
     "                model.set_values(best_values)\n                break", "after the loop set_values"),
    ("best, best_values, without_gain = accuracy, model.get_values(), 0",
     "best_values, without_gain = model.get_values(), 0", "`best` is still -1"),
    ("        train_epoch()\n", "        old = model.get_values()\n        train_epoch()\n", None),
    ("            best, best_values, without_gain = accuracy, model.get_values(), 0\n        else:\n",
     "            best, best_values = accuracy, model.get_values()\n        if True:\n", "Every epoch counts"),
    ("        train_epoch()\n", "        train_epoch()\n        train_epoch()\n", "each trains once"),
    ("accuracy > best", "best < 0 or accuracy < best", "a gain is above the best one"),
    ("return best", "return accuracy", "expected 0.7, the best accuracy"),
    ("return best", "return best, 5", "Expected the best accuracy on dev, a number; got 2 values"),
    ("model.get_values()", "model.get_values", "It fails with TypeError"),
    ("range(epochs)", "range(epochs + 1)", "`epochs` is the most"),
    ("        train_epoch()\n", "        dev_accuracy()\n        train_epoch()\n", "before the first epoch"),
    ("= -1.0, None, 0", "= -1.0, model.get_values(), 0", None),
]  # fmt: skip
PADDING = [
    ("max(len", "min(len", "It fails with ValueError"),
    ("1 / (B * len(words))", "1", "This is a mask of 0 and 1"),
    ("1 / (B * len(words))", "1 / len(words)", "divide by B too"),
    ("1 / (B * len(words))", "1 / (B * L)", "divide by that of each sentence"),
    ("1 / (B * len(words))", "1 / L", "and not by B"),
    ("1 / (B * len(words))", "1 / B", "divided by B alone"),
    ("1 / (B * len(words))", "1 / sum(len(w) for w, _ in sentences)", "long sentences count more"),
    ("weights[b, : len(words)] = 1", "weights[b] = 1", "The padding has a weight too"),
    ("weights[b, : len(words)] = 1 / (B * len(words))", "weights[b] = 1 / (B * L)", "The padding has a weight too"),
    ("    return x", "    weights = (x != 0) / (B * np.array([[len(w)] for w, _ in sentences]))\n    return x",
     "word 0 is a word"),
    ("np.zeros((B, L))", "np.zeros((B, L), int)", "which drops fractions"),
    ("np.zeros((B, L), \"int32\"), np.zeros((B, L), \"int32\")", "np.zeros((B, L)), np.zeros((B, L))",
     "ids are integers"),
    ("x[b, : len(words)]", "x[b, L - len(words) :]", "The padding comes first"),
    ("weights[b, : len(words)]", "weights[b, L - len(words) :]", "The padding comes first"),
    ("    return x", "    x = np.where(weights > 0, x, -1)\n    return x", "padded with -1"),
    ("x[b, : len(words)] = words", "x[b] = [*words, *[words[-1]] * (L - len(words))]", "The last word is repeated"),
    ("enumerate(sentences)", "enumerate(sorted(sentences, key=lambda s: len(s[0])))", "sorted by length"),
    ("enumerate(sentences)", "enumerate(sentences[::-1])", "in reverse order"),
    ("x[b, : len(words)] = words", "x[b, : len(words)] = words[::-1]", "Each sentence is reversed"),
    ("x[b, : len(words)] = words", "x[:, : len(words)] = words", "First difference: row 0 of x"),
    ("return x, y, weights", "return x.T, y.T, weights.T", "It is transposed: (L, B) instead of (B, L)"),
    ("return x, y, weights", "return x[:, :1], y[:, :1], weights[:, :1]", "cut to the shortest one"),
    ("return x, y, weights", "return x, y, weights[:, 0]", "one number for each sentence"),
    ("return x, y, weights", "return [list(w) for w, _ in sentences], y, weights", "should be an array (B, L)"),
    ("return x, y, weights", "return x, y", "Expected the results x, y, weights; got 2 values"),
    ("return x, y, weights", "return y, x, weights", "x and y are swapped"),
    ("1 / (B * len(words))", "B / len(words)", "B multiplies here"),
    ("1 / (B * len(words))", "len(words)", "The weight grows with the length"),
    ("return x, y, weights", "return np.array([w for w, _ in sentences], object), y, weights", "different lengths"),
    ("return x, y, weights", "return x, y, weights.astype('float32')", None),
]  # fmt: skip
CLIPPING = [
    ("    return [factor", "    return [g * min(1, max_norm / (np.linalg.norm(g) + 1e-12)) for g in gradients]\n"
     "    [factor", "clipped by itself"),
    ("    return [factor", "    return [np.clip(g, -max_norm, max_norm) for g in gradients]\n    [factor",
     "Each number is clipped"),
    ("if norm > max_norm else 1", "if norm else 1", "A short gradient is made longer"),
    ("max_norm / norm if", "1 / norm if", "The result has norm 1"),
    ("max_norm / norm if", "norm / max_norm if", "upside down"),
    ("max_norm / norm if", "max_norm if", "divide by the norm too"),
    ("np.sqrt(sum((gradient**2).sum() for gradient in gradients))", "sum((g**2).sum() for g in gradients)",
     "The square root is missing"),
    ("np.sqrt(sum((gradient**2).sum() for gradient in gradients))", "sum(np.linalg.norm(g) for g in gradients)",
     "The norms of the gradients are added"),
    ("np.sqrt(sum((gradient**2).sum() for gradient in gradients))", "max(np.linalg.norm(g) for g in gradients)",
     "the largest of the gradients' norms"),
    ("np.sqrt(sum((gradient**2).sum() for gradient in gradients))", "sum(abs(g).sum() for g in gradients)",
     "sum of absolute values"),
    ("np.sqrt(sum((gradient**2).sum() for gradient in gradients))", "max(abs(g).max() for g in gradients)",
     "The norm is the largest number"),
    ("for gradient in gradients))", "for gradient in gradients[:1]))", "that of the first gradient only"),
    ("[factor * gradient for gradient in gradients]", "[factor * gradients[0], *gradients[1:]]",
     "Only the first gradient"),
    ("[factor * gradient for", "[factor * abs(gradient) for", "the direction is not"),
    ("max_norm / norm if", "max_norm / (norm + 1e-6) if", None),
    ("norm > max_norm", "norm < max_norm", "is unchanged; expected norm 1.5"),
    ("max_norm / norm if norm > max_norm else 1", "max_norm / norm", "A short gradient is made longer"),
    ("max_norm / norm if", "0 if", "Nothing is left of a long gradient"),
    ("factor * gradient for", "gradient for", "is unchanged; expected norm 1.5"),
    ("    return [factor", "    factor = min(1, max_norm / norm) if norm else np.nan\n    return [factor", "NaN"),
    ("for gradient in gradients]", "for gradient in gradients[:1]]", "Expected the results 3 gradients"),
    ("[factor * gradient", "[factor * gradient.ravel()", "expected the shape of its matrix"),
]  # fmt: skip
GATE = [
    (" * f * (1 - f)", "", "The slope of the gate is missing"),
    ("f * (1 - f)", "(1 - f**2)", "The slope is that of tanh"),
    ("c_tm1 * f * (1 - f)", "c_tm1 * f", "The slope is f alone"),
    ("c_tm1 * f * (1 - f)", "c_tm1 * (1 - f)", "The slope is 1 - f alone"),
    ("e_c * c_tm1 *", "e_c *", "c_{t-1} is missing"),
    ("e_c * c_tm1 *", "c_tm1 *", "e_c is missing"),
    ("e_c * c_tm1 *", "-e_c * c_tm1 *", "The sign is wrong"),
    ("np.outer(e_a, h_tm1)", "np.outer(h_tm1, e_a)", "It is transposed: np.outer(e_a, h_tm1)"),
    ("np.outer(e_a, h_tm1)", "np.outer(e_a, c_tm1)", "W_h multiplies h_{t-1}"),
    ("np.outer(e_a, h_tm1)", "np.outer(e_c, h_tm1)", "is e_a"),
    ("e_c * c_tm1 *", "e_c * h_tm1 *", "f multiplies the previous cell"),
    ("    e_a = ", "    f = 1 / (1 + np.exp(-f))\n    e_a = ", "without the logistic function"),
    ("return e_a, dW_h, e_c_tm1", "return e_c_tm1, dW_h, e_a", "This is e_c_tm1"),
    (" + W_c.T @ e_a", "", "The peephole is missing"),
    ("f * e_c + ", "", "The way along the cell is missing"),
    ("f * e_c + ", "e_c + ", "the error is multiplied by f"),
    ("W_c.T @", "W_c @", "W_c is not transposed"),
    ("W_c.T @ e_a", "W_c.T @ e_c", "what reaches it is e_a"),
    ("np.outer(e_a, h_tm1)", "e_a * h_tm1", "dW_h has shape (5,)"),
]  # fmt: skip
MISTAKES = dict(zip(NAMES, (WORDS, STOPPING, PADDING, CLIPPING, GATE), strict=True))
CASES = [(name, *mistake) for name, mistakes in MISTAKES.items() for mistake in mistakes]


@pytest.fixture
def says(runs_folder, tmp_path):
    """Return what the check of an exercise says of its solution with a piece of code replaced."""

    def check_solution(exercise, old="", new=""):
        code, space = solutions.code(exercise), {}
        assert old in code
        file = tmp_path / "cell.py"
        file.write_text(code.replace(old, new) if old else code)
        exec(compile(file.read_text(), str(file), "exec"), space)
        return getattr(check, exercise)(space[f"my_{exercise}"])

    return check_solution


@pytest.mark.parametrize(("exercise", "old", "new", "kind"), CASES)
def test_a_mistake_is_named(says, exercise, old, new, kind):
    verdict = says(exercise, old, new)
    if kind is None:
        assert verdict
    else:
        assert verdict.state == "not right"
        assert kind in verdict.text


def test_every_word_slip_differs_from_the_solution():
    replace, parts = practice_exercises.replace_rare, (practice_exercises.TRAIN, practice_exercises.DEV)
    right = [replace(*parts, k) for k in (2, 3)]
    others = [[replace(*parts, k, **mistake) for k in (2, 3)] for _, mistake in practice_exercises.WORD_SLIPS]
    assert right not in others
    assert all(others.count(other) == 1 for other in others)


def test_every_stopping_slip_trains_another_number_of_epochs():
    slips = [{}, *(slip for _, slip in practice_exercises.STOPPING_SLIPS)]
    trained = [
        [practice_exercises.stop_early(*case, **slip)[0] for case in practice_exercises.ACCURACIES] for slip in slips
    ]
    assert all(trained.count(epochs) == 1 for epochs in trained)


def test_half_filled_code_is_not_yet(says):
    assert "Nothing is replaced" in says("unknown_words", 'else "<unk>"', "else word").text
    assert "fill in the lines of the loop" in check.early_stopping(
        lambda model, train_epoch, dev_accuracy, epochs, patience: [train_epoch() for _ in range(epochs)] and -1.0
    ).text  # fmt: skip
    text = says("pad_batch", "        y[b, : len(words)] = tags\n", "").text
    assert "Correct so far: x, weights. Fill in y: still all zeros." in text
    assert "Correct so far: e_a, dW_h. Still missing: e_c_tm1." in says("forget_gate", "return e_a, dW_h, e_c_tm1",
                                                                       "return e_a, dW_h, ...").text  # fmt: skip


@pytest.mark.parametrize("min_count", [2, 3])
def test_unknown_words_are_the_librarys(min_count):
    parts = practice_exercises.TRAIN, practice_exercises.DEV
    x_dict, y_dict = LabelDictionary(), LabelDictionary(["noun"])
    lists = [SequenceList(x_dict, y_dict) for _ in parts]
    for part, sentences in zip(lists, parts, strict=True):
        for words in sentences:
            part.add_sequence(words, ["noun"] * len(words))
    library = train_vocabulary(*lists, min_count=min_count)
    named = tuple([[part.x_dict.names[i] for i in sentence.x] for sentence in part] for part in library)
    assert named == practice_exercises.replace_rare(*parts, min_count)


def test_a_clipped_gradient_is_the_librarys():
    space = {}
    exec(solutions.code("clip"), space)
    x, y = np.array([3, 1, 3]), np.array([0, 2, 1])
    model, other = (NumpyLSTM(9, 4, 5, 3, seed=1) for _ in range(2))
    clipped = space["my_clip"](model.grads(x, y), 0.01)
    numpy_step(other, 0.01, False)(x, y, np.full(3, 1 / 3), 1.0)
    for W, gradient, updated in zip(model.param, clipped, other.param, strict=True):
        assert np.allclose(W - gradient, updated, atol=1e-12)


def test_a_gates_errors_are_the_librarys():
    model = NumpyLSTM(9, 4, 5, 3, seed=1)
    initialise(model, "glorot", 1)
    forward, weights, (cells,) = model._loss(np.array([3, 1]), np.array([0, 2]), None)
    e_h = model.param.W_y.T @ model.score_errors(forward.p_y, np.array([0, 2]), weights)
    errors = model.back_through_time(cells, e_h)
    W_i, W_f, W_o = np.split(model.param.W_c, 3)
    e_i, e_f, _, e_o = np.split(errors.e_a[:, 1], 4)
    got = practice_exercises.gate_errors(errors.e_c[:, 1], cells.f[:, 1], forward.h[:, 1], cells.c[:, 1], W_f)
    assert np.allclose(got["e_a"], e_f)
    assert np.allclose(got["dW_h"], np.outer(e_f, forward.h[:, 1]))
    from_h = errors.e_h[:, 0] * cells.o[:, 0] * (1 - np.tanh(cells.c[:, 1]) ** 2)
    assert np.allclose(got["e_c_tm1"] + W_i.T @ e_i + W_o.T @ e_o + from_h, errors.e_c[:, 0])
