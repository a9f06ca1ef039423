"""Strings that spaCy's English splits, or keeps whole, against its rules: contractions, abbreviations, emoticons.

The list is that of spaCy 3.8 (``spacy/lang/tokenizer_exceptions.py`` and ``spacy/lang/en/tokenizer_exceptions.py``,
MIT), in a shorter form: a space stands between the tokens of a case, ``CAPITAL`` lists hold both spellings, and every
case with an apostrophe exists with a right quotation mark too. 1,343 cases without white space in them.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache

CONTRACTIONS = (  # words, and the endings each takes, with and without their apostrophes
    ("i", "'m|'m a|'ll|'ll 've|'d|'d 've|'ve"),
    ("you we they", "'ll|'ll 've|'d|'d 've|'ve|'re"),
    ("he she it this that", "'ll|'ll 've|'d|'d 've|'s"),
    ("who what when where why how there", "'ll|'ll 've|'d|'d 've|'ve|'re|'s"),
    ("these those", "'ll|'ll 've|'d|'d 've|'ve|'re"),
    ("ca could do does did had may might must need ought sha should wo would", "n't|n't 've"),
    ("ai are is was were have has dare", "n't"),
    ("could might must should would", "'ve"),
)
DROPPED_G = "doin goin nothin nuthin ol somethin havin lovin".split()  # noqa: SIM905
SHORTENED = "'em em 'll ll 'nuff nuff".split()  # noqa: SIM905
CAPITAL = """
not 've|not ve|can not|gon na|got ta|let 's|c'm on|how 'd 'y|'cause|'cos|'coz|'cuz|ma'am|o'clock
""".strip()
WHOLE = """
y' all|y all|'S|'s|‘S|‘s|and/or|w/o|'re|'bout|'d|'|''|—|\\t|\\n|\\")|<space>|C++
Mt.|Ak.|Ala.|Apr.|Ariz.|Ark.|Aug.|Calif.|Colo.|Conn.|Dec.|Del.|Feb.|Fla.|Ga.|Ia.|Id.|Ill.|Ind.|Jan.|Jul.|Jun.|Kan.
Kans.|Ky.|La.|Mar.|Mass.|Mich.|Minn.|Miss.|N.C.|N.D.|N.H.|N.J.|N.M.|N.Y.|Neb.|Nebr.|Nev.|Nov.|Oct.|Okla.|Ore.|Pa.|S.C.
Sep.|Sept.|Tenn.|Va.|Wash.|Wis.|a.m.|Adm.|Bros.|co.|Co.|Corp.|D.C.|Dr.|e.g.|E.g.|E.G.|Gen.|Gov.|i.e.|I.e.|I.E.|Inc.
Jr.|Ltd.|Md.|Messrs.|Mo.|Mont.|Mr.|Mrs.|Ms.|p.m.|Ph.D.|Prof.|Rep.|Rev.|Sen.|St.|vs.|v.s.|ä.|ö.|ü.
° c .|° f .|° k .|° C .|° F .|° K .
""".strip()
EMOTICONS = r"""
:) :-) :)) :-)) :))) :-))) (: (-: =) (= :] :-] [: [-: [= =] :o) (o: :} :-} 8) 8-) (-8 ;) ;-) (; (-; :( :-( :(( :-((
:((( :-((( ): )-: =( >:( :') :'-) :'( :'-( :/ :-/ =/ =| :| :-| ]= =[ :1 :P :-P :p :-p :O :-O :o :-o :0 :-0 :() >:o :*
:-* :3 :-3 =3 :> :-> :X :-X :x :-x :D :-D ;D ;-D =D xD XD xDD XDD 8D 8-D ^_^ ^__^ ^___^ >.< >.> <.< ._. ;_; -_- -__-
v.v V.V v_v V_V o_o o_O O_o O_O 0_o o_0 0_0 o.O O.o O.O o.o 0.0 o.0 0.o @_@ <3 <33 <333 </3 (^_^) (-_-) (._.) (>_<)
(*_*) (¬_¬) ಠ_ಠ ಠ︵ಠ (ಠ_ಠ) ¯\(ツ)/¯ (╯°□°）╯︵┻━┻ ><(((*>
"""
NEVER = frozenset("ill its hell shell shed were well whore".split())  # noqa: SIM905


@lru_cache(maxsize=1)
def special_cases() -> dict[str, tuple[str, ...]]:
    """The tokens of each special case, by its string."""
    cases = {"".join(tokens): tokens for tokens in _listed() if "".join(tokens).lower() not in NEVER}
    turned = {case.replace("'", "’"): tuple(token.replace("'", "’") for token in cases[case]) for case in cases}
    return cases | turned


def _listed() -> Iterator[tuple[str, ...]]:
    for words, endings in CONTRACTIONS:
        for ending in endings.split("|"):
            for spelling in (ending, ending.replace("'", "")):
                yield from _both(f"{word} {spelling}" for word in words.split())
    for line in CAPITAL.splitlines():
        yield from _both(line.split("|"))
    for line in WHOLE.splitlines():
        yield from (tuple(case.split(" ")) for case in line.split("|"))
    yield from ((emoticon,) for emoticon in EMOTICONS.split())
    yield from ((f"{chr(letter)}.",) for letter in range(ord("a"), ord("z") + 1))
    for word in DROPPED_G:
        yield from ((spelling + end,) for spelling in (word, word.title()) for end in ("", "'"))
    yield from ((word,) for word in SHORTENED)
    for hour in range(1, 13):
        yield from ((str(hour), half) for half in ("a.m.", "am", "p.m.", "pm"))


def _both(cases: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Each case as it is and with its first letter capital."""
    for case in cases:
        place = 1 if case.startswith("'") else 0
        yield tuple(case.split(" "))
        yield tuple((case[:place] + case[place].upper() + case[place + 1 :]).split(" "))
