"""Which form field stands for which ``user_data`` key: by name, by ``autocomplete``, by platform."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

_VOCABULARY = """
em: email emailaddress emailaddr mail emailid epost epostadress epostaddress epostadresse sahkoposti correo
    correoelectronico courriel adressemail adresseemail mailadresse emailadresse customeremail contactemail useremail
    accountemail loginemail registeremail newsletteremail subscriberemail billingemail orderemail guestemail
ph: phone phonenumber phonenumber0 tel telephone telefon telefonnummer telefonnr telnumber telno mobile mobilephone
    mobilenumber mobil mobilnummer mobiltelefon cell cellphone gsm puhelin puhelinnumero telefono handynummer movil
    billingphone customerphone contactphone
fn: firstname fname givenname forename fornamn fornavn vorname prenom etunimi nombre nome voornaam billingfirstname
    customerfirstname
ln: lastname lname surname familyname efternamn etternavn efternavn nachname nomdefamille sukunimi apellido apellidos
    cognome achternaam billinglastname customerlastname
ct: city town locality postort stad ort poststed stadt ville kaupunki ciudad citta plaats addresslevel2 billingcity
    townorcity postaltown
st: state province region statecode provincecode stateprovince addresslevel1 billingstate
zp: zip zipcode postcode postalcode postnummer postnr plz postleitzahl codepostal postinumero cap codigopostal
    billingpostcode billingzip zippostalcode
country: country countrycode countryid countryname countryiso2 land billingcountry
db: birthday birthdate bday dob dateofbirth fodelsedatum fodselsdato geburtsdatum
ge: gender sex kon kjonn geschlecht
name: fullname yourname customername fullstandigtnamn
login: username login user userid account identifier loginid usernameoremail
"""
"""Names with everything but letters and digits removed, accents too (``E-post`` is ``epost``). ``name`` is a whole
name; ``login`` is an e-mail address in many shops and a nickname in others: taken where it looks like the former."""


def _by_name(vocabulary: str) -> dict[str, str]:
    found = {}
    for key, names in re.findall(r"(\w+):([^:]+?)(?=\n\w+:|\Z)", vocabulary):
        found.update(dict.fromkeys(names.split(), key))
    return found


_BY_NAME = _by_name(_VOCABULARY)
PRESET_FIELDS: dict[str, dict[str, str]] = {
    "oscar": {"line4": "ct"},
    "magento": {"login[username]": "em"},
    "opencart": {"zone_id": "", "country_id": ""},
    "prestashop": {"id_country": "", "id_state": ""},
    "shopware": {"loginMail": "em", "countryId": "", "countryStateId": ""},
    "woocommerce": {"account_email": "em", "reg_email": "em"},
    "odoo": {"country_id": "", "state_id": "", "name": "name"},
    "shopify": {"contact[email]": "em", "checkout[email]": "em", "customer[email]": "em"},
}
"""What only one platform calls so ("" is never taken: numbers of rows in its own tables)."""
AUTOCOMPLETE = {
    "email": "em",
    "tel": "ph",
    "tel-national": "ph",
    "given-name": "fn",
    "family-name": "ln",
    "name": "name",
    "address-level2": "ct",
    "address-level1": "st",
    "postal-code": "zp",
    "country": "country",
    "country-name": "country",
    "bday": "db",
    "sex": "ge",
}
"""The HTML standard's autofill field names."""
_NEVER = re.compile(
    r"passw|pwd|losen|kreditkort|creditcard|cardn|cardholder|cvc|cvv|iban|ssn|personn|token|secret|captcha|csrf|nonce"
)
_OTHERS = re.compile(r"recipient|receiver|gift|friend|mottagar|referr|partner|company|foretag|organi[sz]ation")
"""Fields about somebody else than the visitor."""
_SHIPPING = re.compile(r"ship|deliver|leverans|liefer")
_PREFIX = re.compile(
    r"(?:billing|shipping|delivery|login|registration|register|customer|account|user|order|checkout|guest|form|input"
    r"|field|newsletter|contact|address|invoice|faktura)[-_ ](?=.)",
    re.IGNORECASE,
)
UNSURE = 9


class Recognised(NamedTuple):
    """``key`` of ``user_data`` (or ``name``), "" for none; of several fields for one key the lowest ``rank`` wins:
    the shop's own rule, then what is named so, then guesses and the parcel's address."""

    key: str
    rank: int


_NOTHING = Recognised("", UNSURE)


def recognise(name: str, text: str, own: Mapping[str, str], learned: Mapping[str, str]) -> Recognised:
    """What a field with this name and content stands for."""
    if name in own:
        return Recognised(own[name], 0)
    plain = _plain(name)
    if _NEVER.search(plain) or _OTHERS.search(plain):
        return _NOTHING
    rank = 3 if _SHIPPING.search(plain) else 1
    if name in learned:
        return Recognised(learned[name], rank)
    key = _BY_NAME.get(_plain(_last_part(name))) or _BY_NAME.get(plain, "")
    if key == "login":
        return Recognised("em", rank + 1) if "@" in text else _NOTHING
    return Recognised(key, rank) if key else _NOTHING


@lru_cache(maxsize=32)
def own_fields(settings: tuple[str, ...], platform: str) -> dict[str, str]:
    """The preset's names, and the shop's: ``em=kundens_epost`` is taken, ``-kundens_epost`` never is."""
    found = dict(PRESET_FIELDS.get(platform, {}))
    for entry in settings:
        if entry.startswith("-"):
            found[entry[1:].strip()] = ""
        else:
            key, _, name = entry.partition("=")
            found[name.strip()] = key.strip()
    return found


@lru_cache(maxsize=2048)
def _plain(name: str) -> str:
    folded = unicodedata.normalize("NFKD", name[:120].lower())
    return "".join(mark for mark in folded if mark.isalnum())


@lru_cache(maxsize=2048)
def _last_part(name: str) -> str:
    """``billing_address[email]`` and ``registration-email`` end in the field itself."""
    inner = re.findall(r"[^\[\].:]+", name[:120])
    return _PREFIX.sub("", inner[-1], count=1) if inner else name
