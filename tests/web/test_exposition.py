"""The text format, read by Prometheus's own parser."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from sync_agent.web.exposition import Metric, exposition


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs", "Cc"])), st.floats(allow_nan=False), min_size=1))
def test_whatever_a_label_holds_is_read_as_it_was(samples: dict[str, float]) -> None:
    (family,) = text_string_to_metric_families(exposition([Metric("a_b", "gauge", "What it is.", samples, "of")]))
    assert (family.name, family.type, family.documentation) == ("a_b", "gauge", "What it is.")
    assert {sample.labels["of"]: sample.value for sample in family.samples} == samples


def test_escapes_are_as_the_format_has_them() -> None:
    text = exposition([Metric("a", "counter", "x", {'q"b\\c\nd': 2.0}, "l")])
    assert text == '# HELP a x\n# TYPE a counter\na{l="q\\"b\\\\c\\nd"} 2.0\n'


def test_two_labels() -> None:
    text = exposition([Metric("a", "gauge", "x", {("b", 'c"d'): 2.0}, ("of", "by"))])
    (family,) = text_string_to_metric_families(text)
    assert [(sample.labels, sample.value) for sample in family.samples] == [({"of": "b", "by": 'c"d'}, 2.0)]


def test_what_has_no_samples_is_left_out() -> None:
    assert exposition([Metric("a", "gauge", "x"), Metric("b", "gauge", "y", {"": 1.0})]).splitlines()[-1] == "b 1.0"
