"""The inputs of the checks: for each exercise, cases that a wrong answer cannot pass by luck.

All sizes of a case differ, so that an answer that swaps two of them fails. They also differ between cases, so that an
answer with a size written as a number fails. Sentences have 1, 2, 6 and 12 words, repeated words, ids above 255, and a
gold tag with a probability below 0.01. Another `seed` draws other numbers of the same kind, to test a repaired answer.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from lab.exercises.exercise import EXERCISES, answer_of

Case = dict[str, Any]
# n_words, n_emb, n_hidd, n_tags
SMALL, LARGE = (9, 4, 5, 3), (1000, 3, 4, 6)
SENTENCES = (
    (SMALL, [7, 2, 0, 2, 5, 8], [1, 0, 2, 2, 0, 2]),
    (SMALL, [3], [2]),
    (LARGE, [997, 0, 613, 42, 997, 300, 7, 613, 997, 42, 511, 999], [0, 5, 2, 2, 1, 4, 3, 0, 0, 5, 1, 2]),
    (LARGE, [258, 2], [1, 5]),
)


@functools.cache
def cases(exercise: str, seed: int = 0) -> list[Case]:
    """Return the cases of an exercise; a verdict shows numbers of the first case that differs."""
    return BUILDERS[EXERCISES[exercise].inputs](seed)


def _parameters(rng: np.random.RandomState, sizes: tuple[int, ...], lstm: bool = False) -> Case:
    """Draw weights with which no unit saturates; W_e is in Fortran order, as in the library."""
    n_words, n_emb, n_hidd, n_tags = sizes
    gates = 4 if lstm else 1
    shapes = {"W_e": (n_emb, n_words), "W_h": (gates * n_hidd, n_hidd), "W_x": (gates * n_hidd, n_emb)}
    shapes["W_y"] = (n_tags, n_hidd)
    if lstm:
        shapes["W_c"] = (3 * n_hidd, n_hidd)
    drawn = {
        name: rng.uniform(-2, 2, shape) / (1 if name == "W_e" else shape[1] ** 0.5)
        for name, shape in sorted(shapes.items())
    }
    drawn["W_e"] = np.asfortranarray(drawn["W_e"])
    return {name: drawn[name] for name in ("W_e", "W_x", "W_h", "W_c", "W_y") if name in drawn}


def _sentences(seed: int, lstm: bool = False) -> list[Case]:
    """Return sentences with parameters and all quantities of both passes of exercise 6.1."""
    forward: Any = answer_of("forward")
    errors: Any = answer_of("errors")
    sentences = []
    for n, (sizes, words, tags) in enumerate(SENTENCES):
        rng = np.random.RandomState(100 * seed + 6 + n)
        if seed:  # other lengths too
            words, tags = ([*ids, *ids[: 1 + seed % 3]] for ids in (words, tags))
        x, gold = np.array(words, "int32"), np.array(tags, "int32")
        if seed:
            x, gold = ((ids + seed) % size for ids, size in ((x, sizes[0]), (gold, sizes[3])))
        case = _parameters(rng, sizes, lstm)
        if sizes == LARGE:
            case["W_y"] *= 4  # far from equal probabilities
        if not lstm:
            case |= dict(zip("zahyp", forward(x, *case.values()), strict=True))
            if sizes == LARGE and len(x) > 3:
                gold[3] = case["p"][:, 3].argmin()
            backward = errors(gold, *(case[name] for name in ("h", "p", "W_h", "W_y")))
            case |= dict(zip(("e_y", "e_h", "e_a"), backward, strict=True))
        case |= {name: rng.uniform(-1, 1, sizes[2]) for name in ("_h0", "_c0")}
        sentences.append({"x": x, "gold": gold, "through": len(x) > 2} | case)
    return sentences


_INPUTS_OF_MODELS = ("x", "W_e", "W_x", "W_h", "W_c", "W_y", "_h0", "_c0", "through")


def _models(seed: int, lstm: bool = False) -> list[Case]:
    """Return sentences for models: words, tags, parameters and initial states; two of them check the gradients."""
    return [
        {name: case[name] for name in _INPUTS_OF_MODELS if name in case} | {"y": case["gold"]}
        for case in _sentences(seed, lstm)
    ]


def _both_ways(seed: int) -> list[Case]:
    """Return sentences for a tagger with a state from each side, and its states; W_y has columns for both."""
    forward: Any = answer_of("both_ways")
    sentences = []
    for n, case in enumerate(_sentences(seed)):
        rng = np.random.RandomState(100 * seed + 12 + n)
        W_y, W_x, W_h = case["W_y"], case["W_x"], case["W_h"]
        others = {
            "V_x": rng.uniform(-2, 2, W_x.shape) / W_x.shape[1] ** 0.5,
            "V_h": rng.uniform(-2, 2, W_h.shape) / W_h.shape[1] ** 0.5,
            "W_y": np.hstack([W_y, rng.uniform(-1, 1, W_y.shape)]),
        }
        given = {name: case[name] for name in ("x", "W_e", "W_x", "W_h")} | others
        h, b, _, p = forward(*given.values())
        states = {"h": np.pad(h, ((0, 0), (1, 0))), "b": np.pad(b, ((0, 0), (0, 1)))}  # with h_0 and b_{L+1}
        sentences.append(given | states | {"p": p, "gold": case["gold"]})
    return sentences


def _guide(seed: int) -> list[Case]:
    """Return sentences for the classes of the guide of 2026, whose arrays have a row for each word or step."""
    sentences = []
    for case in _sentences(seed):
        rows = [np.log(case["p"]).T, case["y"].T, case["h"].T, case["z"].T]
        ids = {"x": case["x"].astype("int64"), "y": case["gold"].astype("int64")}
        weights = {"W_e": np.ascontiguousarray(case["W_e"].T)} | {name: case[name] for name in ("W_x", "W_h", "W_y")}
        sentences.append(ids | weights | {"log_forward": [np.ascontiguousarray(row) for row in rows]})
    return sentences


def _lstm_steps(seed: int) -> list[Case]:
    steps = []
    for n, sizes in enumerate((SMALL, (20, 2, 3, 4))):
        rng = np.random.RandomState(100 * seed + 7 + n)
        z_t, h_tm1, c_tm1 = (rng.uniform(-1, 1, sizes[n]) for n in (1, 2, 2))
        param = _parameters(rng, sizes, True)
        vectors = {"z_t": z_t, "h_tm1": h_tm1, "c_tm1": c_tm1}
        steps.append(vectors | {name: param[name] for name in ("W_x", "W_h", "W_c")})
    return steps


def _one_cost(seed: int) -> list[Case]:
    """Return matrices W, each with the A_k of the cost log sum_k exp <A_k, W>; the first case uses the default step."""
    matrices = []
    for n, (shape, step) in enumerate((((5, 4), None), ((2, 3), 1e-3), ((3, 3), 2e-4))):
        rng = np.random.RandomState(100 * seed + 3 + n)
        case = {"W": rng.uniform(-1, 1, shape), "A": rng.uniform(-1, 1, (4, *shape))}
        matrices.append(case if step is None else case | {"step": step})
    return matrices


def _numbers(seed: int) -> list[Case]:
    drawn = np.random.RandomState(seed).randint(1, 60, 3) if seed else (5, 1, 12)
    return [{"n": np.array(n)} for n in drawn]


def _chains(seed: int) -> list[Case]:
    """Return chains that begin with probabilities, and one that begins with counts, to detect steps that normalise."""
    chains = []
    for n, size, total in ((4, 3, 1), (1, 3, 1), (7, 2, 20)):
        rng = np.random.RandomState(100 * seed + n)
        A = rng.uniform(0.1, 1, (size, size))
        s_0 = rng.uniform(0.1, 1, size)
        chains.append({"s_0": total * s_0 / s_0.sum(), "A": A / A.sum(axis=0), "n": np.array(n)})
    return chains


def _costs(seed: int) -> list[Case]:
    """Return the matrices of p, the softmax of sum_k A_k W_k B_k, and gold tags, one of a small probability."""
    costs = []
    for n, (words, tags) in enumerate(((6, 3), (1, 3), (12, 5))):
        rng = np.random.RandomState(100 * seed + 11 + n)
        case: Case = {"A": [], "B": []}
        shapes = {"W_e": (4, 9), "W_x": (5, 4), "W_h": (5, 5), "W_y": (tags, 5)}
        for name, shape in shapes.items():
            case[name] = rng.uniform(-1, 1, shape)
            case["A"].append(rng.uniform(-1, 1, (words, shape[0])))
            case["B"].append(rng.uniform(-1, 1, (shape[1], tags)))
        scores = sum(a @ case[name] @ b for a, b, name in zip(case["A"], case["B"], shapes, strict=True))
        case["y"] = rng.randint(tags, size=words).astype("int32")
        if words > 1:
            case["y"][1] = scores[1].argmin()
        costs.append(case)
    return costs


def _descent(seed: int) -> list[Case]:
    descents = []
    for n, rate in enumerate((0.15, 0.4)):
        rng = np.random.RandomState(100 * seed + 5 + n)
        shapes = ((3, 2), (2, 2), (2, 4))[: 2 + n]
        case: Case = {f"W_{name}": rng.randint(-8, 9, shape) / 2.0 for name, shape in zip("xhy", shapes, strict=False)}
        descents.append(case | {"goals": [rng.randint(-8, 9, shape) / 2.0 for shape in shapes], "rate": rate})
    return descents


# counts on both sides of each minimum; words that are repeated in a sentence, capitalised, rare in one part only
TRAIN = ("The Old dog saw the dog .", "the cat saw the old fox .", "a fox barks , barks .")
DEV = ("a cat saw the zebra .", "the zebra barks . the zebra", "The fox , the old dog")


def _corpora(seed: int) -> list[Case]:
    end = f"{seed:x}" if seed else ""  # other words, of the same upper and lower case
    train, dev = ([[f"{word}{end}" for word in text.split()] for text in part] for part in (TRAIN, DEV))
    more = [f"w{n * 7 % 40}{end} w{n % 13}{end} w{n % 90}{end} the".split() for n in range(120 + seed % 20)]
    corpora = [{"train": train, "dev": dev, "min_count": min_count} for min_count in (2, 3)]
    corpora.append({"train": more, "dev": [*dev, *more[:5], ["w89", "w88", "w3"]], "min_count": 5})
    return [*corpora, {"train": train, "dev": dev}]  # min_count by default


# accuracy on dev after each epoch, and the patience
ACCURACIES: tuple[tuple[tuple[float, ...], int], ...] = (
    ((0.5, 0.6, 0.7, 0.65, 0.7, 0.66, 0.9, 0.91), 3),  # a tie, and a gain that comes too late
    ((0.5, 0.4, 0.6, 0.5, 0.7, 0.6, 0.65, 0.66, 0.8, 0.9), 2),  # losses that a gain makes good
    ((0.5, 0.4, 0.9), 1),
    ((0.3, 0.4, 0.41), 2),  # never stops early, with a small gain
    ((0.3, 0.6, 0.5), 2),  # neither, and the last epoch is not the best
    ((0.0, 0.0, 0.0, 0.2, 0.1, 0.1, 0.3), 3),  # begins at 0
)


def _accuracies(seed: int) -> list[Case]:
    if not seed:
        return [{"accuracies": list(of), "patience": patience} for of, patience in ACCURACIES]
    rng = np.random.RandomState(seed)
    return [
        {"accuracies": (rng.randint(8, size=epochs) / 8).tolist(), "patience": 1 + n % 3}  # ties, gains and losses
        for n, epochs in enumerate(rng.randint(2, 12, len(ACCURACIES)))
    ]


def _batches(seed: int) -> list[Case]:
    """Return batches of sentences, not sorted by length; word 0 and tag 0 also occur outside of the padding."""
    (_, a, b), (_, c, d), *_ = SENTENCES
    pairs: list[Any] = [(c, d), (a, b), ([0, 4, 0], [0, 1, 0])]
    rng = np.random.RandomState(100 * seed + 4)
    others = [(rng.randint(1000, size=n), rng.randint(6, size=n)) for n in (2, 12, 1, 5, 2)]
    batches: list[list[Any]] = [pairs, others, [([300, 0], [3, 1])]]
    return [{"sentences": [[np.array(x, "int32"), np.array(y, "int32")] for x, y in some]} for some in batches]


def _gradients(seed: int) -> list[Case]:
    rng = np.random.RandomState(100 * seed + 8)
    drawn = [rng.uniform(-1, 1, shape) for shape in ((5, 4), (4, 9), (3, 5), (1, 2), (2, 1))]  # as many as an LSTM has
    gradients = [{"gradients": [scale * g for g in drawn], "max_norm": 1.5} for scale in (2.0, 0.1, 0.28, 0.0)]
    gradients.append({"gradients": drawn, "max_norm": float("inf")})
    others = [rng.uniform(-1, 1, shape) for shape in ((2, 3), (6, 2), (3, 3), (2, 2), (4, 1))]
    return [*gradients, {"gradients": others, "max_norm": 0.5}]


def _gates(seed: int) -> list[Case]:
    gates = []
    for n, H in enumerate((5, 3)):
        rng = np.random.RandomState(100 * seed + 9 + n)
        e_c, h, c = (rng.uniform(-1, 1, H) for _ in range(3))
        gates.append(
            {"e_c": e_c, "f": rng.uniform(0.1, 0.9, H), "h_tm1": h, "c_tm1": c, "W_c": rng.uniform(-1, 1, (H, H))}
        )
    return gates


BUILDERS: dict[str, Callable[[int], list[Case]]] = {
    "by hand": _sentences,
    "both ways": _both_ways,
    "models": _models,
    "guide": _guide,
    "LSTM models": functools.partial(_models, lstm=True),
    "LSTM steps": _lstm_steps,
    "one cost": _one_cost,
    "numbers": _numbers,
    "chains": _chains,
    "costs": _costs,
    "descent": _descent,
    "corpora": _corpora,
    "accuracies": _accuracies,
    "batches": _batches,
    "gradients": _gradients,
    "gates": _gates,
}
