"""What the driver and its libraries are asked, and what their answers become."""

import ctypes
from types import SimpleNamespace

import pytest

from lxmls_rnn.device import libraries


def test_the_driver_is_asked_for_each_card(driver):
    driver()
    assert libraries.cards() == (("Pretend", (8, 9)), ("Second", (7, 5)))
    assert [libraries.allows_several_processes(number) for number in (0, 1)] == [True, False]
    driver(CUINIT="3")
    assert libraries.cards() == ()
    driver(absent=["libcuda.so"])
    assert libraries.cards() == ()
    assert not libraries.allows_several_processes(0)


def test_versions_are_those_that_the_libraries_tell(driver):
    driver(SERVES="12080", NVRTC="124")
    assert libraries.driver_cuda_version() == (12, 8)
    assert libraries.nvrtc_version() == (12, 4)
    assert libraries.cublas_version() == (11, 12, 13)
    assert libraries.nvrtc_min_capability() == (7, 5)
    driver(ARCHS="1")
    assert libraries.nvrtc_min_capability() == (12, 0)


def test_what_a_library_does_not_tell_is_not_known(driver):
    driver(SERVES="0", NVRTC="0", ARCHS="0", NO_CUBLAS="1")
    assert libraries.nvrtc_min_capability() is None
    driver(SERVES="0", NVRTC="0", ARCHS="-1", NO_CUBLAS="1")
    names = "driver_cuda_version", "nvrtc_version", "nvrtc_min_capability", "cublas_version"
    found = [getattr(libraries, name) for name in names]
    assert [ask() for ask in found] == [None] * 4
    driver(absent=["libcuda.so", "libnvrtc.so", "libcublas.so"])
    assert [ask() for ask in found] == [None] * 4


def test_an_nvrtc_of_before_cuda_11_2_cannot_say_what_it_serves(driver, monkeypatch):
    driver()
    monkeypatch.setattr(libraries, "load_library", lambda name: ctypes.CDLL(None))
    assert libraries.nvrtc_min_capability() is None


def test_a_library_that_is_not_there_is_none():
    assert libraries.load_library("libno-such-library.so") is None
    assert libraries.load_library("libc.so.6").abs(-3) == 3


def test_the_bus_shows_a_card_that_is_nvidias_and_for_displays(linux):
    assert not libraries.has_nvidia_card()
    for number, (vendor, kind) in enumerate((("0x8086", "0x030000"), ("0x10de", "0x040300"))):
        linux(f"/sys/bus/pci/devices/{number}/vendor", vendor)
        linux(f"/sys/bus/pci/devices/{number}/class", kind)
    assert not libraries.has_nvidia_card()
    linux("/sys/bus/pci/devices/2/vendor", "0x10de\n")
    linux("/sys/bus/pci/devices/2/class", "0x030200\n")
    assert libraries.has_nvidia_card()


def test_wsl_shows_a_card_by_the_driver_for_windows_alone(linux):
    linux("/sys/bus/pci/devices/0/vendor", "0x1414")  # Microsoft's, which stands for every card
    linux("/sys/bus/pci/devices/0/class", "0x030200\n")
    assert not libraries.has_nvidia_card()
    linux("/usr/lib/wsl/lib/libcuda.so.1", "")
    assert libraries.has_nvidia_card()


def test_a_device_that_says_nothing_hides_no_card(linux, tmp_path):
    """Wherever in the list the card is."""
    devices = [tmp_path / "sys/bus/pci/devices" / str(number) for number in range(3)]
    for device in devices:
        device.mkdir(parents=True)
    for device in devices:
        (device / "vendor").write_text("0x10de\n")
        (device / "class").write_text("0x030200\n")
        assert libraries.has_nvidia_card()
        (device / "vendor").unlink()


def test_kernels_are_kept_by_driver_card_and_nvrtc(driver, linux):
    driver(SERVES="12080")
    assert libraries.driver_version() == ""
    assert libraries.kernel_folder_name(1) == "driver-12.8-compute-7.5-nvrtc-13.0"
    linux("/proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12\n")
    assert libraries.driver_version() == "535.183.01"
    assert libraries.kernel_folder_name(0) == "driver-535.183.01-compute-8.9-nvrtc-13.0"
    assert libraries.kernel_folder_name(2) == "driver-535.183.01-compute--nvrtc-13.0"


@pytest.mark.parametrize(
    ("names", "error"), [(["bool_"], None), (["bool_"], OSError("broken")), (["bool", "bool_"], None)]
)
def test_pygpu_finds_the_name_bool_in_numpy_while_it_is_imported(monkeypatch, names, error):
    numpy = SimpleNamespace(**dict.fromkeys(names, bool))

    def import_module(name):
        if name == "numpy":
            return numpy
        assert (name, numpy.bool) == ("pygpu", bool)
        if error:
            raise error
        return "pygpu itself"

    monkeypatch.setattr(libraries, "import_module", import_module)
    if error:
        with pytest.raises(OSError, match="broken"):
            libraries.import_pygpu()
    else:
        assert libraries.import_pygpu() == "pygpu itself"
    assert sorted(vars(numpy)) == names
