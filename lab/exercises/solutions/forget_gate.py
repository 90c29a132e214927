import numpy as np


def my_forget_gate(e_c, f, h_tm1, c_tm1, W_c):
    e_a = e_c * c_tm1 * f * (1 - f)
    dW_h = np.outer(e_a, h_tm1)
    e_c_tm1 = f * e_c + W_c.T @ e_a
    return e_a, dW_h, e_c_tm1
