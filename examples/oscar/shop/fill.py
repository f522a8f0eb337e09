"""Makes the database and loads the catalogue, with Oscar's own command."""

from __future__ import annotations

from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.core.management import call_command

CATALOGUE = Path(__file__).parent.parent / "catalogue.csv"
COUNTRIES = (("GB", "GBR", "826", "United Kingdom"), ("SE", "SWE", "752", "Sweden"))


def fill() -> None:
    """Tables, countries to ship to, products, static files. Runs once per folder."""
    from oscar.core.loading import get_model

    # Tables straight from the models, in half a second: there is nothing to migrate from.
    settings.MIGRATION_MODULES = dict.fromkeys(config.label for config in apps.get_app_configs())
    call_command("migrate", run_syncdb=True, verbosity=0)
    country = get_model("address", "Country")
    product = get_model("catalogue", "Product")
    for two, three, number, name in COUNTRIES:
        country.objects.get_or_create(
            iso_3166_1_a2=two,
            defaults={
                "iso_3166_1_a3": three,
                "iso_3166_1_numeric": number,
                "printable_name": name,
                "name": name,
                "is_shipping_country": True,
            },
        )
    if not product.objects.exists():
        call_command("oscar_import_catalogue", str(CATALOGUE))
        call_command("rebuild_index", interactive=False, verbosity=0)
    call_command("collectstatic", interactive=False, link=True, verbosity=0)
