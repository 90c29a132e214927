"""The translator from PTX: each instruction against exact arithmetic in Python; what it does not know is refused."""

import shutil

import numpy as np
import nvrtc
import ptx
import pytest
from driver import Device
from exact import APPROXIMATIONS, DEFINITIONS, bits_of, cases, name_of, operands, rounded

HEAD = ".version 8.8\n.target sm_75\n.address_size 64\n"
KERNEL = """
.visible .entry {name}(
	.param .u64 inputs,
	.param .u64 outputs
)
{{
	.reg .pred 	%p<9>;
	.reg .b16 	%rs<9>;
	.reg .f32 	%f<9>;
	.reg .f64 	%fd<9>;
	.reg .b32 	%r<9>;
	.reg .b64 	%rd<9>;

	ld.param.u64 	%rd1, [inputs];
	ld.param.u64 	%rd2, [outputs];
	mov.u32 	%r1, %tid.x;
	mov.u32 	%r2, %ctaid.x;
	mov.u32 	%r3, %ntid.x;
	mad.lo.s32 	%r1, %r2, %r3, %r1;
	mul.wide.u32 	%rd3, %r1, 8;
	add.s64 	%rd1, %rd1, %rd3;
	add.s64 	%rd2, %rd2, %rd3;
	{body}
	ret;
}}
"""
STRIDE = 8 * 8192  # bytes from one operand's values to the next one's; each value has eight

OPCODES = sorted(ptx.OPCODES)


def kernel(name, opcode):
    """Return a kernel that executes an instruction on the operands of each thread."""
    result, types = operands(opcode)
    registers = [register(type, number) for number, type in enumerate([result, *types], 4)]
    lines = []
    for i, (type, to) in enumerate(zip(types, registers[1:], strict=True)):
        if type == "pred":
            lines += [f"ld.global.u32 \t%r1, [%rd1+{i * STRIDE}];", f"setp.ne.s32 \t{to}, %r1, 0;"]
        else:
            lines.append(f"ld.global.{type} \t{to}, [%rd1+{i * STRIDE}];")
    lines.append(f"{opcode} \t{', '.join(registers)};")
    if result == "pred":
        lines += [f"selp.u32 \t%r1, 1, 0, {registers[0]};", "st.global.u32 \t[%rd2], %r1;"]
    else:
        lines.append(f"st.global.{result} \t[%rd2], {registers[0]};")
    return KERNEL.format(name=name, body="\n\t".join(lines))


def register(type, number):
    prefix = {"pred": "p", "f32": "f", "f64": "fd"}.get(type) or {16: "rs", 32: "r", 64: "rd"}[ptx.size(type)]
    return f"%{prefix}{number}"


@pytest.fixture(scope="module")
def device(stand_ins, tmp_path_factory):
    """The emulated device."""
    return Device(shutil.copy(stand_ins / "libcuda.so", tmp_path_factory.mktemp("device")))


@pytest.fixture(scope="module")
def load(device):
    """Load a PTX module on the device: its translation is given to the emulated compiler."""
    compiler = nvrtc.Nvrtc(device.library._name)

    def load(module):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("EMULATED_PTX", "cat")
            return device.load(compiler.compile(ptx.translate(HEAD + module), []))

    return load


@pytest.fixture(scope="module")
def launch(load):
    return load("\n".join(kernel(f"kernel_{i}", opcode) for i, opcode in enumerate(OPCODES)))


