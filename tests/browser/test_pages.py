"""Every page says what the lake says, in a real browser."""

import re
import shutil
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from gristmill.dashboards.page import navigation
from gristmill.dashboards.pages import PAGES
from tests.browser.conftest import Visitor
from tests.helpers.mixing_rows import live_run
from tests.helpers.small_lake import ATTACK, CHINESE, LONG_URL, SmallLake, doc_id

ENTRIES = navigation(PAGES)
PATHS = tuple(path for _, path in ENTRIES)
WINDOW: ViewportSize = {"width": 1360, "height": 850}
TELEPHONE: ViewportSize = {"width": 390, "height": 800}
DRAWN = ("/funnel", "/checkpoints", "/trajectory")
"""Pages that always have charts."""


def name(path: str) -> str:
    return path.strip("/") or "overview"


def row(page: Page, text: str) -> str:
    """The first table row that holds ``text``, as text."""
    return page.locator("tr", has_text=text).first.inner_text()


def test_navigation_leads_everywhere_and_an_empty_lake_says_what_fills_it(empty_visitor: Visitor) -> None:
    page = empty_visitor.open("/")
    for label, path in reversed(ENTRIES):
        page.locator("nav").get_by_text(label, exact=True).click()
        expect(page.locator(".page-title")).to_have_text(label)
        page.wait_for_load_state("load")
        assert urlsplit(page.url).path == path
        expect(page.locator(".empty-command").first).to_contain_text("gristmill ")
        expect(page.locator(".foot")).to_have_text("nothing published yet")
        assert page.locator(".bar .active").count() == 1
        empty_visitor.shot(f"empty-{name(path)}")
        empty_visitor.check()


@pytest.mark.parametrize("path", PATHS)
def test_every_page_is_drawn_in_both_themes_and_fits_a_telephone(visitor: Visitor, path: str) -> None:
    for theme, size in (("light", WINDOW), ("dark", TELEPHONE)):
        visitor.page.context.add_cookies([{"name": "theme", "value": theme, "url": visitor.base}])
        visitor.page.set_viewport_size(size)
        page = visitor.open(path)
        assert page.evaluate("document.body.classList.contains('body--dark')") is (theme == "dark")
        visitor.shot(f"{name(path)}-{theme if size == WINDOW else 'narrow'}")
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow <= 0, f"the page is wider than {size['width']} pixels"
    assert page.locator("html").get_attribute("lang") == "en-US"
    charts = [chart.get_attribute("aria-label") for chart in page.locator(".chart").all()]
    assert all(charts)
    assert len(set(charts)) == len(charts), "two charts of one name"
    assert charts or path not in DRAWN
    page.set_viewport_size(WINDOW)
    visitor.shot(f"{name(path)}-dark")


def test_the_overview_sums_up(visitor: Visitor) -> None:
    page = visitor.open("/")
    tiles = dict(
        zip(page.locator(".tile-label").all_inner_texts(), page.locator(".tile-value").all_inner_texts(), strict=True)
    )
    assert tiles["Records"] == "61"
    assert tiles["Kept"] == "63.9 %"
    assert tiles["Duplicates"] == "3"
    assert tiles["Set aside"] == "4"
    assert tiles["Checkpoints"] == "6"
    expect(page.locator(".callout")).to_contain_text("doremi 300")
    assert "stopped by gate" in row(page, "news-zh")
    assert "running" in row(page, "nightly")
    stopped = page.locator(".gate-line", has_text="news-zh")
    expect(stopped).to_have_count(2)  # what needs attention, and all gates
    expect(stopped.first).to_contain_text("1 of 2 expectations failed")
    expect(stopped.last).to_contain_text("1 of 2 held")


def test_the_theme_is_remembered(visitor: Visitor) -> None:
    page = visitor.open("/gates")
    page.get_by_label("Switch between light and dark").click()
    page.wait_for_function("document.body.classList.contains('body--dark')")
    page = visitor.open("/")
    assert page.evaluate("document.body.classList.contains('body--dark')")


