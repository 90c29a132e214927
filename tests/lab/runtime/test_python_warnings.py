"""Warnings come to what their thread does, and elsewhere as Python shows them."""

import warnings

from lab.runtime import python_warnings


def test_a_warning_comes_to_the_innermost_that_takes_its_kind():
    with (
        python_warnings.collected(UserWarning, RuntimeWarning) as outer,
        python_warnings.collected(UserWarning) as inner,
    ):
        for text, kind in (("a", UserWarning), ("b", RuntimeWarning), ("c", UserWarning)):
            warnings.warn(text, kind, stacklevel=1)
    assert (outer, inner) == (["b"], ["a", "c"])
    assert python_warnings.sentence([*inner, "a"]) == "Warning: a; c."
    assert python_warnings.sentence([]) == ""


def test_the_librarys_warnings_come_each_time_those_of_others_as_python_has_it():
    code = "import warnings\nfor _ in range(2):\n    warnings.warn('twice', {})\n"
    told = {}
    for module, kind in (("lxmls_rnn.some", "UserWarning"), ("other", "UserWarning"), ("lab.some", "RuntimeWarning")):
        with warnings.catch_warnings():
            warnings.resetwarnings()
            python_warnings.install()
            with python_warnings.collected(Warning) as texts:
                exec(compile(code.format(kind), module, "exec"), {"__name__": module})
        told[module, kind] = len(texts)
    assert list(told.values()) == [2, 1, 1]
