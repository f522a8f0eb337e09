"""States and territories of the US, provinces of Canada (ANSI and Canada Post codes)."""

from __future__ import annotations

_CODES = {
    "al": "alabama", "ak": "alaska", "az": "arizona", "ar": "arkansas", "ca": "california", "co": "colorado",
    "ct": "connecticut", "de": "delaware", "fl": "florida", "ga": "georgia", "hi": "hawaii", "id": "idaho",
    "il": "illinois", "in": "indiana", "ia": "iowa", "ks": "kansas", "ky": "kentucky", "la": "louisiana",
    "me": "maine", "md": "maryland", "ma": "massachusetts", "mi": "michigan", "mn": "minnesota",
    "ms": "mississippi", "mo": "missouri", "mt": "montana", "ne": "nebraska", "nv": "nevada",
    "nh": "newhampshire", "nj": "newjersey", "nm": "newmexico", "ny": "newyork", "nc": "northcarolina",
    "nd": "northdakota", "oh": "ohio", "ok": "oklahoma", "or": "oregon", "pa": "pennsylvania",
    "ri": "rhodeisland", "sc": "southcarolina", "sd": "southdakota", "tn": "tennessee", "tx": "texas",
    "ut": "utah", "vt": "vermont", "va": "virginia", "wa": "washington", "wv": "westvirginia",
    "wi": "wisconsin", "wy": "wyoming", "dc": "districtofcolumbia", "as": "americansamoa", "gu": "guam",
    "mp": "northernmarianaislands", "pr": "puertorico", "vi": "virginislands",
    "ab": "alberta", "bc": "britishcolumbia", "mb": "manitoba", "nb": "newbrunswick",
    "nl": "newfoundlandandlabrador", "ns": "novascotia", "nt": "northwestterritories", "nu": "nunavut",
    "on": "ontario", "pe": "princeedwardisland", "qc": "quebec", "sk": "saskatchewan", "yt": "yukon",
}  # fmt: skip
_BY_NAME = {name: code for code, name in _CODES.items()} | {"québec": "qc"}


def state_code(letters: str) -> str:
    """``california`` is ``ca``; "" for other names (a code stays as it is with the caller)."""
    return _BY_NAME.get(letters, "")