def test_the_funnel_by_source_and_rule(visitor: Visitor) -> None:
    page = visitor.open("/funnel")
    assert re.findall(r"[\w.,%-]+", row(page, "deduplicate")) == [
        "handbook",
        "deduplicate",
        "41",
        "38",
        "3",
        "92.7",
        "%",
        "yes",
    ]
    page.get_by_label("Source").click()
    page.get_by_role("option", name="news-zh").click()
    page.wait_for_url("**/funnel?source=news-zh")
    expect(page.locator("td", has_text="handbook")).to_have_count(0)
    expect(page.locator("td", has_text="news-zh").first).to_be_visible()
    page.get_by_role("link", name="min_words").click()
    page.wait_for_url("**/documents?source=news-zh&rule=min_words&stage=decide")
    expect(page.locator(".results tbody tr")).to_have_count(1)


def test_search_finds_by_url_host_id_fate_and_rule(visitor: Visitor, small: SmallLake) -> None:
    page = visitor.open("/documents")
    expect(page.locator(".pages")).to_contain_text("1–50 of 62 records")
    page.get_by_role("link", name="Next").click()
    page.wait_for_url("**/documents?offset=50")
    expect(page.locator(".pages")).to_contain_text("51–62 of 62 records")
    page.get_by_label("URL, doc_id or record").fill("STUB-0")
    page.get_by_label("URL, doc_id or record").press("Enter")
    page.wait_for_url("**/documents?query=STUB-0")
    expect(page.locator(".pages")).to_contain_text("of 10 records")
    page.get_by_role("link", name="Clear").click()
    page.wait_for_url("**/documents")
    page.get_by_label("Fate").click()
    page.get_by_role("option", name="set aside").click()
    page.get_by_role("button", name="Search").click()
    page.wait_for_url("**/documents?fate=set_aside")
    expect(page.locator(".pages")).to_contain_text("of 4 records")
    visitor.open(f"/documents?query={small.rejected[:12]}")
    expect(page.locator(".results tbody tr")).to_have_count(1)
    visitor.open("/documents?host=long.example")
    expect(page.locator(".results tbody tr")).to_have_count(1)
    visitor.open("/documents?query=%25_")
    expect(page.locator(".empty")).to_contain_text("No record matches")


def test_why_a_document_was_rejected(visitor: Visitor, small: SmallLake) -> None:
    page = visitor.open(f"/documents/{small.rejected}")
    expect(page.locator(".verdict-line")).to_contain_text(
        "Rejected at decide by the rule min_words: found 3, the policy demands >= 50."
    )
    assert re.findall(r"\S+", row(page, "gopher_quality.words"))[:4] == [
        "decide",
        "failed",
        "min_words",
        "gopher_quality.words",
    ]
    signals = page.locator(".card", has=page.get_by_text("Signals", exact=True)).locator("tbody tr")
    expect(signals.first).to_contain_text("failed")
    expect(page.locator(".document-text")).to_have_text("Menu. Home. Login.")
    visitor.shot("document-rejected")


def test_why_a_document_was_kept(visitor: Visitor, small: SmallLake) -> None:
    page = visitor.open(f"/documents/{small.representative}")
    expect(page.locator(".verdict-line")).to_contain_text("Kept: it passed every rule")
    expect(page.locator(".card", has_text="Personal data")).to_contain_text("email")
    visitor.shot("document-kept")
    page.get_by_role("link", name="page-000-print.html").first.click()
    page.wait_for_url(f"**/documents/{small.duplicate}")
    expect(page.locator(".verdict-line")).to_contain_text(
        f"near-duplicate. The document that is kept is {small.representative}."
    )
    expect(page.locator("tr", has_text="(this one)")).to_contain_text("0.910")
    visitor.shot("document-duplicate")


def test_one_doc_id_in_two_shards_is_two_records(visitor: Visitor, small: SmallLake) -> None:
    page = visitor.open(f"/documents/{small.same_record}")
    expect(page.locator(".page-about").first).to_have_text("2 records have this address.")
    texts = page.locator(".verdict-line").all_inner_texts()
    assert sum("the same record, crawled twice" in text for text in texts) == 1
    assert sum("Kept" in text for text in texts) == 1


