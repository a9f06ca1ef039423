"""Which domain of the mixture a document belongs to: code, mathematics, documentation or prose, from its text alone.

Three ratios, each from expressions over lines or over the text, and one rule: the first threshold that is reached
decides (code, then mathematics, then documentation), and otherwise it is prose. ``url_patterns`` may overrule the text
where a crawl's addresses say more than its words. This is a rule of thumb, not a model: docs/signals.md has the
confusion table over real corpora and the command that prints it.

Doctest prompts (``>>>``) are reference documentation and not code, so that a manual with examples stays a manual.
Cost: about 20 ns a byte, apart from the tokens.
"""

import numpy as np
import polars as pl
import pyarrow as pa
from pydantic import field_validator

from gristmill.core.config import Config
from gristmill.tasks.kernels.counts.formulas import count_formulas
from gristmill.tasks.kernels.tokens.whitespace_split import EAST
from gristmill.tasks.text.lines import Floats, count, frame, ratio, split, total
from gristmill.tasks.text.slices import utf8_of
from gristmill.tasks.tokenization.words import Positions, Tokens

CODE, MATHEMATICS, DOCUMENTATION, PROSE = "code", "mathematics", "documentation", "prose"


def _ascii(*expressions: str) -> str:
    """One expression for all, with words and word ends of ASCII, which Rust matches ten times faster than Unicode's."""
    return "|".join(expressions).replace(r"\w", "[0-9A-Za-z_]").replace(r"\b", r"(?-u:\b)")


