"""Figures as Prometheus reads them: its text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@dataclass(frozen=True, slots=True)
class Metric:
    """``samples``: by the value of the one ``label``, or the values of two; by "" where there is no label."""

    name: str
    kind: Literal["gauge", "counter"]
    told: str
    samples: Mapping[str, float] | Mapping[tuple[str, str], float] = field(default_factory=dict)
    label: str | tuple[str, str] = ""


def exposition(metrics: Iterable[Metric]) -> str:
    """Metrics without samples are left out."""
    return "".join(_lines(metric) for metric in metrics if metric.samples)


def _lines(metric: Metric) -> str:
    head = f"# HELP {metric.name} {metric.told.replace(chr(10), ' ')}\n# TYPE {metric.name} {metric.kind}\n"
    return head + "".join(
        f"{metric.name}{_label(metric.label, at)} {value!r}\n" for at, value in metric.samples.items()
    )


def _label(name: str | tuple[str, str], value: str | tuple[str, str]) -> str:
    if not name:
        return ""
    names, values = ((each,) if isinstance(each, str) else each for each in (name, value))
    pairs = (f'{one}="{its.translate(_ESCAPED)}"' for one, its in zip(names, values, strict=True))
    return f"{{{','.join(pairs)}}}"