def test_why_a_record_was_set_aside(visitor: Visitor, small: SmallLake) -> None:
    page = visitor.open("/documents?fate=set_aside")
    page.get_by_role("link", name=small.set_aside_url).click()
    expect(page.locator(".verdict-line")).to_contain_text("Set aside at ingest: not_text (image/png).")
    visitor.shot("document-set-aside")
    visitor.open("/documents?rule=no_target")
    page.locator(".results a").click()
    page.wait_for_url("**/why?question=*")
    expect(page.locator(".verdict-line")).to_contain_text("no WARC-Target-URI")


def test_an_unknown_page_gives_a_hint(visitor: Visitor) -> None:
    page = visitor.open("/why?question=https://handbook.example/pages/page-00")
    expect(page.locator(".empty")).to_contain_text("Similar: https://handbook.example/pages/page-000-copy.html")


def test_text_from_a_crawl_is_shown_and_never_run(visitor: Visitor, small: SmallLake) -> None:
    for path in ("/documents?query=evil", "/", "/gates", "/checkpoints", f"/documents/{small.attack}"):
        page = visitor.open(path)
        assert page.evaluate("window.pwned") is None
    expect(page.locator(".document-text")).to_contain_text(ATTACK)
    expect(page.locator(".page-title")).to_contain_text("<script>window.pwned=1</script>")
    assert page.locator(".page script, .page img, .page iframe").count() == 0
    assert page.locator("a[href^='javascript'], a[href*='evil.example']").count() == 0
    visitor.shot("document-attack")
    visitor.open("/gates")
    expect(page.locator(".example", has_text="window.pwned")).to_be_visible()


def test_long_and_chinese_names(visitor: Visitor, small: SmallLake) -> None:
    page = visitor.open(f"/documents/{small.long_url}")
    expect(page.locator(".page-title")).to_have_text(LONG_URL)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    visitor.open(f"/documents/{small.chinese}")
    expect(page.locator(".document-text")).to_have_text(CHINESE)
    expect(page.locator(".page-title")).to_have_text("https://新闻.example/文章/磨坊.html")
    visitor.shot("document-chinese")
    visitor.open("/documents?query=磨坊")
    expect(page.locator(".results tbody tr")).to_have_count(1)


def test_checkpoints_show_scores_with_intervals(visitor: Visitor) -> None:
    page = visitor.open("/checkpoints")
    titles = page.locator(".chart-grid .card-title").all_inner_texts()
    assert titles == [
        "arithmetic",
        "exam-zh",
        "heldout",
        "heldout: code",
        "heldout: documentation",
        "heldout: mathematics",
        "heldout: prose",
        "python-basics",
        "reading",
    ]
    expect(page.locator(".chart-grid .card-about").nth(2)).to_have_text("bits per byte, lower is better, 60 items")
    blank = page.evaluate(
        """() => [...document.querySelectorAll('.chart canvas')].filter(canvas => {
            const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
            return !data.some(value => value !== 0);
        }).length"""
    )
    assert blank == 0
    assert page.locator(".chart canvas").count() == len(titles) + 2


