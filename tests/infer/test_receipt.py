"""Order number, total, currency and lines of thank-you pages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capi_middleware.infer.currency import Place
from capi_middleware.infer.receipt import Page, Receipt, place_of, read

SEK = Place(("sv",), "shop.example", "SE", "SEK", ())


def receipt(body: str, place: Place = SEK) -> Receipt:
    return read(Page(f"<html><body>{body}</body></html>".encode(), place))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Ordernummer: 1007", "1007"),
        ("Order number: #1007", "1007"),
        ("Order no. 1007", "1007"),
        ("Order # 1007", "1007"),
        ("Your order number is: 000000123.", "000000123"),
        ("Order reference XKBKNABJK", ""),
        ("Ordernr A-2024-17", "A-2024-17"),
        ("Bestellnummer: DE_4711", "DE_4711"),
        ("N° de commande : 44", "44"),
        ("Tilausnumero 10 07", "10"),
        ("Order date: 2024-05-01", ""),
        ("Order total: 299,00 kr", ""),
        ("Order 2024-05-01", ""),
        ("Preorder 15 now", ""),
        ("Order</td><td>R123456789", "R123456789"),
        ("Ordernummer</dt><dd> 1007 </dd>", "1007"),
        ("Ordernummer <strong>1007</strong>", "1007"),
        ("<script>var x = 'Ordernummer: 9'</script>Ordernummer: 1007", "1007"),
    ],
)
def test_number_in_text(text: str, number: str) -> None:
    assert receipt(f"<p>{text}</p>").order_id == number


@pytest.mark.parametrize(
    ("rows", "value"),
    [
        ([("Totalt", "299,00 kr")], 299.0),
        ([("Delsumma", "250,00 kr"), ("Frakt", "49,00 kr"), ("Totalt", "299,00 kr")], 299.0),
        ([("Total", "299 kr"), ("Subtotal", "250 kr")], 299.0),
        ([("Totalt exkl. moms", "239,20 kr"), ("Totalt inkl. moms", "299,00 kr")], 299.0),
        ([("Summa", "250 kr"), ("Att betala", "199 kr")], 199.0),
        ([("Total savings", "500 kr"), ("Total", "299 kr")], 299.0),
        ([("Total items", "3"), ("Grand total:", "SEK 1,299.00")], 1299.0),
        ([("Totalt (varav moms 59,80 kr)", "299,00 kr")], 299.0),
        ([("Total <span>(</span>Inclusive of tax 0,00 kr<span>)</span>", "299,00 kr")], 299.0),
        ([("Totalt", "(299,00 kr)")], 299.0),
        ([("Totalt (3 artiklar)", "299,00 kr")], 299.0),
        ([("Total (2 items):", "SEK 299.00")], 299.0),
        ([("Totalt (25 % moms)", "59,80 kr")], None),
        ([("Moms", "59,80 kr")], None),
        ([("Totalt", "0,00 kr")], None),
        ([("Total", "-")], None),
    ],
)
def test_total_in_a_table(rows: list[tuple[str, str]], value: float | None) -> None:
    table = "".join(f"<tr><th>{name}</th><td>{amount}</td></tr>" for name, amount in rows)
    assert receipt(f"<table>{table}</table>").value == value


@pytest.mark.parametrize(
    ("text", "place", "value", "code"),
    [
        ("Total: €36.00", Place(), 36.0, "EUR"),
        ("Total: 36,00 EUR", Place(), 36.0, "EUR"),
        ("Totalt: 299 kr", Place(("nb",), "x.no"), 299.0, "NOK"),
        ("Totalt: 299 kr", Place(("sv",), "x.se"), 299.0, "SEK"),
        ("Totalt: 299 kr", Place((), "x.com"), None, ""),
        ("Total: $36.00", Place((), "x.com"), None, ""),
        ("Total: $36.00", Place((), "x.com", codes=("CAD",)), 36.0, "CAD"),
        ("Total: $36.00", Place((), "x.com", codes=("CAD", "USD")), None, ""),
        ("Total: 36.00", Place((), "x.com"), None, ""),
        ("Total: 36.00", Place((), "x.com", "", "USD"), 36.0, "USD"),
    ],
)
def test_a_currency_is_read_or_configured(text: str, place: Place, value: float | None, code: str) -> None:
    found = receipt(f"<p>{text}</p>", place)
    assert (found.value, found.currency) == (value, code)


SCRIPTS = [
    (
        "GA4",
        """dataLayer.push({event: 'purchase', ecommerce: {transaction_id: 'T-9', value: 299.5, currency: 'NOK',
        items: [{item_id: 'A1', quantity: 2, price: 100}, {item_id: 'B2', price: '99.50'}]}})""",
        ("T-9", 299.5, "NOK", (("A1", 2, 100.0), ("B2", 1, 99.5))),
    ),
    (
        "gtag",
        """gtag("event", "purchase", {"transaction_id": "T-9", "value": 299, "currency": "SEK", "items": []});""",
        ("T-9", 299.0, "SEK", ()),
    ),
    (
        "Universal Analytics",
        """dataLayer = [{'transactionId': '1007', 'transactionTotal': 299.00, 'transactionCurrency': 'SEK',
        'transactionProducts': [{'sku': 'A1', 'price': 299, 'quantity': 1}]}]""",
        ("1007", 299.0, "SEK", (("A1", 1, 299.0),)),
    ),
    (
        "floating point",
        "gtag('event', 'purchase', {transaction_id: 'T-9', value: 249.89999999999998, currency: 'SEK'})",
        ("T-9", pytest.approx(249.9), "SEK", ()),
    ),
    (
        "a value written for people",
        "gtag('event', 'purchase', {transaction_id: 'T-9', value: '1.299,00', currency: 'SEK'})",
        ("T-9", None, "", ()),
    ),
    (
        "broken",
        """dataLayer.push({event: 'purchase', ecommerce: {transaction_id: null, value: 'x', items: [}""",
        ("", None, "", ()),
    ),
]


@pytest.mark.parametrize(("name", "script", "expected"), SCRIPTS, ids=[name for name, *_ in SCRIPTS])
def test_scripts(name: str, script: str, expected: tuple[object, ...]) -> None:
    found = receipt(f"<script>{script}</script>")
    assert (found.order_id, found.value, found.currency, found.lines) == expected


def test_json_ld_order() -> None:
    script = '{"@type": "Order", "orderNumber": "77", "price": "299.00", "priceCurrency": "EUR"}'
    found = receipt(f'<script type="application/ld+json">{script}</script>')
    assert (found.order_id, found.value, found.currency) == ("77", 299.0, "EUR")


def test_value_and_currency_come_from_one_source() -> None:
    """A script's value in kronor is not given the text's euro."""
    script = "dataLayer.push({event: 'purchase', ecommerce: {transaction_id: '1', value: 299}})"
    found = receipt(f"<script>{script}</script><p>Total: €30.00</p>")
    assert (found.value, found.currency) == (299.0, "SEK")
    assert found.sources["currency"] == "settings"
    script = "dataLayer.push({event: 'purchase', ecommerce: {transaction_id: '1', value: '1.299,00', currency: 'SEK'}})"
    found = receipt(f"<script>{script}</script><p>Total: €118.00</p>")
    assert (found.value, found.currency) == (118.0, "EUR")


def test_a_page_that_is_not_utf_8() -> None:
    html = "<html><meta charset=iso-8859-1><body><p>Beställningsnummer: 1007</p><p>Totalbelopp: £36.00</p></body>"
    found = read(Page(html.encode("cp1252"), SEK))
    assert (found.order_id, found.value, found.currency) == ("1007", 36.0, "GBP")


def test_place() -> None:
    place = place_of(b"<!doctype html><html class=x lang='sv-SE'>", "x.se", "", "", "")
    assert place.languages == ("sv-SE",)
    page = b'<html><script>var cart = {"currency":"USD"}</script>'
    assert place_of(page, "x.com", "", "", "", "CAD").codes == ("USD",)
    assert place_of(b"<html>", "x.com", "", "", "", "CAD").codes == ("CAD",)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("piece", [b"<", b"<script", b"<h1>", b"<!--", b"Total: ", b"<script>purchase value:"])
def test_linear(piece: bytes) -> None:
    read(Page(piece * (512 * 1024 // len(piece)), SEK))


@given(st.binary(max_size=400))
def test_any_bytes(html: bytes) -> None:
    found = read(Page(html, SEK))
    assert found.value is None or found.value > 0


@given(st.text(alphabet="<>/!- stdr\"'\x00Totalkr0123,.:#Ordenumb", max_size=200))
def test_any_text(text: str) -> None:
    read(Page(text.encode(), SEK))


def test_a_checkouts_own_analytics() -> None:
    ecommerce = "{value: 299, currency: 'NOK', items: [{item_id: 'A1', quantity: 2}]}"
    script = f"dataLayer.push({{event: 'begin_checkout', ecommerce: {ecommerce}}})"
    html = f"<html><body><script>{script}</script></body></html>".encode()
    found = read(Page(html, SEK, placed=False))
    assert (found.value, found.currency, found.lines) == (299.0, "NOK", (("A1", 2, None),))
    assert read(Page(html, SEK)).value is None, "no order was placed"
