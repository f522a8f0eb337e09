"""Words by which shops say things, in the languages of the shops we read.

Kept in one place, as data: buy buttons, carts, quantities, ids, prices that are not the price.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from .lazy import regex

BUY = regex(
    r"\b(?:add(?:ed)? (?:\w+ )?to (?:(?:my|your|the|shopping|our) ){0,2}(?:cart|basket|bag|trolley|order|box)"
    r"|buy(?: it)?(?: now)?|order now|order|purchase"
    r"|add to (?:cart|bag|basket)|pre-?order|add item|get it now|shop now"
    r"|köp(?: nu)?|lägg (?:i|till i|till) ?(?:varukorg\w*|kundvagn\w*|korg\w*|shoppingbag\w*|kassen)?|handla"
    r"|beställ|till kassan|förbeställ"
    r"|kjøp(?: nå)?|legg i (?:handlekurv\w*|kurv\w*)|bestill"
    r"|køb(?: nu)?|læg i (?:kurv\w*|indkøbskurv\w*)|tilføj til kurv"
    r"|osta|lisää (?:ostoskoriin|koriin)"
    r"|in den (?:waren|einkaufs)korb|in den einkaufswagen|warenkorb|jetzt kaufen|kaufen|bestellen"
    r"|ajouter au (?:panier|chariot)|acheter|commander|j'ach[eè]te"
    r"|in winkel(?:wagen|mand|mandje)|(?:toevoegen|voeg toe) aan (?:winkel\w*)|bestel\w*|koop(?: nu)?"
    r"|a[ñn]adir (?:al|a la) (?:carrito|cesta|carro)|agregar al (?:carrito|carro)|comprar(?: ahora| agora)?|añadir"
    r"|aggiungi al carrello|acquista|compra(?: ora)?|nel carrello"
    r"|do koszyka|dodaj do koszyka|kup(?: teraz)?"
    r"|adicionar ao carrinho|colocar no carrinho"
    r"|do ko[šs][íi]k[ua]|p[řr]idat do ko[šs][íi]ku|vložit do ko[šs][íi]ku|koupit|kúpiť"
    r"|kosárba|megveszem|adaug[ăa] [îi]n co[șs]|cump[ăa]r[ăa]|u ko[šs]aricu|dodaj u ko[šs]aricu|v ko[šs]arico"
    r"|v košarico|kupi"
    r"|в корзину|купить|заказать|добавить в корзину|у кошик|купити|в кошик|купи|добави в количката|в количката"
    r"|sepete ekle|satın al|lisa (?:ostu)?korvi|ielikt grozā|į krepšelį"
    r"|καλάθι|προσθήκη στο καλάθι"
    r"|カートに入れる|カートへ|購入|加入購物車|加入购物车|放入購物車|立即購買|장바구니|구매하기"
    r"|הוסף לסל|הוספה לסל|أضف إلى|اضف)",
    re.I,
)
# Words one of which a buy button says, or has in its names; whoever has none need not be asked with the pattern above.
BUY_WORDS = frozenset(
    [
        "add",
        "added",
        "addtocart",
        "addtobasket",
        "addtobag",
        "buy",
        "buynow",
        "order",
        "purchase",
        "preorder",
        "get",
        "shop",
        "cart",
        "basket",
        "bag",
        "köp",
        "kop",
        "kopknapp",
        "lägg",
        "lagg",
        "handla",
        "beställ",
        "förbeställ",
        "varukorg",
        "kundvagn",
        "kjøp",
        "kjop",
        "legg",
        "handlekurv",
        "bestill",
        "køb",
        "kob",
        "læg",
        "tilføj",
        "kurv",
        "osta",
        "lisää",
        "warenkorb",
        "einkaufskorb",
        "einkaufswagen",
        "kaufen",
        "bestellen",
        "ajouter",
        "acheter",
        "commander",
        "achète",
        "achete",
        "panier",
        "winkelwagen",
        "winkelmand",
        "winkelmandje",
        "toevoegen",
        "voeg",
        "bestel",
        "bestelnu",
        "koop",
        "añadir",
        "anadir",
        "agregar",
        "comprar",
        "carrito",
        "cesta",
        "carro",
        "aggiungi",
        "acquista",
        "compra",
        "carrello",
        "koszyka",
        "dodaj",
        "kup",
        "adicionar",
        "colocar",
        "carrinho",
        "košíka",
        "košíku",
        "kosiku",
        "kosika",
        "košík",
        "přidat",
        "pridat",
        "vložit",
        "koupit",
        "kúpiť",
        "kosárba",
        "megveszem",
        "adaugă",
        "adauga",
        "cumpără",
        "cumpara",
        "coș",
        "cos",
        "košaricu",
        "kosaricu",
        "košarico",
        "v",
        "корзину",
        "купить",
        "заказать",
        "добавить",
        "кошик",
        "купити",
        "купи",
        "добави",
        "количката",
        "sepete",
        "satın",
        "lisa",
        "korvi",
        "ostukorvi",
        "ielikt",
        "grozā",
        "krepšelį",
        "καλάθι",
        "προσθήκη",
        "buybutton",
        "productform",
        "tocart",
        "trolley",
        "buybtn",
        "btnbuy",
        "btncart",
        "addcart",
        "addtocartbutton",
        "pre",
    ]
)
_NAME_WORDS = regex(r"[^\W\d_]+")
_OTHER_SCRIPTS = regex("[\u0591-\u1fff\u2e80-\U0010ffff]")


def may_buy(text: str) -> bool:
    """A quick look, before the pattern, at whether a button's markup can say "buy" at all."""
    if not BUY_WORDS.isdisjoint(_NAME_WORDS.findall(text.lower())):
        return True
    return not text.isascii() and _OTHER_SCRIPTS.search(text) is not None