def test_a_checkpoint_is_handed_in(visitor: Visitor, small: SmallLake) -> None:
    page = visitor.open("/submit")
    submit = page.get_by_role("button", name="Submit")
    submit.click()
    expect(page.locator(".field").first).to_contain_text("Give the path of a folder")
    expect(page.locator(".field").nth(1)).to_contain_text("Choose at least one suite")
    visitor.shot("submit-wrong")
    page.get_by_label("Checkpoint folder").fill("/there/is/no/such/folder")
    page.get_by_label("Suites").click()
    page.get_by_role("option", name="reading").click()
    page.get_by_role("option", name="python-basics").click()
    page.keyboard.press("Escape")
    submit.click()
    expect(page.locator(".field").first).to_contain_text("there is no such folder")
    page.get_by_label("Checkpoint folder").fill(str(small.checkpoint))
    page.get_by_label("Label").fill("<b>我的模型</b>")
    expect(page.get_by_label("Model", exact=True)).to_be_hidden()
    page.get_by_label("Backend").click()
    page.get_by_role("option", name="http://models.example/v1").click()
    page.get_by_label("Model", exact=True).fill("mine")
    expect(page.get_by_label("Data folder")).to_be_hidden()
    page.get_by_text("More", exact=True).click()
    page.get_by_label("Data folder").fill("relative")
    page.get_by_text("More", exact=True).click()
    submit.click()
    expect(page.locator(".field", has=page.get_by_label("Data folder"))).to_contain_text("absolute")  # unfolded
    page.get_by_label("Data folder").fill("")
    page.get_by_label("Items of each suite").fill("9")
    visitor.shot("submit-more")
    submit.click()
    line = page.locator("tr", has_text="<b>我的模型</b>")
    expect(line).to_contain_text("queued")
    expect(line).to_contain_text("reading@9, python-basics@9")
    expect(line).to_contain_text("http://models.example/v1 mine")
    expect(page.get_by_label("Checkpoint folder")).to_have_value("")
    visitor.shot("submit-done")
    expect(page.get_by_label("Accepted licences")).to_be_hidden()
    page.get_by_label("Suites").click()
    page.get_by_role("option", name="arithmetic").click()
    page.keyboard.press("Escape")
    page.get_by_label("Accepted licences").click()
    page.get_by_role("option", name="CC-BY-NC-4.0").click()
    page.keyboard.press("Escape")
    visitor.shot("submit-licence")


def test_the_api_reference_needs_no_script(visitor: Visitor) -> None:
    page = visitor.page
    page.goto(visitor.base + "/docs")
    expect(page.locator("h1")).to_have_text("Gristmill API")
    for path in (
        "/api/overview",
        "/api/funnel",
        "/api/documents/{doc_id}",
        "/api/why",
        "/api/scores",
        "/api/submissions",
    ):
        expect(page.get_by_text(path, exact=True).first).to_be_visible()
    assert page.locator("script").count() == 0
    expect(page.locator("#Submission")).to_contain_text("Pickled weights are refused")
    visitor.shot("docs")


def test_a_page_that_is_not_there(visitor: Visitor) -> None:
    visitor.expected_status = 404
    page = visitor.open("/nothing-here")
    expect(page.locator(".empty")).to_contain_text("There is nothing at /nothing-here.")
    page.get_by_role("link", name="Overview").last.click()
    expect(page.locator(".page-title")).to_have_text("Overview")


def test_a_wrong_value_leads_back(visitor: Visitor) -> None:
    visitor.expected_status = 422
    page = visitor.open("/documents?offset=many&fate=kept")
    expect(page.locator(".empty")).to_contain_text("offset=many: give a whole number.")
    page.get_by_role("link", name="Open the page without it").click()
    page.wait_for_url("**/documents?fate=kept")
    expect(page.locator(".results tbody tr").first).to_be_visible()


def test_bars_lead_to_their_records(visitor: Visitor) -> None:
    page = visitor.open("/funnel?source=handbook")
    charts = page.get_by_role("img", name="Records")
    expect(charts).to_have_count(2)
    box = charts.first.bounding_box()
    assert box is not None
    # the uppermost bar is the stage ingest; its middle is kept
    charts.first.locator("canvas").first.click(position={"x": box["width"] / 2, "y": 60})
    page.wait_for_url("**/documents?source=handbook&passed=ingest")
    expect(page.locator(".results tbody tr").first).to_be_visible()
    expect(page.locator(".badge", has_text="passed ingest")).to_be_visible()
    page.get_by_role("link", name="Remove").click()
    page.wait_for_url("**/documents?source=handbook")


