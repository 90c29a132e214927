"""`lxmls-rnn train` beside a PyTorch script that does the same, from the start of Python to its end.

python scripts/whole_training.py TRAIN DEV         compares them; prints a table

Both read the same files, begin with the same numbers and make the same updates: batches, clipping, order, rate.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SPEED = Path(__file__).parents[1] / "tests" / "speed"  # torch_tagger.py
TRAINING = {"rate": 2.0, "decay": 0.1, "clip": 1.0, "shuffle": True}
FAMILIES = {"RNN": ("tanh", True), "LSTM": ("tanh", False)}  # activation, peepholes: what PyTorch's layers have


def settings_of(args, model):
    """Return the settings of a training of `model`."""
    from lxmls_rnn.deep_learning.training import Trainer
    from lxmls_rnn.experiment import Settings

    activation, peepholes = FAMILIES[args.family]
    trainer = Trainer(epochs=args.epochs, batch_size=args.batch_size, seed=args.seed, **TRAINING)
    return Settings(
        args.train, args.dev, model=model, activation=activation, peepholes=peepholes, n_emb=args.n_emb,
        n_hidd=args.n_hidd, dtype="float32", init="glorot", seed=args.seed, trainer=trainer,
    )  # fmt: skip


def train_in_pytorch(args):
    """Train as a user of PyTorch would, dense gradients and all; print the accuracy on dev after each epoch."""
    sys.path.append(str(SPEED))
    import torch
    from torch.nn import functional as F
    from torch_tagger import TorchTagger

    from lxmls_rnn.deep_learning.batches import cut
    from lxmls_rnn.experiment import prepare

    torch.set_num_threads(args.threads)
    settings = settings_of(args, f"Numpy{args.family}")
    trainer = settings.trainer
    experiment = prepare(settings)
    tagger = TorchTagger(experiment.tagger.model.param, trainer.rate)

    def tensors(sentences):
        batches = cut(list(sentences), args.batch_size, "float32")
        return [[torch.from_numpy(array.T.copy()) for array in (b.x, b.y, b.weights)] for b in batches]

    train, dev = tensors(experiment.train), tensors(experiment.dev)
    for epoch in range(trainer.epochs):
        for group in tagger.optimizer.param_groups:
            group["lr"] = trainer.learning_rate(epoch)
        for number in trainer._order(len(train), epoch):
            x, y, weights = train[number]
            tagger.optimizer.zero_grad()
            cost = F.cross_entropy(tagger(x).flatten(0, 1), y.flatten().long(), reduction="none") @ weights.flatten()
            cost.backward()
            torch.nn.utils.clip_grad_norm_(tagger.parameters(), trainer.clip)
            tagger.optimizer.step()
        with torch.inference_mode():
            found = [((tagger(x).argmax(-1) == y)[weights > 0]) for x, y, weights in dev]
        right = torch.cat(found).double().mean().item()
        print(f"epoch {epoch + 1} dev {right:.4%}", flush=True)
    print(json.dumps({"dev_accuracy": right}))


def ours(args, root):
    """Train by the command; return its accuracy on dev."""
    activation, peepholes = FAMILIES[args.family]
    model = f"Fast{args.family}"
    options = {"n-emb": args.n_emb, "n-hidd": args.n_hidd, "epochs": args.epochs, "seed": args.seed}
    options |= {"batch-size": args.batch_size, **{key: TRAINING[key] for key in ("rate", "decay", "clip")}}
    command = [Path(sys.executable).with_name("lxmls-rnn"), "train", args.train, "--dev", args.dev, "--shuffle"]
    command += ["--model", model, "--dtype", "float32", "--init", "glorot", "--name", "run", "--root", root]
    command += [word for key, value in options.items() for word in (f"--{key}", str(value))]
    command += ["--activation", activation] if args.family == "RNN" else [] if peepholes else ["--no-peepholes"]
    call(command, args)
    lines = Path(root, "run", "metrics.jsonl").read_text().splitlines()
    return json.loads(lines[-1])["dev_accuracy"]


def torchs(args, root):
    """Train by `train_in_pytorch` in a process of its own; return its accuracy on dev."""
    words = [f"--{name.replace('_', '-')}={value}" for name, value in vars(args).items() if name in NUMBERS]
    done = call(
        [sys.executable, __file__, args.train, args.dev, "--in-pytorch", f"--family={args.family}", *words], args
    )
    return json.loads(done.splitlines()[-1])["dev_accuracy"]


def call(command, args):
    """Run a command with so many threads; return what it prints."""
    threads = {name: str(args.threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    env = {**os.environ, **threads, "THEANO_FLAGS": "floatX=float32"}
    done = subprocess.run(list(map(str, command)), env=env, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}:\n{done.stdout}{done.stderr}")
    return done.stdout


def compare(args):
    """Print the table, a row for each family, number of hidden units and size of a batch."""
    from lxmls_rnn.experiment import read_corpus

    train, _, _ = read_corpus(settings_of(args, "NumpyRNN"))
    words = args.epochs * sum(len(sentence.x) for sentence in train)
    print(f"{args.threads} thread(s), {args.epochs} epochs, {args.seeds} seeds; words a second from start to end")
    print("| family | hidden units | batch | ours | PyTorch | ratio, its spread | dev: ours | dev: PyTorch |")
    print("|---|---|---|---|---|---|---|---|")
    for family, n_hidd, batch_size in itertools.product(FAMILIES, args.hidden, args.batches):
        row(argparse.Namespace(**{**vars(args), "family": family, "n_hidd": n_hidd, "batch_size": batch_size}), words)


def row(args, words):
    """Time both for each seed; print a row of the table."""
    seconds, accuracies = ([], []), ([], [])
    for seed in range(args.seeds + 1):  # the first one finds the caches cold, and does not count
        one = argparse.Namespace(**{**vars(args), "seed": seed})
        for side, train in enumerate((ours, torchs)):
            with tempfile.TemporaryDirectory() as root:
                begin = time.perf_counter()
                accuracy = train(one, root)
                if seed:
                    seconds[side].append(time.perf_counter() - begin)
                    accuracies[side].append(accuracy)
    ratios = sorted(b / a for a, b in zip(*seconds, strict=True))
    speeds = (f"{words / statistics.median(side):,.0f}" for side in seconds)
    means = (f"{statistics.mean(side):.2%} ± {statistics.stdev(side):.2%}" for side in accuracies)
    mine, its = speeds
    spread = f"{statistics.median(ratios):.1f} ({ratios[0]:.1f} to {ratios[-1]:.1f})"
    print(
        f"| {args.family} | {args.n_hidd} | {args.batch_size} | {mine} | {its} | {spread} | {' | '.join(means)} |",
        flush=True,
    )


NUMBERS = {"n_emb": 50, "n_hidd": 50, "batch_size": 32, "epochs": 10, "seed": 1, "threads": 1}


def main():
    """Read the arguments; compare, or train one model in PyTorch."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train")
    parser.add_argument("dev")
    parser.add_argument("--in-pytorch", action="store_true", help="train one model in PyTorch")
    parser.add_argument("--family", choices=FAMILIES, default="RNN")
    for name, default in NUMBERS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=default)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--hidden", type=int, nargs="+", default=[50, 128, 256])
    parser.add_argument("--batches", type=int, nargs="+", default=[32, 64])
    args = parser.parse_args()
    train_in_pytorch(args) if args.in_pytorch else compare(args)


if __name__ == "__main__":
    main()