# What a button says that is not the one to buy with.
NOT_BUY = regex(
    r"wish ?list|önskelista|ønskeliste|merkzettel|wunschzettel|favori|compare|jämför|vergleich|newsletter|subscribe"
    r"|prenumerera|search|sök|review|recension"
    r"|notify|bevaka|gift ?card|voucher|coupon|checkout|to your basket|view (?:cart|basket|bag)|proceed|update"
    r"|remove|continue",
    re.I,
)
CART = regex(
    r"cart|basket|(?<![a-z])bag(?![a-z])|trolley|varukorg|kundvagn|kundkorg|warenkorb|einkaufswagen|panier|carrito"
    r"|cesta|carrello|carrinho|winkelwagen|winkelmand"
    r"|handlekurv|handlevogn|indkobskurv|(?<![a-z])kurv|ostoskori|koszyk|kosik|kosar|korzin|shopping|checkout"
    r"|lagg-till|lagg_till|addtocart|add_to_cart"
    r"|add-to-cart|orderform|order|buy|kop(?![a-z])|purchase|line[-_]?items?|sepet",
    re.I,
)
VETO = regex(
    r"remove|delete|coupon|voucher|discount|compare|wish|review|estimate|search|login|logon|signin|sign-in"
    r"|subscribe|newsletter|register|signup"
    r"|contact|comment|question|friend|share|currency|language|locali[sz]ation|poll|rating|newsletter|notify"
    r"|password|mailing|giftcard-balance",
    re.I,
)
QUANTITY = regex(
    r"(?:^|[-_\[.])(?:qty|quantity|quantities|cart_quantity|amount|antal|menge|anzahl|quantite|cantidad|quantita"
    r"|quantidade|aantal|ilosc|mnozstvi|kpl|maara|kolicina|count|num|qtde)\d*(?:$|[-_\].])"
    r"|quantity|qty",
    re.I,
)
PRICE = regex(
    r"price|pris(?:$|[^moe])|preis|prix|precio|prezzo|preco|preço|cena(?!r)|prijs|hinta|amount|kaina|цена|cost"
    r"|belopp|prc(?![a-z])|kupos",
    re.I,
)
OLD = regex(
    r"(?<![a-z])(?:old|was|rrp|msrp|uvp|srp|before|ord|ordinarie|ordinary|prev|previous|former|original|orig"
    r"|regular|crossed|strike|striked|strikethrough|struck"
    r"|through|compare|compareat|retail|rek|normal|initial|non-?sale|undiscounted|vorher|statt|barre|barré|ancien"
    r"|anterior|antes|tachado|listino|stara|puvodni|skreslona|before-discount)"
    r"(?![a-z])|compare-?at|old-?price|price-?old|oldprice|was-?price|list-?price|listprice|regular-?price"
    r"|price-?regular|crossed|strike|line-?through|rrp|msrp|oldPrice|wasPrice",
    re.I,
)
OTHER = regex(
    r"shipping|freight|frakt|versand|livraison|delivery|postage|sav(?:e|ing)s?(?![a-z])|you-?save"
    r"|discount-?(?:amount|percent|value|badge)|percent|badge(?!r)|tax(?![a-z])|vat(?![a-z])"
    r"|instal?l?ment|monthly|per-?month"
    r"|finan[cz]|klarna|afterpay|leasing|credit|unit-?price|unitprice|price-?unit|per-?unit|base-?price|basepreis"
    r"|grundpreis|jamforpris|deposit|pant(?![a-z])|points|reward|loyalty|mini-?cart|minicart|cart-?(?:total|count"
    r"|summary|items?|sub)|basket-?(?:total|mini)"
    r"|(?<![a-z])total|subtotal|bundle|warranty|insurance|addon|add-on|accessor|filter|slider|range|coupon|tier"
    r"|bulk|volume|graduated|staffel|gift-?card|rating|review|stock|sku(?![a-z])|as-?low|other-?price|price-?other"
    r"|from-?price|katalog",
    re.I,
)
OLDER = regex(
    r"old-?price|price-?old|(?<![a-z])old(?![a-z])|was-?price|price-?was|compare-?at|strike|crossed|line-?through"
    r"|rrp|msrp|list-?price|before-?price|ord-?pris|(?<![a-z])(?:del|was"
    r"|before)(?![a-z])",
    re.I,
)
SALE = regex(
    r"sale|special|final|now|current|our|offer|new(?![sl])|actual|promo|aktuell|today|selling|buy|main|discounted"
    r"|you-?pay|nuvarande|kampanj|rea(?![a-z])|red(?![a-z])|web-?price",
    re.I,
)
APART = regex(
    r"relat|recommend|similar|upsell|up-sell|cross-?sell|crosssell|also|recent|viewed|history|carousel|slick|swiper"
    r"|owl-|suggest|mini-?cart|minicart|cart-?drawer|side-?cart|cart-?popup|cart-?dropdown"
    r"|basket-?(?:mini|drop|preview|contents)|flyout|mega-?menu|(?<![a-z])nav(?![a-z])|navbar|footer|(?<![a-z])menu"
    r"|sidebar(?!-?price)|side-?bar|accessor|bestsell|best-?sell|topsell|top-?sell|product-?(?:list|grid|tile|card"
    r"|item|thumb|miniature|box)s?(?![a-z])"
    r"|products-?(?:list|grid|carousel|row)|grid-?item|card-?product|product_?tile|listing|bought|together|bundle"
    r"|tillbehor|liknande|kunder|popul|cookie|newsletter|modal-?cart|offcanvas|upsales|featured|trending"
    r"|new-?arrivals|latest|specials|pdp-?slider|compare-?(?:table|list)|cart-?(?:block|content|items|list|flyout"
    r"|side)|wishlist",
    re.I,
)
APART_TEXT = regex(
    r"^\W*(?:related|similar|you (?:may|might|could) (?:also )?(?:like|enjoy|be|need)|also (?:like|bought|viewed)"
    r"|customers? (?:who|also)|people (?:who|also)|recommended|recommendations|we (?:also )?recommend"
    r"|recently viewed|frequently bought|goes (?:well|great)"
    r"|complete (?:the|your)|pairs? (?:well|with)|more (?:from|like|in|products)|other (?:products|items|customers)"
    r"|often bought|accessories|best ?sellers|popular|featured|new (?:products|arrivals)|shop the look|last viewed"
    r"|your recent|sponsored|others"
    r"|liknande|relaterade|andra (?:köpte|kunder|har)|du kanske|passar (?:till|bra|ihop)|tillbehör|rekommend"
    r"|kunder som|kunder (?:köpte|har)|senast visade|mer från|fler (?:produkter|från)|köps ofta|populär|komplettera"
    r"|kanske gillar"
    r"|ähnliche|zubehör|kunden (?:kauften|die|haben)|passende|das könnte|auch interessant|zuletzt|empfehl|weitere"
    r"|dazu passt|kundinnen"
    r"|produits? (?:similaires|associés|liés|complémentaires)|vous (?:aimerez|pourriez)|autres? (?:produits"
    r"|articles)|les clients|dans la même"
    r"|productos (?:relacionados|similares)|también|quizás|te puede|otros (?:productos|clientes)"
    r"|prodotti (?:correlati|simili)|potrebbe(?:ro)?|altri prodotti|chi ha"
    r"|gerelateerd|vergelijkbare|andere (?:klanten|kochten|producten)|anderen|misschien|relaterte|lignende"
    r"|andre (?:kunder|kjøpte|har|købte)|du vil|måske|tilbehør|muut|samankaltai|tuotteita"
    r"|podobne|polecane|klienci|inni|podobné|související|příslušenství|doporuč|súvisiace|kapcsolódó|hasonló"
    r"|produse (?:similare|recomandate)|povezani|slični|похож|с этим|вместе с|рекоменд|сопутств"
    r"|produtos (?:relacionados|similares)|quem (?:viu|comprou)|関連|おすすめ|相關|你可能|함께)",
    re.I,
)
MAIN = regex(
    r"product-?(?:detail|info|main|page|single|view|essential|shop|form)|pdp(?!-?slider)|single-?product"
    r"|main-?product|buy-?box",
    re.I,
)


