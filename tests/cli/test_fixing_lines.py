"""What `sync` says of approved fixes."""

from __future__ import annotations

from sync_agent.cli.fixing_lines import fixing_lines
from sync_agent.fixes import Fixes, Unfollowed
from sync_agent.fuses import Held
from sync_agent.model import Code, Fix, Row
from sync_agent.outcome import Fixing


def fixes(count: int) -> Fixes:
    return Fixes(
        tuple(Fix(Row(id_, f" u{id_}"), f"u{id_}@contoso.com", Code.UPN_WHITESPACE) for id_ in range(1, count + 1))
    )


def lines(fixing: Fixing, *, dry_run: bool = False) -> list[str]:
    return [text for text, _ in fixing_lines(fixing, dry_run=dry_run)]


def test_where_nobody_approved_anything_nothing_is_said() -> None:
    assert lines(Fixing()) == lines(Fixing(), dry_run=True) == []


def test_what_was_written_is_named_and_the_rest_counted() -> None:
    assert lines(Fixing(fixes(3), done={2}, conflicts=1, failed=1)) == [
        "Approved fixes: 1 of 3 written, 1 changed by others meanwhile, 1 could not be written",
        "  Row 2: “ u2” → u2@contoso.com (upn_whitespace)",
    ]


def test_a_dry_run_names_what_would_be() -> None:
    assert lines(Fixing(fixes(1)), dry_run=True) == [
        "Approved fixes that would be written: 1",
        "  Row 1: “ u1” → u1@contoso.com (upn_whitespace)",
    ]


def test_many_are_cut_short() -> None:
    said = lines(Fixing(fixes(25)), dry_run=True)
    assert (len(said), said[-1]) == (22, "… and 5 more; --json has them all.")


def test_the_fuse_says_its_numbers_and_how_to_go_on() -> None:
    held = Held("max_fixes", "c0ffee", 30, 100, "10%", "30 of 30: upn_whitespace")
    said = lines(Fixing(fixes(1), held=held))
    assert "30 of 100 rows are approved for fixes at once, and at most 10% may be" in said[0]
    assert said[0].endswith("--approve c0ffee")


def test_an_approval_that_is_not_followed_is_shown_with_nothing_invisible_in_it() -> None:
    planned = Fixes((), (Unfollowed(4, "ja\u202ene", "nothing is suggested for this row now"),))
    assert lines(Fixing(planned, error="why")) == [
        "Row 4: ja‹U+202E›ne is approved, but nothing is suggested for this row now",
        "why",
    ]
