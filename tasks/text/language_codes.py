"""One code for each language, whatever a detector calls it, so that detectors can be compared.

lid.176 answers in Wikipedia's codes (``zh``, ``als`` for Alemannic), GlotLID in ISO 639-3 with a script
(``cmn_Hani``), py3langid in ISO 639-1 or 639-3 (``zh``, ``uzs``). The common code is ISO 639-1 where a language has
one, else ISO 639-3. A standard language and the macrolanguage that it stands for are one (``cmn`` and ``zh``, ``nob``
and ``no``, ``arb`` and ``ar``); varieties that detectors distinguish stay apart (``arz``, ``yue``, ``nn``).
Source: ISO 639 code tables (SIL); Wikipedia's list of its own deviating codes.
"""

from functools import lru_cache

# ISO 639-3 and 639-1, in pairs; then individual languages that stand for a macrolanguage.
ISO = """
aar aa abk ab afr af aka ak amh am ara ar arg an asm as ava av ave ae aym ay aze az bak ba bam bm bel be ben bn bis bi
bod bo bos bs bre br bul bg cat ca ces cs cha ch che ce chu cu chv cv cor kw cos co cre cr cym cy dan da deu de div dv
dzo dz ell el eng en epo eo est et eus eu ewe ee fao fo fas fa fij fj fin fi fra fr fry fy ful ff gla gd gle ga glg gl
glv gv grn gn guj gu hat ht hau ha heb he her hz hin hi hmo ho hrv hr hun hu hye hy ibo ig ido io iii ii iku iu ile ie
ina ia ind id ipk ik isl is ita it jav jv jpn ja kal kl kan kn kas ks kat ka kau kr kaz kk khm km kik ki kin rw kir ky
kom kv kon kg kor ko kua kj kur ku lao lo lat la lav lv lim li lin ln lit lt ltz lb lub lu lug lg mah mh mal ml mar mr
mkd mk mlg mg mlt mt mon mn mri mi msa ms mya my nau na nav nv nbl nr nde nd ndo ng nep ne nld nl nno nn nor no nya ny
oci oc oji oj ori or orm om oss os pan pa pli pi pol pl por pt pus ps que qu roh rm ron ro run rn rus ru sag sg san sa
sin si slk sk slv sl sme se smo sm sna sn snd sd som so sot st spa es sqi sq srd sc srp sr ssw ss sun su swa sw swe sv
tah ty tam ta tat tt tel te tgk tg tgl tl tha th tir ti ton to tsn tn tso ts tuk tk tur tr twi tw uig ug ukr uk urd ur
uzb uz ven ve vie vi vol vo wln wa wol wo xho xh yid yi yor yo zha za zho zh zul zu
als sq arb ar ayr ay azj az cmn zh ekk et fat ak fil tl gaz om gug gn hbo he ike iu khk mn kmr ku knc kr kng kg lvs lv
nob no npi ne ory or pbt ps pbu ps pes fa plt mg prs fa quz qu src sc swh sw uzn uz uzs uz ydd yi zlm ms zsm ms zyb za
"""
# Codes of Wikipedia, and with it of lid.176, that mean another language in ISO 639, and doubles.
WIKIPEDIA = {"als": "gsw", "nb": "no", "bh": "bho", "eml": "egl", "nah": "nhn"}


@lru_cache(maxsize=1)
def _iso() -> dict[str, str]:
    words = ISO.split()
    return dict(zip(words[::2], words[1::2], strict=True))


def common_code(label: str) -> str:
    """``zh`` for ``zh``, ``cmn``, ``cmn_Hani`` and ``zho_Hans``; unknown labels stay as they are, without a script.

    ``als`` means Alemannic, as in Wikipedia, but with a script (``als_Latn``) it is ISO's Tosk Albanian.
    """
    code, _, script = label.partition("_")
    if not script and code in WIKIPEDIA:
        return WIKIPEDIA[code]
    return _iso().get(code, code)
