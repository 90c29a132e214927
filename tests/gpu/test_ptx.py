"""The translator from PTX: what it does not know is refused. test_own_kernels_as_ptx executes what it writes."""

import nvrtc
import ptx
import pytest

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
