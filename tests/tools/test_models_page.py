"""docs/models.md says which of ComfyUI's own templates were run, as it was measured."""

from official_table import PAGE, measured, with_table


def test_the_table_is_what_was_measured():
    page = PAGE.read_text(encoding="utf-8")
    assert with_table(page, measured()) == page


def test_each_came_back():
    errors = {name: row["error"] for name, row in measured()["graphs"].items()}
    assert len(errors) >= 10 and max(errors.values()) < 1e-6


def test_another_measurement_would_change_the_page():
    known = measured()
    one = next(iter(known["graphs"].values()))
    one["error"] = 0.25
    page = PAGE.read_text(encoding="utf-8")
    assert "| 0.25 |" in with_table(page, known) and with_table(page, known) != page
