"""The layout of DATEV's `EXTF` files: header 700, Buchungsstapel version 13.

Source: developer.datev.de, "DATEV-Format", "Header" and "Buchungsstapel".
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

HEADER_FIELDS = 31
MOST_RECORDS = 99_999
MOST_AMOUNT = Decimal("9999999999.99")

_INFO = [f"Beleginfo - {part} {n}" for n in range(1, 9) for part in ("Art", "Inhalt")]
_MORE = [f"Zusatzinformation{part} {n}" for n in range(1, 21) for part in (" - Art", "- Inhalt")]
COLUMNS = (
    *("Umsatz (ohne Soll/Haben-Kz)", "Soll/Haben-Kennzeichen", "WKZ Umsatz", "Kurs"),
    *("Basis-Umsatz", "WKZ Basis-Umsatz", "Konto", "Gegenkonto (ohne BU-Schlüssel)"),
    *("BU-Schlüssel", "Belegdatum", "Belegfeld 1", "Belegfeld 2", "Skonto", "Buchungstext"),
    *("Postensperre", "Diverse Adressnummer", "Geschäftspartnerbank", "Sachverhalt"),
    *("Zinssperre", "Beleglink"),
    *_INFO,
    *("KOST1 - Kostenstelle", "KOST2 - Kostenstelle", "Kost-Menge"),
    *("EU-Land u. UStID (Bestimmung)", "EU-Steuersatz (Bestimmung)", "Abw. Versteuerungsart"),
    *("Sachverhalt L+L", "Funktionsergänzung L+L", "BU 49 Hauptfunktionstyp"),
    *("BU 49 Hauptfunktionsnummer", "BU 49 Funktionsergänzung"),
    *_MORE,
    *("Stück", "Gewicht", "Zahlweise", "Forderungsart", "Veranlagungsjahr"),
    *("Zugeordnete Fälligkeit", "Skontotyp", "Auftragsnummer", "Buchungstyp"),
    *("USt-Schlüssel (Anzahlungen)", "EU-Land (Anzahlungen)", "Sachverhalt L+L (Anzahlungen)"),
    *("EU-Steuersatz (Anzahlungen)", "Erlöskonto (Anzahlungen)", "Herkunft-Kz"),
    *("Buchungs GUID", "KOST-Datum", "SEPA-Mandatsreferenz", "Skontosperre"),
    *("Gesellschaftername", "Beteiligtennummer", "Identifikationsnummer", "Zeichnernummer"),
    *("Postensperre bis", "Bezeichnung SoBil-Sachverhalt", "Kennzeichen SoBil-Buchung"),
    *("Festschreibung", "Leistungsdatum", "Datum Zuord. Steuerperiode", "Fälligkeit"),
    *("Generalumkehr (GU)", "Steuersatz", "Land", "Abrechnungsreferenz", "BVV-Position"),
    *("EU-Land u. UStID (Ursprung)", "EU-Steuersatz (Ursprung)", "Abw. Skontokonto"),
)
_UNQUOTED = frozenset(
    (
        *("Umsatz (ohne Soll/Haben-Kz)", "Kurs", "Basis-Umsatz", "Konto"),
        *("Gegenkonto (ohne BU-Schlüssel)", "Belegdatum", "Skonto", "Postensperre"),
        *("Geschäftspartnerbank", "Sachverhalt", "Zinssperre", "Kost-Menge"),
        *("EU-Steuersatz (Bestimmung)", "Sachverhalt L+L", "Funktionsergänzung L+L"),
        *("BU 49 Hauptfunktionstyp", "BU 49 Hauptfunktionsnummer", "BU 49 Funktionsergänzung"),
        *("Stück", "Gewicht", "Zahlweise", "Veranlagungsjahr", "Zugeordnete Fälligkeit"),
        *("Skontotyp", "USt-Schlüssel (Anzahlungen)", "Sachverhalt L+L (Anzahlungen)"),
        *("EU-Steuersatz (Anzahlungen)", "Erlöskonto (Anzahlungen)", "KOST-Datum"),
        *("Skontosperre", "Beteiligtennummer", "Postensperre bis", "Kennzeichen SoBil-Buchung"),
        *("Festschreibung", "Leistungsdatum", "Datum Zuord. Steuerperiode", "Fälligkeit"),
        *("Steuersatz", "BVV-Position", "EU-Steuersatz (Ursprung)", "Abw. Skontokonto"),
    )
)
"""Numbers and dates. All others are text, in quotes also where they are empty."""


def text(value: str, most: int) -> str:
    """A text field: what CP1252 has not becomes a question mark, control characters a space."""
    plain = "".join(character if character.isprintable() else " " for character in value)
    known = plain.encode("cp1252", "replace").decode("cp1252")
    return '"' + known[:most].replace('"', '""') + '"'


def money(value: Decimal) -> str:
    """A positive amount with two decimals and a comma."""
    return f"{value:.2f}".replace(".", ",")


def record(fields: Mapping[str, str]) -> str:
    """A line of the fields by column, each as it is written."""
    unknown = fields.keys() - set(COLUMNS)
    if unknown:
        raise KeyError(*unknown)
    return ";".join(fields.get(name, "" if name in _UNQUOTED else '""') for name in COLUMNS)