# Names of an amount with and without value added tax.
WITH_TAX = regex(
    r"(?<![a-z])(?:in(?:c|k)l(?:uding|usive)?|with)[-_]?(?:tax|vat|moms|mwst|btw|tva|iva|dph)|(?<![a-z])ttc(?![a-z])"
    r"|(?:price|pris|preis)[-_]?(?:in(?:c|k)l(?:uding)?|brutto)",
    re.I,
)
WITHOUT_TAX = regex(
    r"(?<![a-z])(?:ex(?:c|k)?(?:l(?:uding|usive)?)?|without)[-_]?(?:tax|vat|moms|mwst|btw|tva|iva|dph)|price-?tax(?![a-z])"
    r"|(?:price|pris|preis)[-_]?(?:ex(?:c|k)l?(?:uding)?|netto|ht)(?![a-z])|(?<![a-z])netto(?![a-z])",
    re.I,
)


class Traits(NamedTuple):
    """What an element's class and id say of the price in it. ``tax``: ``incl``, ``excl`` or not said."""

    price: bool
    old: bool
    older: bool
    other: bool
    sale: bool
    apart: bool
    tax: str


@lru_cache(4096)
def traits(names: str) -> Traits:
    """Remembered, since a page repeats its classes."""
    return Traits(
        bool(PRICE.search(names)),
        bool(OLD.search(names)),
        bool(OLDER.search(names)),
        bool(OTHER.search(WITHOUT_TAX.sub("", WITH_TAX.sub("", names)))),
        bool(SALE.search(names)),
        bool(APART.search(names)) and not MAIN.search(names),
        "excl" if WITHOUT_TAX.search(names) else "incl" if WITH_TAX.search(names) else "",
    )