def test_a_number_of_the_funnel_leads_to_that_many_records(visitor: Visitor) -> None:
    page = visitor.open("/funnel")
    row = page.locator("tr", has=page.locator("td:nth-child(6)", has_text=re.compile("^0$"))).first
    number = row.locator("td").nth(6)
    expected = number.inner_text().strip()
    assert int(expected) > 0
    number.get_by_role("link").click()
    page.wait_for_url("**fails=*")
    expect(page.locator(".pages")).to_contain_text(f"of {expected} records")


def drawn(page: Page, name: str) -> bool:
    """Whether the chart of that name has anything on its canvas."""
    return bool(
        page.get_by_role("img", name=name)
        .locator("canvas")
        .first.evaluate(
            "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(v => v)"
        )
    )


def test_mixtures_stand_beside_baselines_with_their_trials(visitor: Visitor) -> None:
    page = visitor.open("/mixtures")
    expect(page.locator(".notice")).to_contain_text("below 15M")
    assert re.findall(r"[\d.]+ %|scarce and clean", row(page, "scarce and clean")) == [
        *("30.0 %", "30.0 %", "35.0 %", "30.0 %", "25.0 %", "25.0 %"),
        "scarce and clean",
    ]
    tiles = dict(
        zip(page.locator(".tile-label").all_inner_texts(), page.locator(".tile-value").all_inner_texts(), strict=True)
    )
    assert tiles["Spearman"] == "0.930"
    assert tiles["Optimism"] == "0.0130"
    for name in ("Shares in the plan of each domain", "Measured against predicted", "Weight of each domain"):
        assert drawn(page, name), name
    expect(page.locator("tr", has_text="held-out").first).to_be_visible()
    page.get_by_label("Held-out loss of").click()
    page.get_by_role("option", name="prose").click()
    page.wait_for_url("**/mixtures?mix=small&mixture=doremi&metric=prose")
    expect(page.locator(".card", has_text="Every trial").last).to_contain_text("least first: prose.")
    page.get_by_role("link", name="natural").click()
    page.wait_for_url("**/mixtures?mix=small&mixture=natural")
    expect(page.locator(".card-title", has_text="natural in detail")).to_be_visible()
    expect(page.locator(".card-title", has_text="Every trial")).to_have_count(0)


def test_curves_of_runs_over_and_still_running(visitor: Visitor, small: SmallLake) -> None:
    folder = live_run(small.lake.root, "live0123", "doremi", "running", 300, reason="<b>waits</b>")
    try:
        page = visitor.open("/training")
        assert re.findall(r"\S+", row(page, "300 of 1,000"))[:3] == ["running", "doremi", "remove"]
        expect(page.locator(".q-chip")).to_have_count(3)
        for name in ("Training loss", "Held-out loss", "Learning rate", "Tokens per second"):
            assert drawn(page, name), name
        page.get_by_role("group", name="Loss axis").get_by_text("log").click()
        page.wait_for_url("**/training?y=log")
        page.locator(".slider-field [tabindex='0']").press("PageUp")
        page.wait_for_url("**smooth=10")
        expect(page.get_by_text("Smoothing 0.10")).to_be_visible()
        page.locator("tr", has_text="300 of 1,000").get_by_role("link", name="remove").click()
        page.wait_for_url("**/training?runs=*")
        expect(page.locator(".q-chip")).to_have_count(2)
    finally:
        shutil.rmtree(folder)


def test_a_checkpoint_has_a_page(visitor: Visitor) -> None:
    digest = doc_id("doremi 200")
    page = visitor.open("/checkpoints")
    page.get_by_role("link", name=digest).click()
    page.wait_for_url(f"**/checkpoints/{digest}")
    expect(page.locator(".page-title")).to_have_text("doremi 200")
    expect(page.locator(".facts")).to_contain_text("409,600")
    expect(page.locator(".facts .empty-command")).to_contain_text(f"gristmill lineage {digest[:12]}")
    assert "reading" in row(page, "reading")
    visitor.shot("checkpoint")
    page.get_by_role("link", name="compare", exact=True).first.click()
    page.wait_for_url("**/compare?a=*")
    expect(page.locator(".says").first).to_contain_text("B is")
