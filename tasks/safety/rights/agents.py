"""The names under which sites address those who gather text to train models, and what each one's operator says of it.

A rule of robots.txt for one of these is read as a statement about training: their operators say that the name stands
for the training of models, or (CCBot) for a crawl whose main use that has become. Names of search and of assistants
that fetch a page for a person (``OAI-SearchBot``, ``ChatGPT-User``, ``PerplexityBot``) are left out on purpose: to
refuse those says nothing about training. Source: the operators' pages named below, and the table of
github.com/ai-robots-txt/ai.robots.txt (its column "data use").
"""

from collections.abc import Mapping

AI_AGENTS: Mapping[str, str] = {
    "AI2Bot": "https://allenai.org/crawler",
    "Ai2Bot-Dolma": "https://allenai.org/crawler",
    "Amazonbot": "https://developer.amazon.com/amazonbot",
    "anthropic-ai": "https://support.anthropic.com/en/articles/8896518",
    "Applebot-Extended": "https://support.apple.com/en-us/119829",
    "Bytespider": "https://github.com/ai-robots-txt/ai.robots.txt",
    "CCBot": "https://commoncrawl.org/ccbot",
    "ChatGLM-Spider": "https://github.com/ai-robots-txt/ai.robots.txt",
    "Claude-Web": "https://github.com/ai-robots-txt/ai.robots.txt",
    "ClaudeBot": "https://support.anthropic.com/en/articles/8896518",
    "CloudVertexBot": "https://developers.google.com/search/docs/crawling-indexing/google-common-crawlers",
    "cohere-ai": "https://github.com/ai-robots-txt/ai.robots.txt",
    "cohere-training-data-crawler": "https://github.com/ai-robots-txt/ai.robots.txt",
    "Cotoyogi": "https://ds.rois.ac.jp/en_center8/en_crawler/",
    "DeepSeekBot": "https://github.com/ai-robots-txt/ai.robots.txt",
    "Diffbot": "https://www.diffbot.com/",
    "FacebookBot": "https://developers.facebook.com/docs/sharing/bot/",
    "Google-Extended": "https://developers.google.com/search/docs/crawling-indexing/google-common-crawlers",
    "GPTBot": "https://platform.openai.com/docs/bots",
    "meta-externalagent": "https://developers.facebook.com/docs/sharing/webmasters/web-crawlers",
    "omgili": "https://webz.io/bot.html",
    "omgilibot": "https://webz.io/bot.html",
    "PanguBot": "https://github.com/ai-robots-txt/ai.robots.txt",
    "SBIntuitionsBot": "https://www.sbintuitions.co.jp/en/bot/",
    "VelenPublicWebCrawler": "https://velen.io",
}
"""Product tokens as their operators write them, and where they say what the name is for."""

LOWER: Mapping[str, str] = {name.lower(): name for name in AI_AGENTS}
