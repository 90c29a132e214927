"""The bounds between the plans of a layer on a GPU."""

import pytest

from lxmls_rnn.deep_learning.gpu_plans import BOUNDS_VARIABLE, FUSED_UP_TO, fused_up_to


def test_the_variable_sets_the_bounds_that_it_names():
    assert {layer: fused_up_to(layer, {}) for layer in FUSED_UP_TO} == FUSED_UP_TO
    assert fused_up_to("rnn", {BOUNDS_VARIABLE: "rnn=384,lstm=0"}) == 384
    assert fused_up_to("lstm", {BOUNDS_VARIABLE: "rnn=384,lstm=0"}) == 0
    assert fused_up_to("lstm", {BOUNDS_VARIABLE: "rnn=384"}) == FUSED_UP_TO["lstm"]


@pytest.mark.parametrize("wrong", ["384", "gru=1", "rnn=-1", "rnn=1;lstm=2"])
def test_another_text_is_refused(wrong):
    with pytest.raises(ValueError, match=f"{BOUNDS_VARIABLE} must be like rnn=512,lstm=192, got '{wrong}'"):
        fused_up_to("rnn", {BOUNDS_VARIABLE: wrong})
