"""Translate PTX, as NVRTC 12 and 13 write it for the kernels of these models, to C++ for the emulated GPU.

A card executes machine code that the driver makes from PTX; the emulated GPU executes this translation. emulator/ptx.h
defines the instructions. An instruction, directive or operand that is not known here is an error.

``python ptx.py LIBRARY OPTION... < kernel.cu`` lets the NVRTC at a path compile a kernel with these options and the
headers of the working directory, and prints the C++ code.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import nvrtc

# Instructions whose operands and result all have the instruction's last type, and these types.
UNIFORM = {
    "abs": "f32",
    "add": "f32 f64 s32 s64",
    "add.rn": "f64",
    "and": "b32 b64 pred",
    "copysign": "f32",
    "div": "u32 u64",
    "div.rn": "f32 f64",
    "ex2.approx.ftz": "f32",
    "fma.rm": "f32",
    "fma.rn": "f32 f64",
    "mad.lo": "s32 s64",
    "max": "f32 f64 s32 u32",
    "mov": "b32 b64 f32 f64 u32 u64",
    "mul": "f32 f64",
    "mul.lo": "s32 s64",
    "neg": "f32 s32 s64",
    "not": "b32 b64 pred",
    "or": "b32 b64 pred",
    "rcp.approx.ftz": "f32",
    "rcp.rn": "f32 f64",
    "rem": "u32 u64",
    "sqrt.rn": "f32",
    "sub": "f32 f64 s32 s64",
    "xor": "b32",
}
COMPARISONS = {
    "setp.eq": "b32 f32 s32 s64",
    "setp.ge": "f32 s32 u32 u64",
    "setp.geu": "f32",
    "setp.gt": "f32 s32 s64 u32 u64",
    "setp.le": "s32 u64",
    "setp.leu": "f32",
    "setp.lt": "f32 f64 s32 s64 u32 u64",
    "setp.ltu": "f32",
    "setp.ne": "s32 s64",
}
SHIFTS = {"shl": "b32 b64", "shr": "s32 s64 u32 u64"}
SELECTIONS = {"selp": "b32 b64 f32 f64 u32"}
WIDE = {"mul.wide": "s32 u32"}  # the result has twice the size
# Of two types: the result's, then the operand's.
CONVERSIONS = {
    "cvt": "f64.f32 s64.s32 u32.u64 u64.u32",
    "cvt.rn": "f32.f64 f32.s16 f32.s32 f32.s64 f64.s64",
    "cvt.sat": "f32.f32",
}
TABLES = [UNIFORM, COMPARISONS, SHIFTS, SELECTIONS, WIDE, CONVERSIONS]
OPCODES = {f"{name}.{types}" for table in TABLES for name, all_types in table.items() for types in all_types.split()}

CPP_TYPES = {"f32": "float", "f64": "double", "pred": "bool"}
CPP_TYPES |= {f"{kind}{bits}": f"uint{bits}_t" for kind in "bu" for bits in (8, 16, 32, 64)}
CPP_TYPES |= {f"s{bits}": f"int{bits}_t" for bits in (8, 16, 32, 64)}
TYPE = "|".join(CPP_TYPES)
SPECIAL_REGISTERS = {
    f"%{ptx}.{axis}": f"{cuda}.{axis}"
    for ptx, cuda in {"tid": "threadIdx", "ntid": "blockDim", "ctaid": "blockIdx", "nctaid": "gridDim"}.items()
    for axis in "xyz"
} | {"WARP_SZ": "warpSize"}

MEMORY = re.compile(rf"(ld|st)(?:\.global|\.shared)?(?:\.v([24]))?\.({TYPE})")
ATOMIC = re.compile(r"(atom|red)(?:\.global|\.shared)?\.(add|exch)\.(f32|f64|u32|b64)")
ADDRESS = re.compile(r"\[([%\w]+)(?:\+(-?\d+))?\]")
OPERAND = re.compile(r"\{[^}]*\}|\[[^]]*\]|[^,\s]+")
STATEMENT = re.compile(r"\s*(?:\$(\w+):|(?:@(!?)%(p\d+)\s+)?([.\w]+)\s*((?:\{[^}]*\}|[^;{}])*);|([{}]))")
ENTRY = re.compile(r"\.visible \.entry (\w+)\(([^)]*)\)\s*\{(.*?)\n\}", re.DOTALL)
REGISTER = re.compile(r"%([a-z]+)(\d*)")
REGISTERS = re.compile(rf"\.({TYPE})\s+%([a-z]+)(?:<(\d+)>)?")
PARAMETER = re.compile(rf"\.param \.({TYPE})(?: \.ptr \.align \d+)? (\w+)")
MODULE = [  # what else a module consists of, and its translation
    (re.compile(r"\.version \d\.\d\n\.target sm_\d+\n\.address_size 64\n"), ""),
    (re.compile(r"\.extern \.shared \.align \d+ \.b8 (\w+)\[\];"), r"static char *const \1 = emulated_dynamic;"),
    (
        re.compile(r"\.global \.align (\d+) \.[bu](\d+) (\w+(?:\[\d+\])?)( = [^;]*)?;"),
        r"alignas(\1) static uint\2_t \3\4;",
    ),
]
SHARED = re.compile(r"\.align (\d+) \.b8 (\w+)\[(\d+)\]")


class PtxError(ValueError):
    """A part of a PTX module that is not known here."""


def size(type: str) -> int:
    """Return the bits of a type."""
    return 1 if type == "pred" else int(type[1:])


def match(pattern: re.Pattern[str], text: str, what: str) -> re.Match[str]:
    """Return the match of the whole text; PtxError if there is none."""
    found = pattern.fullmatch(text)
    if found is None:
        raise PtxError(f"unknown {what}: {text}")
    return found


class Kernel:
    """The translation of one kernel, `code`."""

    def __init__(self, name: str, parameters: str, body: str) -> None:
        fields = [
            match(PARAMETER, text.strip(), "parameter").groups() for text in parameters.split(",") if text.strip()
        ]
        self.parameters = {parameter: type for type, parameter in fields}
        self.registers: dict[str, str] = {}  # types by prefix
        self.declarations: list[str] = []
        self.shared: list[str] = []
        lines = self._statements(body)
        arguments = ", ".join(f"{CPP_TYPES[type]} {parameter}" for type, parameter in fields)
        head = [*self.shared, f"static void {name}({arguments}) {{", *self.declarations]
        self.code = "\n".join([*head, *lines, "}", f"EMULATED_KERNEL({name})"])

    def _statements(self, body: str) -> list[str]:
        lines, end = [], 0
        while body[end:].strip():
            found = STATEMENT.match(body, end)
            if found is None:
                raise PtxError(f"unknown statement: {body[end:].strip().splitlines()[0]}")
            label, negated, predicate, name, rest, brace = found.groups()
            end = found.end()
            try:
                if name is None:
                    line = brace or f"{label}:;"
                else:
                    line = (self._directive if name[0] == "." else self._instruction)(name, rest.strip())
            except PtxError as error:
                raise PtxError(f"{error}\n    {found[0].strip()}") from None
            lines.append(f"if ({'!' * bool(negated)}{predicate}) {{ {line} }}" if predicate else line)
        return lines

    def _directive(self, name: str, rest: str) -> str:
        if name == ".reg":
            type, prefix, count = match(REGISTERS, rest, "registers").groups()
            self.registers[prefix] = type
            numbers = range(int(count)) if count else [""]
            names = ", ".join(f"{prefix}{number} = undefined<{CPP_TYPES[type]}>()" for number in numbers)
            if count is None:  # in a block of its own
                return f"{CPP_TYPES[type]} {names};"
            self.declarations.append(f"{CPP_TYPES[type]} {names};")  # before the first label
        elif name == ".shared":
            align, variable, length = match(SHARED, rest, "shared memory").groups()
            self.shared.append(f"EMULATED_SHARED alignas({align}) static char {variable}[{length}];")
        elif (name, rest) != (".pragma", '"nounroll"'):
            raise PtxError(f"unknown directive: {name}")
        return ""

    def _instruction(self, opcode: str, rest: str) -> str:
        operands = OPERAND.findall(rest)
        if opcode in ("bra", "bra.uni"):
            return f"goto {rest.removeprefix('$')};"
        if opcode == "ret":
            return "return;"
        if (opcode, rest) == ("bar.sync", "0"):
            return "__syncthreads();"
        if opcode == "cvta.to.global.u64":  # a global address is its own generic address
            return self._write(operands[0], "u64", self._read(operands[1], "u64"))
        if opcode == "mov.b64" and "{" in rest:
            return self._halves(*operands)
        if opcode.startswith("ld.param."):
            return self._parameter(opcode.removeprefix("ld.param."), *operands)
        if found := MEMORY.fullmatch(opcode):
            return self._memory(*found.groups(), operands)
        if found := ATOMIC.fullmatch(opcode):
            return self._atomic(*found.groups(), operands)
        if opcode in OPCODES:
            return self._operation(opcode, operands)
        raise PtxError(f"unknown instruction: {opcode}")

    def _operation(self, opcode: str, operands: list[str]) -> str:
        name, _, type = opcode.rpartition(".")
        result, types, is_conversion = type, [type] * (len(operands) - 1), opcode.startswith("cvt.")
        if name in COMPARISONS:
            result = "pred"
        elif name in SHIFTS:
            types = [type, "u32"]
        elif name in SELECTIONS:
            types = [type, type, "pred"]
        elif name in WIDE:
            result = f"{type[0]}{2 * size(type)}"
        elif is_conversion:
            name, _, result = name.rpartition(".")
        values = ", ".join(map(self._read, operands[1:], types))
        template = CPP_TYPES[result if is_conversion else type]
        return self._write(operands[0], result, f"ptx_{name.replace('.', '_')}<{template}>({values})")

    def _halves(self, to: str, value: str) -> str:
        if to[0] == "{":
            low, high = OPERAND.findall(to[1:-1])
            bits = self._read(value, "b64")
            return f"{self._write(low, 'b32', f'uint32_t({bits})')} {self._write(high, 'b32', f'{bits} >> 32')}"
        low, high = (self._read(half, "b32") for half in OPERAND.findall(value[1:-1]))
        return self._write(to, "b64", f"(uint64_t({high}) << 32 | {low})")

    def _parameter(self, type: str, to: str, address: str) -> str:
        name = match(ADDRESS, address, "address")[1]
        if type not in CPP_TYPES or size(self.parameters.get(name, "b0")) != size(type):
            raise PtxError(f"no parameter of this type: {address}")
        return self._write(to, type, _as(type, self.parameters[name], name), extend=True)

    def _memory(self, kind: str, count: str | None, type: str, operands: list[str]) -> str:
        vector, address = operands if kind == "ld" else reversed(operands)
        names = OPERAND.findall(vector.strip("{}"))
        if len(names) != int(count or 1):
            raise PtxError(f"expected {count or 1} operands: {vector}")
        place = self._address(address)
        if kind == "st":
            values = [self._read(name, type, cut=True) for name in names]
            return f"ptx_st<{CPP_TYPES[type]}>({', '.join([place, *values])});"
        writes = [self._write(name, type, f"loaded[{i}]", extend=True) for i, name in enumerate(names)]
        return f"{{ const auto loaded = ptx_ld<{CPP_TYPES[type]}, {len(names)}>({place}); {' '.join(writes)} }}"

    def _atomic(self, kind: str, operation: str, type: str, operands: list[str]) -> str:
        address, value = operands[-2:]
        function = {"add": "atomicAdd", "exch": "atomicExch"}[operation]
        call = f"{function}(({CPP_TYPES[type]} *)({self._address(address)}), {self._read(value, type)})"
        return self._write(operands[0], type, call) if kind == "atom" else f"{call};"

    def _address(self, text: str) -> str:
        base, offset = match(ADDRESS, text, "address").groups()
        return f"{self._read(base, 'u64')} + {offset or 0}"

    def _register(self, name: str, type: str, may_be_wider: bool) -> tuple[str, str]:
        """Return the C++ variable and the type of a register; PtxError if it does not suit the instruction's type."""
        prefix, number = match(REGISTER, name, "register").groups()
        if prefix not in self.registers:
            raise PtxError(f"unknown register: {name}")
        declared = self.registers[prefix]
        suits = declared == type or declared[0] == "b" or (type[0] == "b" and declared != "pred")
        if not suits or not (size(declared) == size(type) or (may_be_wider and size(declared) > size(type))):
            raise PtxError(f"expected a register of {type}: {name}")
        return prefix + number, declared

    def _read(self, operand: str, type: str, cut: bool = False) -> str:
        """Return the value of an operand; with `cut` a register may be wider than the type."""
        if operand in SPECIAL_REGISTERS and type in ("u32", "b32"):
            return SPECIAL_REGISTERS[operand]
        if operand[0] == "%":
            name, declared = self._register(operand, type, cut)
            return _as(type, declared, name)
        if type[0] in "fb" and re.fullmatch(f"0[fd][0-9A-F]{{{size(type) // 4}}}", operand):
            return f"as<{CPP_TYPES[type]}>(uint{size(type)}_t(0x{operand[2:]}))"
        if type[0] in "bus" and re.fullmatch(r"-?\d+", operand):
            return f"{CPP_TYPES[type]}({int(operand) % 2 ** size(type)}u)"
        if type == "u64" and re.fullmatch(r"[A-Za-z_]\w*", operand):
            return f"address_of({operand})"
        raise PtxError(f"expected an operand of {type}: {operand}")

    def _write(self, operand: str, type: str, value: str, extend: bool = False) -> str:
        """Return an assignment; with `extend` an integer's register may be wider than the type."""
        name, declared = self._register(operand, type, extend and type[0] != "f")
        return f"{name} = {_as(declared, type, value)};"


