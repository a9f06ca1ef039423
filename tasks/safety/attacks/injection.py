"""Phrases that give orders to a model that reads the page: prompt injection, English and Chinese.

A row of :data:`PHRASES` is an intent with its own score: to override instructions, to get at the system prompt, to
change the model's role, to speak to whatever model reads, to bend a review, or to imitate a chat's markup. Two intents
near each other count more than one. Writing *about* prompt injection quotes the same phrases, so a phrase counts less
in quotation marks, and where words such as "prompt injection", "jailbreak", "attack" or "for example" stand around it.
That lowers the score and never hides the finding: an attacker can add such words as well.

Sources of the intents: Greshake et al. 2023 (arXiv 2302.12173), OWASP LLM01, hidden prompts to reviewers in preprints
(2025). Evaded forms (full-width letters, characters without width) are folded before. Cost: linear; every gap is
bounded.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from gristmill.schemas.findings import FindingKind
from gristmill.tasks.safety.finding import Detector, Finding

GAP = r"(?:[\w'-]+[ \t\n]+){0,3}?"
MODELS = (
    r"(?:AIs?|LLMs?|A\.I\.|GPT(?:-?\d\w*)?|Chat-?GPT|Claude|Gemini|Copilot|Grok|DeepSeek|(?:large )?language models?|"
    r"(?:AI |virtual |digital )?assistants?|chat-?bots?|(?:AI |LLM )?(?:agents?|crawlers?|scrapers?|reviewers?))"
)


@dataclass(frozen=True)
class Phrase:
    """An intent, where the prefilter looks for it, the expression of the whole phrase, and what it counts alone.

    ``words``: one of them stands in every such phrase, in small letters.
    """

    intent: str
    words: tuple[str, ...]
    may_hold: str
    form: re.Pattern[str]
    score: float


def _english(intent: str, words: str, may_hold: str, form: str, score: float) -> Phrase:
    return Phrase(intent, tuple(words.split()), f"(?i){may_hold}", re.compile(form, re.IGNORECASE), score)


def _chinese(intent: str, words: str, may_hold: str, form: str, score: float) -> Phrase:
    return Phrase(intent, tuple(words.split()), may_hold, re.compile(form, re.IGNORECASE), score)


PHRASES = (
    _english(
        "override",
        "ignore disregard forget override bypass discard",
        r"\b(?:ignore|disregard|forget|override|bypass|discard)\s{1,3}(?:[a-z'-]{1,20}\s{1,3}){0,3}(?:previous|prior|above|"
        r"preceding|earlier|foregoing|existing|system|original|initial|your|all)\s{1,3}(?:[a-z'-]{1,20}\s{1,3}){0,3}"
        r"(?:instruction|prompt|direction|directive|command|guideline|programming|training)",
        rf"\b(?:ignore|disregard|forget|override|bypass|discard)\s+{GAP}"
        rf"(?:previous|prior|above|preceding|earlier|foregoing|existing|system|original|initial|your|all)\s+{GAP}"
        r"(?:instructions?|prompts?|directions?|directives?|commands?|guidelines?|programming|training)\b"
        r"(?:\s+(?:and|then)\s+[^.!?\n]{3,120})?",
        0.85,
    ),
    _english(
        "override",
        "rules instructions orders",
        r"\b(?:ignore|disregard|forget|override|bypass)\s{1,3}(?:all\s|any\s|the\s|those\s){0,2}(?:rules|instructions|orders)"
        r"\s{1,3}(?:that\s)?(?:you\s|above|before|given)",
        r"\b(?:ignore|disregard|forget|override|bypass)\s+(?:all\s+|any\s+|the\s+|those\s+){0,2}(?:rules|instructions|orders)"
        r"\s+(?:that\s+)?(?:you\s+(?:were|have|got|received|follow|had)|above|before|given)\b[^.!?\n]{0,120}",
        0.85,
    ),
    _english(
        "leak",
        "prompt instructions message",
        r"\b(?:reveal|print|repeat|show|output|leak|disclose|tell me|give me|send)\s{1,3}(?:[a-z'-]{1,20}\s{1,3}){0,3}"
        r"(?:system|initial|hidden|original|developer|secret)\s{1,3}(?:prompt|instructions|message)",
        rf"\b(?:reveal|print|repeat|show|output|leak|disclose|tell\s+me|give\s+me|send)\s+{GAP}"
        r"(?:system|initial|hidden|original|developer|secret)\s+(?:prompts?|instructions|messages?)\b",
        0.7,
    ),
    _english(
        "role",
        "you",
        r"\byou\s(?:are|must|will)\snow\s(?:(?:called\s)?dan\b|act|behave|respond|answer|obey|in\s|an?\s(?:un|jail|evil|free)|"
        r"un|jail|evil|free)|\bfrom now on,?\syou\s|you have no\s(?:restrictions|rules|limits|filters)",
        r"\byou\s+(?:are|must|will)\s+now\s+(?:(?:called\s+)?DAN\b|act|behave|respond|answer|obey|in\s+(?:developer|debug|god)"
        r"\s+mode|(?:an?\s+)?(?:unrestricted|uncensored|unfiltered|jailbroken|evil|free))[^.!?\n]{0,80}|"
        r"\bfrom\s+now\s+on,?\s+you\s+(?:must|will|shall|should|are\s+to)\s+(?:act|behave|respond|answer|obey|ignore|always|"
        r"only|never)\b[^.!?\n]{0,80}|"
        r"\b(?:pretend|act|behave|respond)\s+(?:that|as\s+if|like)?\s*you\s+have\s+no\s+(?:restrictions|rules|limits|filters)\b",
        0.7,
    ),
    _english(
        "address",
        "ai llm language chat a.i. gpt claude gemini copilot grok deepseek assistant agent crawler scraper reviewer",
        r"\b(?:if|as|when)\s(?:you are|you're)?\s?(?:an?\s)?(?:ai|llm|large language|language model|chatbot)|"
        r"\b(?:note|attention|message|instructions?|important|notice|hint)\s?(?:to|for|:)\s",
        rf"\b(?:if\s+you(?:\s+are|'re)\s+(?:an?\s+)?{MODELS}(?:\s+(?:reading|processing|summari[sz]ing|analy[sz]ing|crawling|"
        rf"scraping|or)\b|\s*,)[^.!?\n]{{0,120}}|"
        rf"(?:note|attention|message|instructions?|important|notice|hint)\s*(?:to|for|:)\s+(?:all\s+|any\s+|the\s+)?{MODELS}\s*[:,.!-]"
        r"[^.!?\n]{0,120})",
        0.6,
    ),
    _english(
        "review",
        "review paper manuscript submission negative weakness",
        r"(?:positive|favou?rable)\sreview|\b(?:recommend|accept)\s(?:accepting\s)?th(?:is|e)\s(?:paper|manuscript|submission)",
        r"\b(?:give|write|provide|generate)\s+(?:only\s+)?(?:an?\s+)?(?:only\s+)?(?:strongly\s+|very\s+)?(?:positive|favou?rable)"
        r"\s+reviews?(?:\s+only)?\b|"
        r"\bdo\s+not\s+(?:highlight|mention)\s+any\s+(?:negatives?|weakness(?:es)?)\b|"
        r"\byou\s+(?:should|must)\s+recommend\s+(?:accepting\s+)?th(?:is|e)\s+(?:paper|manuscript|submission)\b[^.!?\n]{0,60}",
        0.6,
    ),
    _chinese(
        "markup",
        "<|im_start|> <|system|> <|start_header_id|> <<sys>> [inst]",
        r"<\|(?:im_start|system|start_header_id)\|>|<<SYS>>|\[INST\]",
        r"<\|im_start\|>\s*system\b|<\|system\|>|<\|start_header_id\|>\s*system\b|<<SYS>>|\[INST\]",
        0.4,
    ),
    _chinese(
        "override",
        "指令 指示 提示 命令 设定 系统消息 prompt",
        r"(?:忽略|无视|忘记|忘掉|不要理会|不要遵守|不必遵守|推翻|抛弃|覆盖)[^。！？，,\n]{0,24}"
        r"(?:指令|指示|提示|命令|设定|系统消息|prompt)",
        r"(?:忽略|无视|忘记|忘掉|不要理会|不要遵守|不必遵守|推翻|抛弃|覆盖)(?:掉)?(?:你|您|我)?(?:的)?"
        r"(?:之前|以前|此前|先前|前面|上面|以上|上述|前述|所有|一切|全部|任何|原有|原来|系统)[^。！？，,\n]{0,12}?"
        r"(?:指令|指示|提示词|提示|命令|设定|系统消息|prompt)(?:[，,]\s?[^。！？\n]{2,60})?",
        0.85,
    ),
    _chinese(
        "leak",
        "提示 指令 消息 prompt",
        r"(?:输出|显示|泄露|泄漏|告诉我|重复|打印|透露|公开|说出)[^。！？\n]{0,8}(?:系统|初始|隐藏|原始|开发者)(?:提示|指令|消息)",
        r"(?:输出|显示|泄露|泄漏|告诉我|重复|打印|透露|公开|说出)[^。！？\n]{0,8}?(?:系统|初始|隐藏|原始|开发者)"
        r"(?:提示词|提示|指令|消息|prompt)",
        0.7,
    ),
    _chinese(
        "role",
        "你 您",
        r"(?:从现在开始|从现在起|从此刻起|现在)[，,]?\s?(?:你|您)[^。！？\n]{0,20}"
        r"(?:不受|不再受|没有任?何?限制|越狱|DAN|开发者模式|忽略|无视|服从)",
        r"(?:从现在开始|从现在起|从此刻起|现在)[，,]?\s?(?:你|您)(?:是|将|要|必须|就是|扮演|只能|不再)[^。！？\n]{0,16}?"
        r"(?:受(?:任何|一切)?(?:规则|限制|约束)|不受(?:任何)?限制|没有(?:任何)?限制|越狱|DAN|开发者模式|忽略|无视|服从)",
        0.7,
    ),
    _chinese(
        "address",
        "如果 若 假如",
        r"(?:如果|若|假如)(?:你|您)是",
        r"(?:如果|若|假如)(?:你|您)是(?:一个|一名|一款)?(?:AI|人工智能|大?语言模型|大模型|聊天机器人|智能助手|AI助手|爬虫)"
        r"[^。！？\n]{0,60}",
        0.6,
    ),
    _chinese(
        "review",
        "评价 评审 意见",
        r"(?:正面|积极|好评)(?:的)?(?:评价|评审|意见)",
        r"(?:只|仅|必须|务必|只能)(?:给出|写出?|提供|输出)[^。！？\n]{0,4}?(?:正面|积极)(?:的)?(?:评价|评审|意见)",
        0.6,
    ),
)

ABOUT = re.compile(
    r"prompt[- ]?injection|jailbreak|adversarial|red[- ]team|OWASP|提示词?注入|越狱攻击|对抗样本|红队", re.IGNORECASE
)
PERHAPS_ABOUT = re.compile(
    r"attack|malicious|vulnerab|exploit|security|for example|e\.g\.|such as|hidden text|phrases? like|"
    r"攻击|恶意|漏洞|安全|"
    r"例如|比如|譬如|诸如|防御",
    re.IGNORECASE,
)
AROUND, NEAR = 500, 300
QUOTES = "\"'`“”‘’「」『』«»《》"
MAX_SCORE = 0.95
ABOUT_FACTOR, PERHAPS_FACTOR, QUOTED_FACTOR, SECOND_INTENT = 0.4, 0.75, 0.6, 0.1


def injections(text: str, start: int, end: int) -> Iterator[Finding]:
    """Phrases that give orders to a model, with a score that depends on what stands around them."""
    lowered = text[start:end].lower()
    found = sorted(
        (match.start(), match.end(), phrase.intent, phrase.score)
        for phrase in PHRASES
        if any(word in lowered for word in phrase.words)
        for match in phrase.form.finditer(text, start, end)
    )
    about, perhaps = ([match.start() for match in form.finditer(text, start, end)] for form in (ABOUT, PERHAPS_ABOUT))
    for place, (first, last, intent, score) in enumerate(found):
        company = any(
            other[2] != intent and abs(other[0] - first) <= NEAR for other in found[max(0, place - 4) : place + 5]
        )
        weight = ABOUT_FACTOR if _near(about, first, last) else PERHAPS_FACTOR if _near(perhaps, first, last) else 1.0
        if _is_quoted(text[max(start, first - 1) : first], text[last : min(end, last + 2)]):
            weight *= QUOTED_FACTOR
        score = min(MAX_SCORE, score + SECOND_INTENT * company) * weight
        yield Finding(first, last, FindingKind.PROMPT_INJECTION, score, INJECTION.name)


def _near(places: list[int], first: int, last: int) -> bool:
    """Whether one of the sorted ``places`` is within reach of the phrase."""
    at = bisect_left(places, first - AROUND)
    return at < len(places) and places[at] <= last + AROUND


def _is_quoted(before: str, after: str) -> bool:
    return bool(before) and before in QUOTES and any(mark in QUOTES for mark in after)


INJECTION = Detector(
    "attack:injection",
    1,
    (FindingKind.PROMPT_INJECTION,),
    tuple(phrase.may_hold for phrase in PHRASES),
    injections,
    reach=(AROUND + 160, AROUND + 320),
    folded=True,
)
DETECTORS = (INJECTION,)
