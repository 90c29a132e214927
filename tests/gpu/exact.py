"""Exact arithmetic for the instructions of PTX, by the definitions of its ISA, and operands to try them with."""

import decimal
import itertools
import operator
from fractions import Fraction

import numpy as np
import ptx

# The exact results, whose rounding to the type is that of `rounded`. ISA: a shift by more bits than there are leaves 0
# or the sign, as Python's does.
DEFINITIONS = {
    "abs": abs,
    "add": operator.add,
    "add.rn": operator.add,
    "and": operator.and_,
    "copysign": lambda x, y: -abs(y) if x < 0 else abs(y),
    "cvt": lambda x: x,
    "cvt.rn": lambda x: x,
    "cvt.sat": lambda x: min(max(x, 0), 1),
    "div": operator.floordiv,
    "div.rn": operator.truediv,
    "fma.rm": lambda x, y, z: x * y + z,
    "fma.rn": lambda x, y, z: x * y + z,
    "mad.lo": lambda x, y, z: x * y + z,
    "max": max,
    "mov": lambda x: x,
    "mul": operator.mul,
    "mul.lo": operator.mul,
    "mul.wide": operator.mul,
    "neg": operator.neg,
    "not": lambda x: not x if isinstance(x, bool) else ~x,
    "or": operator.or_,
    "rcp.rn": lambda x: 1 / x,
    "rem": operator.mod,
    "selp": lambda x, y, first: x if first else y,
    "shl": lambda x, n: x << min(n, 64),
    "shr": lambda x, n: x >> min(n, 64),
    "sqrt.rn": lambda x: Fraction(decimal.Context(60).sqrt(decimal.Decimal(x.numerator) / x.denominator)),
    "sub": operator.sub,
    "xor": operator.xor,
    **{f"setp.{name}": getattr(operator, name) for name in ("eq", "ge", "gt", "le", "lt", "ne")},
    "setp.geu": operator.ge,
    "setp.leu": operator.le,
    "setp.ltu": operator.lt,
}
APPROXIMATIONS = {"ex2.approx.ftz": lambda x: 2.0**x, "rcp.approx.ftz": lambda x: 1 / x}


def name_of(opcode):
    """Return an instruction without its types."""
    return ".".join(part for part in opcode.split(".") if part not in ptx.CPP_TYPES)


def operands(opcode):
    """Return the type of the result, and those of the operands."""
    *_, before, type = opcode.split(".")
    name = name_of(opcode)
    count = 3 if name[:3] in ("fma", "mad") else 2
    if name in ("abs", "ex2.approx.ftz", "mov", "neg", "not", "rcp.approx.ftz", "rcp.rn", "sqrt.rn"):
        count = 1
    if name.startswith("cvt"):
        return before, [type]
    if name.startswith("setp"):
        return "pred", [type, type]
    if name.startswith("sh"):
        return type, [type, "u32"]
    if name == "selp":
        return type, [type, type, "pred"]
    return (f"{type[0]}64" if name == "mul.wide" else type), [type] * count


def values(type):
    """Return numbers that a type has, in Python's exact types."""
    if type == "pred":
        return [False, True]
    bits = ptx.size(type)
    if type[0] == "f":
        smallest, ulp = (Fraction(2) ** power for power in ((-149, -23) if bits == 32 else (-1074, -52)))
        near = [Fraction(0), Fraction(1), Fraction(-1), 1 + ulp, 1 - ulp / 2, Fraction(5, 2), Fraction(-7), smallest]
        return [*near, *(Fraction(float(np.dtype(f"f{bits // 8}").type(x))) for x in (0.1, -1 / 3, 6e9, 126.7))]
    unsigned = {0, 1, 2, 3, 7, 31, 32, 33, 64, 100, 0x12345678 % 2**bits, *(2**bits - n for n in (1, 2, 77))}
    return [wrapped(value, type) for value in sorted(unsigned | {2 ** (bits - 1) + n for n in (-1, 0, 1)})]


def wrapped(value, type):
    bits = ptx.size(type)
    value %= 2**bits
    return value - 2**bits if type[0] == "s" and value >= 2 ** (bits - 1) else value


def rounded(value, type, down=False):
    """Return the number of a type that an exact one becomes: the nearest, the even one of two; or the next below."""
    if type[0] != "f":
        return wrapped(int(value), type) if type != "pred" else value
    dtype = np.dtype(f"f{ptx.size(type) // 8}").type
    near = dtype(float(value))
    candidates = [np.nextafter(near, dtype(-np.inf)), near, np.nextafter(near, dtype(np.inf))]
    exact = {candidate: Fraction(float(candidate)) for candidate in candidates}
    if down:
        return max(candidate for candidate in candidates if exact[candidate] <= value)
    is_odd = {candidate: int(candidate.view(f"u{candidate.nbytes}")) % 2 for candidate in candidates}
    return min(candidates, key=lambda candidate: (abs(exact[candidate] - value), is_odd[candidate]))


def is_defined(opcode, operands):
    name = name_of(opcode)
    if name in ("div", "rem", "div.rn", "rcp.rn") and abs(operands[-1]) < Fraction(2) ** -120:
        return False  # by zero, or an overflow
    return name != "sqrt.rn" or operands[0] >= 0


def cases(opcode):
    every = itertools.product(*map(values, operands(opcode)[1]))
    return [case for case in every if is_defined(opcode, case)]


def bits_of(value, type):
    """Return eight bytes that begin with a number of a type."""
    if type[0] != "f":
        return int(value) % 2**64
    number = np.dtype(f"f{ptx.size(type) // 8}").type(float(value))
    return int(number.view(f"u{number.nbytes}"))
