/* A library that is linked with a BLAS as Theano's modules are, for `lxmls_rnn.device.blas_products`. */

#include <dlfcn.h>

extern "C" {
void sgemm_(), dgemm_(), sgemv_(), dgemv_(), sger_(), dger_(), sdot_(), ddot_(), saxpy_(), daxpy_();

void (*float32[])() = {sgemm_, sgemv_, sger_, sdot_, saxpy_}, (*float64[])() = {dgemm_, dgemv_, dger_, ddot_, daxpy_};

const char *file()
{
    Dl_info found;
    return dladdr((void *)dgemm_, &found) ? found.dli_fname : "";
}
}
