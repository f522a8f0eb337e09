"""Settings: what a shop, an agency or an environment says; validated, frozen, reloadable (ground floor)."""

from __future__ import annotations

from .load import load
from .problem import Problem, SettingsError
from .secret import Secret
from .settings import Settings, ShopSettings
from .source import SettingsSource

__all__ = ["Problem", "Secret", "Settings", "SettingsError", "SettingsSource", "ShopSettings", "load"]