def _as(to: str, type: str, value: str) -> str:
    return value if CPP_TYPES[to] == CPP_TYPES[type] else f"as<{CPP_TYPES[to]}>({value})"


def translate(ptx: str) -> str:
    """Return the C++ code of a PTX module, which the emulated GPU's compiler puts behind kernel.h.

    Raises
    ------
    PtxError
        The module contains something that is not known here.
    """
    text = re.sub(r"//[^\n]*|/\*.*?\*/", "", ptx, flags=re.DOTALL).replace("\t", " ")
    kernels = [Kernel(*found.groups()).code for found in ENTRY.finditer(text)]
    module, rest = [], ENTRY.sub("", text)
    for pattern, translation in MODULE:
        module += [found.expand(translation) for found in pattern.finditer(rest)]
        rest = pattern.sub("", rest)
    if rest.strip():
        raise PtxError(f"unknown part of a module: {rest.strip().splitlines()[0]}")
    header = Path(__file__).with_name("emulator") / "ptx.h"
    return "\n".join([f'#include "{header}"', *module, *kernels, ""])


if __name__ == "__main__":
    try:
        headers = {path.name: path.read_text() for path in Path().glob("*.h")}
        image = nvrtc.Nvrtc(sys.argv[1]).compile(sys.stdin.read(), sys.argv[2:], headers)
        print(translate(image.rstrip(b"\0").decode()))
    except (RuntimeError, PtxError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