# Names of fields and attributes that carry the id of what is bought, by the kind of id.
ID_FIELDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "variant_id",
        regex(
            r"^(?:variation_?id|variant_?id|variants?|selected_?variant|id_product_attribute|ipa|child_?id"
            r"|combination_?id|sku_?id|stock_?id|skulist|purchasable_?id|offer_?id|article_?variant_?id)$",
            re.I,
        ),
    ),
    (
        "product_id",
        regex(
            r"^(?:add_to_cart|product|products?_?id|productid|id_product|prod_?id|p_?prod_?id|p_?id|pid|item_?id"
            r"|itemno|item|article_?id|artikel_?id|art_?id|artid|products_id|virtuemart_product_id|object_?id"
            r"|entity_?id"
            r"|listing_?id|product_template_id|tmpl_id|goods_?id|a_product|pr_id|prd_?id|prodno|itemnum|hnum"
            r"|post_?id|edit_product_id|uid|tuote_?id|id_prod|produkt_?id|produktid|idproduct|intproductid"
            r"|productno|catalog_?entry_?id|cat_?entry_?id|nid|id_produit|id_producto|idproducto|idprodotto"
            r"|product_pk|element_?id|add_product_id|quickbuy|buyitem|vwitem\d*)$",
            re.I,
        ),
    ),
    (
        "sku",
        regex(
            r"^(?:sku|product_?sku|product_?code|prod_?code|item_?code|item_?number|item_?no|artnr|art_?nr|art_?no"
            r"|artno|artikel_?n(?:umme)?r|article_?n(?:o|umber)|part_?n(?:o|umber)|productcodepost|catalogrefids?"
            r"|sadd|number|asin|code|item_?sku|stock_?code|stockno|reference|ref|model|style|productnumber|varenr"
            r"|varenummer|tuotekoodi|kod|vare_?nr)$",
            re.I,
        ),
    ),
    ("any_id", regex(r"^(?:id|ids|artikel|article|part|selecteditem|itemkey|key|lineitems?)$", re.I)),
)


@lru_cache(2048)
def id_kind(name: str) -> str:
    """The kind of id that a field of this name carries, "" when it carries none. ``product[id]`` counts as ``id``."""
    cut = name.strip().rstrip("[]").replace("-", "_")
    if cut.endswith("]") or "[" in cut:
        inner = cut.rpartition("[")[2].rstrip("]")
        cut = inner or cut.partition("[")[0]
    cut = cut.rpartition(".")[2] or cut
    for kind, pattern in ID_FIELDS:
        if pattern.match(cut):
            return kind
    return ""