@pytest.fixture
def execute(device, launch):
    """Return the results of an instruction, in eight bytes each, of operands in eight bytes each."""

    def execute(opcode, columns):
        inputs = np.zeros((3, STRIDE // 8), "u8")
        count = len(columns[0])
        for row, column in zip(inputs, columns, strict=False):
            row[:count] = column
        outputs = device.put(np.zeros(STRIDE // 8, "u8"))
        launch(f"kernel_{OPCODES.index(opcode)}", -(-count // 256), 256, device.put(inputs), outputs)
        return device.get(outputs, STRIDE // 8, "u8")[:count]

    return execute


def test_every_instruction_is_defined_here():
    assert {name_of(opcode) for opcode in OPCODES} == DEFINITIONS.keys() | APPROXIMATIONS.keys()


@pytest.mark.parametrize("opcode", [opcode for opcode in OPCODES if name_of(opcode) in DEFINITIONS])
def test_an_instruction(execute, opcode):
    result, types = operands(opcode)
    given = cases(opcode)
    columns = [[bits_of(v, t) for v in column] for column, t in zip(zip(*given, strict=True), types, strict=True)]
    got = execute(opcode, columns)
    exact = [DEFINITIONS[name_of(opcode)](*case) for case in given]
    expected = [rounded(value, result, down=".rm" in opcode) for value in exact]
    mask = 2 ** ptx.size(result) - 1
    for case, g, e in zip(given, got.tolist(), expected, strict=True):
        same = g & mask == bits_of(e, result) & mask or (e == 0 and g & mask in (0, 2 ** (ptx.size(result) - 1)))
        assert same, f"{opcode} of {case}: expected {e}, got the bits {g & mask:#x}"


FLOATS = np.array(
    [0.0, -0.0, 1, -1, 1.5, -37.25, 126.5, 127.999, -126, -140, -149, 1e-40, -1e-40, 3e38, 1e-38, 0.3], "f4"
)


@pytest.mark.parametrize("opcode", [opcode for opcode in OPCODES if name_of(opcode) in APPROXIMATIONS])
def test_an_approximation_whose_subnormal_numbers_are_zeros(execute, opcode):
    """The ISA allows a relative error of 2^-22."""
    x = np.where(np.abs(FLOATS) < 2.0**-126, FLOATS * 0, FLOATS).astype("f8")
    with np.errstate(divide="ignore", over="ignore"):
        expected = APPROXIMATIONS[name_of(opcode)](x)
    expected = np.where(np.abs(expected) < 2.0**-126, np.copysign(0, expected), expected).astype("f4")
    got = execute(opcode, [FLOATS.view("u4")]).astype("u4").view("f4")
    assert np.array_equal(np.signbit(got), np.signbit(expected))
    np.testing.assert_allclose(got, expected, rtol=2.0**-22, atol=0)


NAN, INF, ONE, ZERO, MINUS = 0x7FC00000, 0x7F800000, 0x3F800000, 0, 0x80000000


@pytest.mark.parametrize(
    ("opcode", "given", "expected"),
    [
        *((f"setp.{name}.f32", [NAN, ONE], 0) for name in ("eq", "ge", "gt", "lt")),
        *((f"setp.{name}.f32", [ONE, NAN], 0) for name in ("eq", "ge", "gt", "lt")),
        *((f"setp.{name}.f32", [NAN, ONE], 1) for name in ("geu", "leu", "ltu")),
        *((f"setp.{name}.f32", [ONE, NAN], 1) for name in ("geu", "leu", "ltu")),
        ("setp.eq.f32", [ZERO, MINUS], 1),
        ("max.f32", [NAN, ONE], ONE),
        ("max.f32", [ONE, NAN], ONE),
        ("max.f32", [ZERO, MINUS], ZERO),
        ("max.f32", [MINUS, ZERO], ZERO),
        ("max.f32", [MINUS, MINUS], MINUS),
        ("cvt.sat.f32.f32", [NAN], ZERO),
        ("cvt.sat.f32.f32", [INF], ONE),
        ("cvt.sat.f32.f32", [INF | MINUS], ZERO),
        ("cvt.rn.f32.f64", [0x47EFFFFFF0000000], INF),  # halfway between the largest and what would come next
        ("ex2.approx.ftz.f32", [INF | MINUS], ZERO),
        ("ex2.approx.ftz.f32", [INF], INF),
        ("rcp.approx.ftz.f32", [INF | MINUS], MINUS),
        ("rcp.rn.f32", [MINUS], INF | MINUS),
        ("div.rn.f32", [ONE, ZERO], INF),
        ("neg.f32", [ZERO], MINUS),
        ("copysign.f32", [MINUS, ONE], ONE | MINUS),
        ("abs.f32", [MINUS], ZERO),
        ("fma.rm.f32", [ONE, ONE, ONE | MINUS], MINUS),  # what cancels exactly is -0 only when rounded down
        ("fma.rn.f32", [ONE, ONE, ONE | MINUS], ZERO),
    ],
)
def test_zeros_infinities_and_not_a_number(execute, opcode, given, expected):
    assert int(execute(opcode, [[bits] for bits in given])[0]) & 0xFFFFFFFF == expected


def test_loads_and_stores_of_several_numbers_of_narrow_ones_and_of_halves(device, load):
    body = """
	ld.global.v4.f32 	{%f1, %f2, %f3, %f4}, [%rd1];
	st.global.v2.f32 	[%rd2+8], {%f4, %f1};
	st.global.v4.u32 	[%rd2+16], {%r1, %r1, %r1, %r1};
	ld.global.s8 	%rs1, [%rd1+16];
	st.global.u16 	[%rd2], %rs1;
	ld.global.u8 	%r4, [%rd1+16];
	st.global.u8 	[%rd2+2], %r4;
	ld.global.s32 	%rd4, [%rd1+16];
	st.global.u64 	[%rd2+32], %rd4;
	st.global.u32 	[%rd2+40], %rd4;
	{
	.reg .b32 %temp;
	mov.b64 	{%temp, %r5}, 0d3FF0000000000001;
	}
	mov.b64 	%fd1, {%r5, %r1};
	st.global.f64 	[%rd2+48], %fd1;
	atom.global.exch.b64 	%rd4, [%rd2+48], %rd4;
	st.global.u64 	[%rd2+56], %rd4;
"""
    inputs = np.array([1, 2, 3, 4, 0, 0], "f4")
    inputs[4:].view("i4")[:] = -2
    outputs = device.put(np.zeros(16, "u4"))
    load(KERNEL.format(name="wide", body=body))("wide", 1, 1, device.put(inputs), outputs)
    got = device.get(outputs, 16, "u4").tolist()
    four, one = np.array([4, 1], "f4").view("u4")
    assert got[:12] == [0xFEFFFE, 0, four, one, 0, 0, 0, 0, 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFE, 0]
    assert got[12:] == [0xFFFFFFFE, 0xFFFFFFFF, 0x3FF00000, 0]


def test_atomic_additions_predicates_loops_and_shared_memory(device, load):
    """Each of three threads adds what it finds in the next one's shared memory, three times."""
    body = """
	.shared .align 4 .b8 own[12];
	setp.lt.u32 	%p1, %r1, 3;
	@!%p1 bra 	$L__BB0_3;

	cvt.rn.f32.s32 	%f1, %r1;
	shl.b32 	%r4, %r1, 2;
	cvt.u64.u32 	%rd4, %r4;
	mov.u64 	%rd5, own;
	add.s64 	%rd6, %rd5, %rd4;
	st.shared.f32 	[%rd6], %f1;
	bar.sync 	0;
	setp.eq.s32 	%p2, %r1, 2;
	@%p2 mov.u64 	%rd6, own;
	@!%p2 add.s64 	%rd6, %rd6, 4;
	ld.shared.f32 	%f2, [%rd6];
	ld.shared.f32 	%f3, [own+8];
	mov.u32 	%r5, 0;

$L__BB0_2:
	.pragma "nounroll";
	atom.global.add.f32 	%f4, [%rd7], %f2;
	red.global.add.f32 	[%rd7+4], %f3;
	add.s32 	%r5, %r5, 1;
	setp.lt.s32 	%p3, %r5, 3;
	@%p3 bra 	$L__BB0_2;

$L__BB0_3:
"""
    text = KERNEL.format(name="add", body=body).replace("mov.u32", "mov.u64 \t%rd7, %rd2;\n\tmov.u32", 1)
    outputs = device.put(np.zeros(2, "f4"))
    load(text)("add", 1, 3, device.put(np.zeros(1)), outputs)
    assert device.get(outputs, 2, "f4").tolist() == [3 * (0 + 1 + 2), 3 * 3 * 2]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("sin.approx.f32 %f1, %f2;", "unknown instruction: sin.approx.f32"),
        ("add.ftz.f32 %f1, %f2, %f3;", "unknown instruction: add.ftz.f32"),
        ("ld.volatile.global.f32 %f1, [%rd1];", "unknown instruction: ld.volatile.global.f32"),
        ("atom.global.max.s32 %r1, [%rd1], %r2;", "unknown instruction: atom.global.max.s32"),
        ("bar.sync 1;", "unknown instruction: bar.sync"),
        ("bar.sync 0, 64;", "unknown instruction: bar.sync"),
        ("add.f32 %f1, %f2, %rd2;", "expected a register of f32: %rd2"),
        ("add.s32 %r1, %r2, %f1;", "expected a register of s32: %f1"),
        ("add.f32 %fd1, %f2, %f3;", "expected a register of f32: %fd1"),
        ("mov.b32 %r1, %p1;", "expected a register of b32: %p1"),
        ("mov.u32 %q1, 0;", "unknown register: %q1"),
        ("add.s32 %r1, %r2, %laneid;", "unknown register: %laneid"),
        ("mov.u32 %r1, 0f3F800000;", "expected an operand of u32: 0f3F800000"),
        ("ld.shared.f32 %f1, [%r1];", "expected a register of u64: %r1"),
        ("ld.global.f32 %f1, [%rd1+%rd2];", "unknown address: "),
        ("ld.param.u32 %r1, [inputs];", "no parameter of this type"),
        (".local .align 4 .b8 depot[4];", "unknown directive: .local"),
        ("%r1 = 0;", "unknown statement"),
        ("ld.global.v2.f32 {%f1, %f2, %f3}, [%rd1];", "expected 2 operands"),
    ],
)
def test_what_is_not_known_is_refused(line, why):
    with pytest.raises(ptx.PtxError, match=why) as error:
        ptx.translate(HEAD + KERNEL.format(name="kernel", body=line))
    assert line.split(";")[0] in str(error.value)


@pytest.mark.parametrize("part", [".func f() { ret; }\n", ".const .align 4 .b32 x = 1;\n", ".version 9.9\n"])
def test_an_unknown_part_of_a_module_is_refused(part):
    with pytest.raises(ptx.PtxError, match=f"unknown part of a module: {part[:4]}"):
        ptx.translate(HEAD + part + KERNEL.format(name="kernel", body=""))


def test_the_emulated_compiler_says_what_is_unknown(stand_ins, as_ptx, monkeypatch):
    monkeypatch.setenv("EMULATED_PTX", as_ptx["EMULATED_PTX"])
    compiler = nvrtc.Nvrtc(stand_ins / "libcuda.so")
    source = 'extern "C" __global__ void kernel(int *x) { atomicMax(x, 5); }'
    # the version of NVRTC decides between the two
    unknown = r"PtxError: unknown instruction: (atom|red).global.max.s32\n +(atom|red).global"
    with pytest.raises(nvrtc.CompileError, match=unknown):
        compiler.compile(source, ["-arch", "compute_75"])
    with pytest.raises(nvrtc.CompileError, match="no instance of overloaded function"):
        compiler.compile(source.replace(", 5", ""), ["-arch", "compute_75"])