# Every expression sees a line without white space at its end.
CODE_LINE = _ascii(
    r"[;{]$",  # statements and blocks of the C family
    r"^\s*[\])}]+[;,)]*$",
    r"^\s*(?://|/\*|\*/|\*\s|#!|#include|#define|#if|#endif|--\s|<!--|\"\"\"|''')",  # comments and directives
    r"^\s+#",
    r"^\s*(?:@\w[\w.]*(?:\(.*\))?|(?:async )?def \w.*|class \w+(?:\(.*\))?:)$",
    r"^\s*(?:if|elif|while|for|with|except|try|else|finally|match|case)\b.*:$",
    r"^\s*(?:import \w[\w., ]*|from \S+ import .*|package [\w.]+|use [\w:]+.*;|require ['\"(].*)$",
    r"^\s*(?:return|raise|yield|assert|del|local|const|let|var|my|our|val|pub|fn|func|function|sub|proc)\b[^.]*$",
    r"^\s*(?:pass|break|continue|end|begin|fi|done|esac|then|else|do)$",
    r"^\s*[\w.$@%&*\[\]'\"()>-]+(?:\s*:\s*[\w\[\]., |]+)?\s*(?:[-+*/|&^%:.]|<<|>>|\*\*|//)?=\s*\S",  # assignments
    r"^\s+[\w.]+\(.*\)[;,]?$",  # indented calls
    r"^\s+[\w.]+\([^)]*$",
    r"(?:=>|<-|->|:=|&&|\|\||\|>|::)(?:\s|$)",
    r"^\s*(?:Proof|Qed|Defined|Lemma|Theorem|Definition|Require|Import|intros?|apply|rewrite|destruct)\b.*\.$",
    r"^\s*(?i:call|subroutine|end|integer|real|double precision|implicit|dimension|logical|endif|enddo|goto) *"
    r"(?:if|do|subroutine|function|none|,|::|\*|\(|$)",
    r"^\s*(?:set|puts|lappend|incr|append|foreach|unset|echo|export|source|cd|printf|exit)\s+[$\w'\"-]+",
    r"^\s+['\"].*['\"],?$",
    r"^\s+['\"]?\w+['\"]?\s*(?::|=>)\s*\S.*,$",
)
REFERENCE_LINE = _ascii(
    r"^\s*(?:>>>|\.\.\. |In \[\d+\]:|\$ \w)",
    r"^\s*(?:(?:class|function|method|property|exception|async|static|classmethod|def) )*[A-Za-z_][\w.]*\([^()]*"
    r"(?:\([^()]*\)[^()]*)*\)(?:\s*->.*|\s*\[.*)?:?$",  # signatures
    r"^\s*:(?:param|type|returns?|rtype|raises?|keyword|var|ivar|cvar)\b",
    r"^\s*@(?:param|return|throws|see|since)\b",
    r"^\s*(?:Parameters|Other Parameters|Arguments|Args|Returns?|Return values?|Yields|Raises|Throws|Warns|Attributes"
    r"|Methods|Properties|Notes?|Examples?|See Also|References|Warnings?|Syntax|Usage|Options|Synopsis|Description"
    r"|Functions|Classes|Exceptions|Data|Data descriptors.*|Methods .*here|Configuration|Installation|API):?$",
    r"^(?:NAME|SYNOPSIS|DESCRIPTION|OPTIONS|ARGUMENTS|COMMANDS|FILES|ENVIRONMENT|EXAMPLES?|NOTES|BUGS|AUTHORS?"
    r"|SEE ALSO|RETURN VALUE|ERRORS|EXIT STATUS|STANDARDS|HISTORY|LIBRARY|COPYRIGHT|CLASSES|FUNCTIONS|DATA|METHODS"
    r"|VERSIONS|ATTRIBUTES|REPORTING BUGS|CONFORMING TO|COLOPHON)$",
    r"^\s*\*?\*?\w[\w, *`]* ?: (?:\w+ )?`*(?:str|int|bool|float|dict|list|tuple|bytes|object|callable|None|optional"
    r"|array|string|integer|boolean|\{|ndarray|sequence|function|type|any|iterable|path|file|DataFrame|Series)\b",
    r"^\s*--?[A-Za-z][\w-]*(?:[ ,=<\[].*)?$",  # options of a command
    r"^\s*(?:\.\. |Added in version|New in version|Changed in version|Deprecated since|Available since)",
    r"^\w[\w.]*\(\d\w*\)",  # the head of a manual page
    r"^\p{Lu}[\p{Lu} ]{3,24}$",  # its headings in other languages
    r"^ {3,}(?:[\w.,-]+ )?--?\w[\w-]*(?:, |=|$)",
    r"^\s*\|  ",
    r"^```",
    r"`[^`]*[()_=./<>{-][^`]*`",  # code inside a line
)
MATH_WORDS = (
    "theorem|lemma|corollary|proof|polynomials?|integrals?|integrand|derivatives?|differential|equations?"
    "|matrix|matrices|vectors?|eigenvalues?|eigenvectors?|determinant|scalar|tensors?|manifold|algebra|algebraic|algebras"
    "|morphisms?|isomorphisms?|homomorphisms?|topology|topological|cohomology|homology|functors?|bijection|injective"
    "|surjective|abelian|subgroup|modulo|primes|integers?|rational|irrational|coefficients?|exponential"
    "|logarithm|logarithmic|sin|cos|tan|sinh|cosh|sqrt|exp|trigonometric|hyperbolic|convex|convergence|converges"
    "|probability|probabilities|variance|covariance|stochastic|gaussian|binomial|poisson|quantiles?|median|regression"
    "|statistic|likelihood|hypothesis|estimator|deviation|symmetric|hermitian|orthogonal|orthonormal|diagonal"
    "|triangular|factorization|decomposition|cholesky|fourier|laplace|bessel|legendre|chebyshev|hermite|laguerre|gamma"
    "|zeta|jacobian|hessian|gradient|minimization|optimization|interpolation|quadrature|spline|numerator|denominator"
    "|finite|infinite|infinity|axis|axes|ndarray|array_like|complex-valued|arithmetic|geometric|geometry"
    "|ellipse|inequality|summation|cosine|sine|tangent|lim|graph|graphs|vertex|vertices|sparse"
)
TEX = (
    "frac|sum|int|prod|lim|sqrt|alpha|beta|gamma|delta|epsilon|varepsilon|lambda|mu|sigma|theta|phi|varphi|psi|omega|pi|Gamma"
    "|Delta|Sigma|Omega|infty|partial|nabla|cdot|cdots|ldots|dots|times|otimes|oplus|circ|leq?|geq?|neq?|approx|equiv|sim"
    "|simeq|subset|subseteq|cap|cup|to|rightarrow|Rightarrow|mapsto|colon|mathbb?|mathbf|mathcal|mathrm|mathfrak|text"
    "|operatorname|left|right|langle|rangle|widetilde|overline|hat|bar|vec|forall|exists|ref|label|begin|end|item|noindent"
)
MATH_MARKS = (
    rf"(?i-u:\b(?:{MATH_WORDS})\b)"
    rf"|\\(?:{TEX})(?-u:\b)"
    r"|[∀-⋿⟀-⟯⨀-⫿𝐀-𝟿±×÷√∞≤≥≠≈π]"
    r"|[A-Za-z0-9)]\s?(?:\^|\*\*)\s?[A-Za-z0-9({]"  # powers
)


