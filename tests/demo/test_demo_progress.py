"""The progress line: a bar that lives on a terminal, one line a pass elsewhere."""

import io
import re

from demo.progress import meter, progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_bar_lives_on_a_terminal_and_is_one_line_elsewhere():
    for out, writes in ((Terminal(), 3), (io.StringIO(), 1)):
        tick = progress("to noise", out)
        for call in (1, 2, 3):
            tick(call, 3, 0.5 * call, None, None)
        shown = out.getvalue()
        assert shown.count("to noise") == writes and shown.count("\n") == 1
        assert shown.count("\r") == (writes if out.isatty() else 0)
        assert re.search(r" 3 of 3 +0 s +\n$", shown)
        assert ("s left" in shown) == ("-" in shown) == ("#" in shown) == out.isatty()


def test_a_meter_numbers_the_passes():
    out = io.StringIO()
    titled = meter(12, out)
    for name in ("first", "second"):
        titled(name)(1, 1, 1.0, None, None)
    assert [line[:14].rstrip() for line in out.getvalue().splitlines()] == ["[ 1/12] first", "[ 2/12] second"]


def test_the_widest_line_fits_a_terminal_of_eighty_columns():
    out = Terminal()
    tick = meter(41, out)("watercolour, random noise")
    for call in range(1, 117):
        tick(call, 116, 14.6, None, None)
    assert max(map(len, re.split(r"[\r\n]", out.getvalue()))) < 80
