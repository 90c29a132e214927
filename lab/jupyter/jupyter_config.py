"""Configuration of Jupyter's server, whose kernels drop no output."""

from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpecManager

c = get_config()  # noqa: F821


class LabKernels(KernelSpecManager):
    """The installed kernels; the one of this Python drops no output."""

    def get_kernel_spec(self, kernel_name):
        """Return the description of a kernel."""
        spec = super().get_kernel_spec(kernel_name)
        if kernel_name == NATIVE_KERNEL_NAME:
            spec.argv = [*spec.argv, "--ext=lab.runtime.messages"]
        return spec


c.ServerApp.kernel_spec_manager_class = LabKernels
