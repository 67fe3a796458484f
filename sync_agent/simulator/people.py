"""Names of made-up people, of many languages."""

from __future__ import annotations

import unicodedata

_FIRST = """
Jane John Anna Sean Zoë José Mária Łukasz Søren Aoife Chloé Ivan Mei Hiroshi Fatima Omar Priya Rahul Ngozi Kwame Ingrid
Björn Lucía Mateo Giulia Marco Noémie Étienne Katarzyna Paweł Elif Mehmet Yara Tariq Sofia Dmitri Olga Liam Emma Noah
Olivia Lucas Mia Elena Niklas Greta Pieter Anouk Tomáš Věra Márton Zsófia Ana Luís
"""
_LAST = """
Doe Smith O'Brien Müller García Nowak Sørensen Kowalczyk Dupont Petrov Chen Tanaka Haddad Khan Sharma Okafor Mensah
Lindqvist Åkesson Fernández Rossi Bianchi Lefèvre Wójcik Yılmaz Demir Silva Santos Ivanova Johnson Brown Davies D'Angelo
Schneider Becker van-Dijk Jansen Novák Horváth Kovács Pereira Murphy Walsh Byrne Laurent
"""
_RARE = """
Achterberg Altenkirch Baumgärtner Bielefeldt Castellanos Czerwiński Dąbrowski Echeverría Fitzgerald Gunnarsson Haverkamp
Iglesias Jóhannsdóttir Karagiannis Leutheusser McAllister Nakamura O'Donoghue Papadopoulos Quintanilla Rautenstrauch
Schwarzkopf Takahashi Überschär Villanueva Wolfensberger Xirinachs Yamaguchi Zubizarreta Abdulrahman Bhattacharya
Cunningham Dell'Acqua Eriksdotter Featherstone Grzybowski Hernández-Ruiz Ibragimov Jayawardene Krzysztofik Lokeshwarappa
Mkhitaryan Nwachukwu Oyelaran-Bello Pfefferkorn Raghunathan Sigurðardal Tchaikovsky Umarkhodzhaev Venkatesan Weißenborn
Yevtushenko Zimmermann Bartholomew Chukwuemeka Djordjevic Fürstenberg Goldschmidt Hofstätter Kielczewski
"""
FIRST_NAMES = tuple(_FIRST.split())
LAST_NAMES = tuple(_LAST.split())
RARE_NAMES = tuple(_RARE.split())
"""Surnames that are nothing like each other, for people of whom no slip makes somebody else."""

_ALONE = str.maketrans("łŁøıð", "lLoid")


def upn_part(name: str) -> str:
    """The name as tenants spell it in sign-in names: plain letters, apostrophes and hyphens stay."""
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss").translate(_ALONE))
    return "".join(character for character in plain.lower() if character.isascii())
