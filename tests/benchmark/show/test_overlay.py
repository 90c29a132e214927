"""Stored results overlaid on new ones."""

from lxmls_rnn.benchmark.show import overlay


def test_stored_rows_follow_the_group_that_does_the_same_work(make_results, make_row):
    own = make_results(make_row(1e-3), make_row(2e-3, "fused"), make_row(3e-3, batch=2))
    stored = make_results(make_row(4e-3, batch=2), make_row(5e-3), make_row(None, "fused"), make_row(6e-3, batch=9))
    both = overlay.overlay(own, stored)
    assert [(row.median, isinstance(row, overlay.OverlaidRow)) for row in both.rows] == [
        (1e-3, False),
        (2e-3, False),
        (5e-3, True),
        (3e-3, False),
        (4e-3, True),
    ]
    assert (both.machine, both.created) == (own.machine, own.created)
    assert len(own.rows) == 3


def test_what_a_file_has_measured_is_said(make_results, make_row):
    stored = make_results(
        make_row(1e-3), make_row(1e-3, n_hidd=50, batch=4, length=30), make_row(1e-3, model="lstm", work="step")
    )
    assert overlay.coverage(stored) == "rnn, lstm; backward, step; hidden 20, 50, batch 1, 4, length 10, 30; float32"
    assert overlay.coverage(make_results(make_row(None))) == "nothing"
    assert overlay.provenance(stored) == "measured 2025-01-01T00:00:00+00:00 on 1 thread of a processor"
