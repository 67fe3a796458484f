"""The config.xml of the presence source on premises that this service succeeds. No I/O.

Its accounts stand as `<MsGraphPresenceSource enabled="true"><Accounts><Account Id ClientId TenantId EncryptedSecret/>`
somewhere below `<PresenceProvider>`. Spelling of names in upper or lower case, namespaces, and values as elements
instead of attributes are taken as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

LARGEST = 20 * 2**20
"""Bytes; the file has some kilobytes."""
_SOURCE = "msgraphpresencesource"
_LIST = "accounts"
_ACCOUNT = "account"
_OFF = frozenset({"false", "0", "no", "off"})
_ON = frozenset({"true", "1", "yes", "on"})


class NoSource(Exception):
    """The file holds no accounts that could be taken over; the text says why and completes "FILE …"."""


@dataclass(frozen=True, slots=True)
class UccAccount:
    """``values``: by their names in lower case, blanks around them removed."""

    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class UccSource:
    """``place``: the elements that it stands in, as in "Configuration/PresenceProvider". ``enabled``: None where it
    does not say, or not so that it could be understood; ``switch``: what it says.
    """

    place: str
    switch: str | None
    enabled: bool | None
    accounts: tuple[UccAccount, ...]


def read_config(data: bytes) -> list[UccSource]:
    """All its sources, in order. Raises NoSource."""
    if len(data) > LARGEST:
        raise NoSource(f"is larger than {LARGEST // 2**20} MB, which no config.xml is")
    sources = list(_sources(_root(data), ""))
    if not sources:
        raise NoSource("has no <MsGraphPresenceSource>: is it the config.xml of the presence source?")
    return sources


def _root(data: bytes) -> Element:
    # Raised after the handlers: the parser's own errors may quote the file, and it holds secrets.
    try:
        return fromstring(data, forbid_dtd=True)
    except ParseError as error:
        line, column = error.position
        why = f"is no well-formed XML: line {line}, column {column + 1} cannot be read"
    except DefusedXmlException:
        why = "has a document type or entities, which no config.xml has; remove the <!DOCTYPE …>"
    except (ValueError, LookupError):
        why = "is in an encoding that is not known; save it as UTF-8"
    raise NoSource(why)


def _sources(element: Element, place: str) -> Iterator[UccSource]:
    """Without recursion into a source: what stands in one is its own."""
    waiting = [(element, place)]
    while waiting:
        element, place = waiting.pop()
        if _name(element) == _SOURCE:
            yield _source(element, place)
            continue
        inner = f"{place}/{_as_written(element)}".lstrip("/")
        waiting += [(child, inner) for child in reversed(element)]


def _source(element: Element, place: str) -> UccSource:
    switch = _values(element).get("enabled")
    said = (switch or "").casefold()
    enabled = True if said in _ON else False if said in _OFF else None
    lists = [child for child in element if _name(child) == _LIST]
    held = [child for each in [element, *lists] for child in each if _name(child) == _ACCOUNT]
    return UccSource(place or "the top", switch, enabled, tuple(UccAccount(_values(each)) for each in held))


def _values(element: Element) -> dict[str, str]:
    """Of attributes, and of elements that hold nothing but text; an attribute goes first."""
    inner = {_name(child): child.text or "" for child in element if not len(child)}
    named = inner | {_local(name).casefold(): value for name, value in element.attrib.items()}
    return {name: " ".join(value.split()) for name, value in named.items()}


def _name(element: Element) -> str:
    return _local(str(element.tag)).casefold()


def _as_written(element: Element) -> str:
    return _local(str(element.tag))


def _local(name: str) -> str:
    return name.rpartition("}")[2]
