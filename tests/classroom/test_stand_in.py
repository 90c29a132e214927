import pytest

from lxmls_rnn.classroom import stand_in


def test_a_name_that_is_not_there_does_nothing():
    check = stand_in.check
    assert not check.forward(1).text
    assert list(check.progress()) == []
    assert "check.forward" in repr(check.forward)
    assert f"{check:.1e}" == repr(check)
    assert check.installed("numpy")
    with pytest.raises(AttributeError):
        stand_in.__path__  # noqa: B018