class DomainConfig(Config):
    """Minimum ratios, in the order they are tried.

    ``url_patterns``: pairs of a regular expression (Rust's, searched in the url) and the domain it means; the first
    that is found decides before the text does.
    """

    code_line_ratio: float = 0.4
    math_token_ratio: float = 0.02
    reference_line_ratio: float = 0.1
    url_patterns: tuple[tuple[str, str], ...] = ()

    @field_validator("url_patterns")
    @classmethod
    def _possible(cls, pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        for pattern, domain in pairs:
            if domain not in (CODE, MATHEMATICS, DOCUMENTATION, PROSE):
                raise ValueError(f"{domain!r} is not a domain; possible: code, mathematics, documentation, prose")
            try:
                pl.Series([""]).str.contains(pattern)
            except pl.exceptions.ComputeError as error:
                raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error
        return pairs


def domain_columns(
    texts: pa.Array, urls: pa.Array, words: Positions, config: DomainConfig
) -> dict[str, pa.Array | Floats]:
    """Every column of ``signals/domain`` but ``doc_id``. ``words``: of each text; ``urls`` may be null."""
    rows = frame(texts)
    lines = split(rows, pl.col("text")).with_columns(pl.col("line").str.strip_chars_end()).filter(pl.col("line") != "")
    line_count = count(lines, len(texts))
    marks = rows["text"].str.count_matches(MATH_MARKS).to_numpy() + count_formulas(*utf8_of(texts))
    ratios = {
        "code_line_ratio": _share(lines, CODE_LINE, line_count),
        "math_token_ratio": ratio(marks, words),
        "reference_line_ratio": _share(lines, REFERENCE_LINE, line_count),
    }
    chosen = pl.DataFrame({"url": pl.Series(urls, dtype=pl.String), **ratios})
    by_text = pl.lit(PROSE)
    for name, found in (
        ("reference_line_ratio", DOCUMENTATION),
        ("math_token_ratio", MATHEMATICS),
        ("code_line_ratio", CODE),
    ):
        by_text = pl.when(pl.col(name) >= getattr(config, name)).then(pl.lit(found)).otherwise(by_text)
    for pattern, found in reversed(config.url_patterns):
        by_text = pl.when(pl.col("url").str.contains(pattern)).then(pl.lit(found)).otherwise(by_text)
    return {"domain": chosen.select(domain=by_text)["domain"].to_arrow().cast(pa.string()), **ratios}


def words_of(tokens: Tokens) -> Positions:
    """Words of each text, where every character of a token of Han, kana or hangul counts as one."""
    return tokens.total(tokens.is_word * np.where(tokens.flags & EAST, tokens.length, 1))


def _share(lines: pl.DataFrame, pattern: str, line_count: Floats) -> Floats:
    return ratio(total(lines, pl.col("line").str.contains(pattern), len(line_count)), line_count)
