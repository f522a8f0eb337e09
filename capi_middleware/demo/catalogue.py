"""What the demo shop sells, and how it writes prices."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Category:
    """``names``: by language."""

    slug: str
    names: dict[str, str]
    leads: dict[str, str]


@dataclass(frozen=True, slots=True)
class Product:
    """``price``: Swedish kronor, tax included. ``stock``: pieces left when the shop opens."""

    sku: str
    slug: str
    category: str
    price: Decimal
    stock: int
    names: dict[str, str]
    texts: dict[str, str]

    @property
    def in_stock(self) -> bool:
        return self.stock > 0


CATEGORIES = (
    Category(
        "koket",
        {"sv": "Köket", "en": "Kitchen"},
        {"sv": "Det som står framme varje dag.", "en": "The things that never leave the counter."},
    ),
    Category(
        "hemmet",
        {"sv": "Hemmet", "en": "Home"},
        {"sv": "Ljus, värme och något vackert i fönstret.", "en": "Light, warmth, and something fine on the sill."},
    ),
)

PRODUCTS = (
    Product(
        "NK-1001",
        "mugg-fjall",
        "koket",
        Decimal("249.00"),
        40,
        {"sv": "Mugg Fjäll", "en": "Fjäll mug"},
        {
            "sv": "Drejad i stengods med fjällkedjan målad för hand. Rymmer tre deciliter och tål maskindisk.",
            "en": "Thrown in stoneware, the mountains painted by hand. Holds three decilitres, dishwasher safe.",
        },
    ),
    Product(
        "NK-1002",
        "kaffebryggare-dropp",
        "koket",
        Decimal("1290.00"),
        12,
        {"sv": "Kaffebryggare Dropp", "en": "Dropp coffee brewer"},
        {
            "sv": "Glas, ek och tålamod. Brygger fyra koppar med vanliga filter.",
            "en": "Glass, oak and patience. Brews four cups with ordinary filters.",
        },
    ),
    Product(
        "NK-1003",
        "skarbrada-ek",
        "koket",
        Decimal("399.00"),
        25,
        {"sv": "Skärbräda Ek", "en": "Ek chopping board"},
        {
            "sv": "Massiv ek från Småland, oljad tre gånger. Blir vackrare med åren.",
            "en": "Solid oak from Småland, oiled three times. Improves with age.",
        },
    ),
    Product(
        "NK-1004",
        "tekanna-vinter",
        "koket",
        Decimal("649.00"),
        0,
        {"sv": "Tekanna Vinter", "en": "Vinter teapot"},
        {
            "sv": "Gjutjärn som håller värmen en hel eftermiddag. Nästa omgång gjuts i vår.",
            "en": "Cast iron that stays warm all afternoon. The next batch is cast in spring.",
        },
    ),
    Product(
        "NK-2001",
        "bordslampa-midnatt",
        "hemmet",
        Decimal("1895.00"),
        8,
        {"sv": "Bordslampa Midnatt", "en": "Midnatt table lamp"},
        {
            "sv": "En lugn cirkel av ljus. Steglös dimmer och två meter textilsladd.",
            "en": "A calm circle of light. Smooth dimmer and two metres of fabric cord.",
        },
    ),
    Product(
        "NK-2002",
        "plad-ull",
        "hemmet",
        Decimal("1095.00"),
        18,
        {"sv": "Pläd Ull", "en": "Ull throw"},
        {
            "sv": "Vävd av svensk lammull, 130 × 180 centimeter. Varm utan att väga.",
            "en": "Woven from Swedish lambswool, 130 × 180 centimetres. Warm without weight.",
        },
    ),
    Product(
        "NK-2003",
        "ljusstake-tall",
        "hemmet",
        Decimal("329.00"),
        30,
        {"sv": "Ljusstake Tall", "en": "Tall candlestick"},
        {
            "sv": "Svarvad i tall, för kronljus. Står stadigt också när katten går förbi.",
            "en": "Turned in pine, for taper candles. Stands firm even when the cat walks by.",
        },
    ),
    Product(
        "NK-2004",
        "vas-vag",
        "hemmet",
        Decimal("459.50"),
        15,
        {"sv": "Vas Våg", "en": "Våg vase"},
        {
            "sv": "Munblåst glas i havets färger. Ingen är den andra lik.",
            "en": "Mouth-blown glass in the colours of the sea. No two are alike.",
        },
    ),
)

BY_SKU = {product.sku: product for product in PRODUCTS}
BY_SLUG = {product.slug: product for product in PRODUCTS}
CATEGORY_BY_SLUG = {category.slug: category for category in CATEGORIES}


def search(words: str, language: str) -> list[Product]:
    """Products whose name or text holds every word; none for no words."""
    wanted = words.casefold().split()
    if not wanted:
        return []
    return [
        product
        for product in PRODUCTS
        if all(word in f"{product.names[language]} {product.texts[language]}".casefold() for word in wanted)
    ]


def money(amount: Decimal, language: str) -> str:
    """``1 290 kr`` and ``459,50 kr`` in Swedish (with no-break spaces), ``SEK 1,290`` and ``SEK 459.50`` in English."""
    text = f"{amount:,.2f}".removesuffix(".00")
    if language == "sv":
        return text.replace(",", "\u00a0").replace(".", ",") + "\u00a0kr"
    return f"SEK\u00a0{text}"
