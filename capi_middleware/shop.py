"""One shop's settings, compiled: what every request of that shop shares."""

from __future__ import annotations

from typing import NamedTuple

from . import collect
from .infer import Inference, Memory, ProductMemory
from .page import Judge, Sightings, Snippet
from .page.script import ScriptAsset, adoption, asset
from .settings import Settings
from .visit import IdentityCodec


class Shop(NamedTuple):
    """Made once for each settings object, never changed. ``look``: the same rules, for what counts elsewhere."""

    settings: Settings
    inference: Inference
    look: Inference
    judge: Judge
    snippet: Snippet
    sightings: Sightings
    script: ScriptAsset
    adoption: ScriptAsset
    collect: collect.Shop


def compile_shop(
    settings: Settings,
    memory: ProductMemory | None,
    seal: collect.Seal,
    identity: IdentityCodec,
    traffic: Memory | None = None,
) -> Shop:
    """Everything that can be prepared before the first request."""
    snippet = Snippet(settings)
    inference = Inference(settings, memory, traffic)
    return Shop(
        settings,
        inference,
        Inference(settings, memory, traffic, counts=False),
        Judge(settings, snippet),
        snippet,
        Sightings(settings.meta.pixel_id),
        asset(settings),
        adoption(settings),
        collect.Shop(settings, inference, memory, seal, identity),
    )
