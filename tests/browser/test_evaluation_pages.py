"""Leaderboard, comparison, items and trajectory say what was scored and answered; nothing a model wrote is run."""

import re
from urllib.parse import quote

from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor
from tests.helpers.small_evaluation import EXTERNAL, SERVED, SUBJECTS
from tests.helpers.small_lake import ATTACK, doc_id

A, B = doc_id("natural 300"), doc_id("doremi 300")


def card(page: Page, heading: str) -> str:
    """The selector of the card of that heading."""
    return f'.card:has(.card-title:text-is("{heading}"))'


def cells(page: Page, scope: str, text: str) -> list[str]:
    """The cells of the first row inside ``scope`` that holds ``text``."""
    return [cell.strip() for cell in page.locator(f"{scope} tr", has_text=text).first.locator("td").all_inner_texts()]


def choose(page: Page, label: str, option: str) -> None:
    """Take an option of a select, and wait until its list is gone: the next list must not be mistaken for it."""
    page.get_by_label(label, exact=True).click()
    page.get_by_role("option", name=option, exact=True).click()
    expect(page.get_by_role("option")).to_have_count(0)


def test_a_rank_is_shown_where_the_difference_is_real(visitor: Visitor) -> None:
    page = visitor.open("/leaderboard")
    heldout, exam = card(page, "heldout"), card(page, "exam-zh")
    assert cells(page, heldout, "doremi 300")[:2] == ["1", "doremi 300"]
    assert cells(page, exam, "doremi 300")[0] == "1–3"
    assert cells(page, exam, "doremi 100")[-2:] == ["by 0.156", "paired test, p = 0.00077"]
    assert cells(page, exam, EXTERNAL)[-2:] == ["not shown", "intervals overlap"]
    assert page.locator(f"{exam} tr", has=page.get_by_text("not above chance")).count() == 1
    assert "not above chance" in cells(page, exam, "natural 100")
    assert page.locator(f"{exam} .interval-mark").count() == 7
    assert page.locator(f"{card(page, 'arithmetic')} .interval-mark").count() == 0, "arithmetic has no chance"
    # the bar of a score stands where the score is: 0.633 of the track, from 0.530 to 0.726
    reach = page.locator(f"{exam} .interval-reach").first.get_attribute("style") or ""
    low, rest = (float(number) for number in re.findall(r"([\d.]+)%", reach))
    assert 50 < low < 63.3 < 100 - rest < 75
    choose(page, "Area", "mathematics")
    choose(page, "Graded by", "every convention")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**/leaderboard?area=mathematics&convention=every+convention")
    expect(page.locator(".card-title")).to_have_count(2)
    expect(page.locator(".card-about").first).to_contain_text("gsm8k.strict (not the headline)")
    visitor.open("/leaderboard?checkpoint=nobody")
    expect(page.locator(".empty")).to_contain_text("No score matches")


def test_a_board_has_its_subjects_as_rows(visitor: Visitor) -> None:
    page = visitor.open("/leaderboard")
    page.locator(card(page, "exam-zh")).get_by_text("By subject").click()
    page.wait_for_url("**/leaderboard?suite=exam-zh")
    page.locator(".subjects").wait_for()
    assert page.locator(".subjects tbody tr td:first-child").all_inner_texts() == [
        "all items equally (micro)",
        "all subjects equally (macro)",
        *sorted(SUBJECTS),
    ]
    expect(page.locator(".subjects th").nth(3)).to_contain_text("doremi 300")
    micro, macro = (cells(page, ".subjects", f"({name})")[3] for name in ("micro", "macro"))
    assert re.fullmatch(r"0\.633 \(0\.\d\d–0\.\d\d\)", micro)
    assert re.fullmatch(r"0\.636 \(0\.\d\d–0\.\d\d\)", macro)
    visitor.shot("leaderboard-subjects")


def test_two_checkpoints_are_compared(visitor: Visitor) -> None:
    page = visitor.open("/compare")
    expect(page.locator(".empty")).to_contain_text("Choose two checkpoints")
    choose(page, "A", "natural 300")
    choose(page, "B, which may be better", "doremi 300")
    page.get_by_role("button", name="Compare").click()
    page.wait_for_url(f"**/compare?a={A}&b={B}")
    expect(page.locator(".says").first).to_have_text(
        "On 5 suites: B is better on 2, no difference is shown on 3 (p below 0.05 after Holm over 5)."
    )
    assert cells(page, ".comparison", "exam-zh")[2:6] == ["better", "0.378", "0.633", "+0.256"]
    reading = cells(page, ".comparison", "reading")
    assert reading[2] == "not shown"
    assert 0 < float(reading[-1]) < 1, "the smallest difference the set could have shown"
    page.locator(".comparison").get_by_role("link", name="python-basics").click()
    page.wait_for_url(f"**/compare?a={A}&b={B}&suite=python-basics")
    expect(page.locator(".discordant")).to_have_count(4)
    item = page.locator(".discordant", has_text="python-basics-022")
    expect(item.locator(".side-head")).to_have_text([re.compile("A.*pass"), re.compile("B.*wrong")])
    expect(item.locator(".sides .quoted")).to_have_text(["    return x + 21\n", "    return x + -20\n"])
    expect(page.locator(".page")).to_contain_text("No difference shown: doremi 300 - natural 300 is 5.0 points")
    page.get_by_role("link", name="A did better").click()
    page.wait_for_url("**which=a")
    expect(page.locator(".discordant")).to_have_count(1)
    visitor.shot("compare-items")
    page.locator(".discordant").get_by_role("link", name="natural 300").click()
    page.wait_for_url("**/items?suite=python-basics*")
    expect(page.locator(".answer-name")).to_have_text("python-basics-022")


def test_a_board_is_compared_by_subject_and_its_items_are_paged(visitor: Visitor) -> None:
    page = visitor.open(f"/compare?a={A}&b={B}&suite=exam-zh")
    assert cells(page, card(page, "exam-zh"), SUBJECTS[0])[1] == "better"
    expect(page.locator(".page")).to_contain_text("All subjects weighted equally: doremi 300 is better by")
    expect(page.locator(".pages")).to_contain_text("1–10 of 23 items")
    expect(page.locator(".unexamined .empty-command")).to_contain_text(
        f"gristmill contamination --suite exam-zh --checkpoint {B[:12]}"
    )
    page.get_by_role("link", name="Next").click()
    page.wait_for_url("**offset=10")
    expect(page.locator(".pages")).to_contain_text("11–20 of 23 items")


def test_items_that_differ_say_where_they_were_seen(visitor: Visitor) -> None:
    page = visitor.open(f"/compare?a={doc_id('natural 100')}&b={B}&suite=arithmetic")
    item = page.locator(".discordant", has_text="arithmetic-004")
    expect(item.locator(".answer-head .badge").first).to_have_text("input and answer seen")
    expect(item.locator(".evidence")).to_have_text(
        [
            re.compile("input and answer seen in crawl-2024: 1 document.*characters 1,200–1,264, 96 % of the wording"),
            re.compile("input seen in the training data of natural 100: 1 document"),
            "clean in the training data of doremi 300",
        ]
    )
    visitor.shot("compare-seen")


def test_what_cannot_be_compared_says_why(visitor: Visitor) -> None:
    page = visitor.open(f"/compare?a={A}&b={A}")
    expect(page.locator(".empty")).to_contain_text("are the same checkpoint")
    visitor.open(f"/compare?a={A}&b=no-such-checkpoint")
    expect(page.locator(".empty")).to_contain_text("no evaluated checkpoint has the label 'no-such-checkpoint'")
    visitor.open(f"/compare?a={A}&b={quote(EXTERNAL)}")
    expect(page.locator(".empty")).to_contain_text("cannot be compared on any suite")


def test_items_are_filtered_searched_and_paged(visitor: Visitor) -> None:
    page = visitor.open(f"/items?suite=reading&checkpoint={B}")
    expect(page.locator(".pages")).to_contain_text("1–20 of 48 answers")
    expect(page.locator(".answer")).to_have_count(20)
    expect(page.locator(".answer", has_text="reading-003").locator(".option-best")).to_have_text(["D", "-1.500"])
    page.get_by_role("link", name="Next").click()
    page.wait_for_url("**offset=20")
    expect(page.locator(".pages")).to_contain_text("21–40 of 48 answers")
    page.get_by_role("link", name=re.compile("^wrong")).click()
    page.wait_for_url("**verdict=wrong")
    expect(page.locator(".pages")).to_contain_text("of 24 answers")
    choose(page, "Graded by", "choice-sum")
    page.wait_for_url("**convention=choice-sum")
    expect(page.locator(".pages")).to_contain_text("of 48 answers")
    page.get_by_label("Item, prompt, output or reason").fill("READING-017")
    page.get_by_role("button", name="Search").click()
    page.wait_for_url("**query=READING-017")
    expect(page.locator(".answer")).to_have_count(1)
    expect(page.locator(".answer")).to_contain_text("The same output under other conventions: choice-bytes:")
    choose(page, "Suite", "arithmetic")
    page.wait_for_url("**/items?suite=arithmetic")
    expect(page.locator(".answer-name").first).to_have_text("arithmetic-001")
    expect(page.locator(f"{card(page, 'Seen in training?')} tbody tr")).to_have_count(2)
    training, crawl = (cells(page, card(page, "Seen in training?"), name) for name in ("doremi 300", "crawl-2024"))
    assert training[:5] == ["the training data of doremi 300", "37", "2", "0", "1"]
    assert crawl[:5] == ["crawl-2024", "30", "4", "5", "1"]
    expect(page.locator(".answer", has_text="arithmetic-010")).to_contain_text("too short to tell in crawl-2024")
    page.locator(".answer", has_text="arithmetic-002").get_by_role("link", name="page-000.html").first.click()
    expect(page.locator(".document-text")).to_contain_text("Page 0.")
    visitor.open(f"/items?suite=arithmetic&checkpoint={B}")
    choose(page, "Seen", "input seen (4)")
    page.get_by_role("button", name="Search").click()
    page.wait_for_url("**seen=input")
    expect(page.locator(".answer-name")).to_have_text([f"arithmetic-00{number}" for number in range(6, 10)])
    visitor.shot("items-seen")
    visitor.open(f"/items?suite=reading&checkpoint={B}&seen=unexamined")
    expect(page.locator(".pages")).to_contain_text("of 48 answers")
    expect(page.locator(".unexamined .empty-command")).to_contain_text(
        f"gristmill contamination --suite reading --checkpoint {B[:12]}"
    )
    visitor.open(f"/items?suite=exam-zh&checkpoint={doc_id(EXTERNAL)}")
    expect(page.locator(".empty")).to_contain_text("Only scores are kept here")
    expect(page.locator(".empty-command")).to_contain_text("gristmill evaluate CHECKPOINT --lake ")


def test_outputs_of_models_are_shown_and_never_run(visitor: Visitor) -> None:
    for suite in ("arithmetic", "python-basics", "exam-zh"):
        page = visitor.open(f"/items?suite={suite}&checkpoint={B}&query=pwned")
        answer = page.locator(".answer").first
        answer.get_by_text("Program that was run").click() if suite == "python-basics" else None
        texts = answer.locator(".quoted").all_inner_texts()
        assert sum(ATTACK in text for text in texts) >= 2
        assert page.evaluate("window.pwned") is None
        assert page.locator(".page script, .page img, .page iframe").count() == 0
        assert page.locator("a[href^='javascript'], a[href*='evil.example']").count() == 0
    visitor.shot("items-attack")
    visitor.open(f"/items?suite=arithmetic&query={quote(ATTACK)}")
    assert page.evaluate("window.pwned") is None
    visitor.open(f"/compare?a={A}&b={B}&suite={quote(ATTACK)}&which=b")
    assert page.evaluate("window.pwned") is None


def test_trajectories_show_noise_and_what_suites_tell(visitor: Visitor) -> None:
    page = visitor.open("/trajectory")
    assert page.locator(".chart-grid .card-title").all_inner_texts() == [
        "arithmetic",
        "exam-zh",
        "heldout",
        "python-basics",
        "reading",
    ]
    expect(page.locator(".chart-grid .card-about").nth(1)).to_contain_text("Signal-to-noise needs two different runs")
    strongest = (
        page.locator(".card", has=page.get_by_text("Which suites tell the runs apart")).locator("tbody tr").first
    )
    expect(strongest).to_contain_text("exam-zh")
    choose(page, "Suite", "heldout")
    page.wait_for_url("**/trajectory?suite=heldout")
    expect(page.locator(".chart-grid .card-title")).to_have_text(["heldout"])
    choose(page, "Along", "tokens seen")
    page.wait_for_url("**/trajectory?suite=heldout&along=tokens")
    page.locator(".chart canvas").first.wait_for()
    drawn = page.evaluate(
        """() => [...document.querySelectorAll('.chart canvas')].every(canvas => {
            const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
            return data.some(value => value !== 0);
        })"""
    )
    assert drawn


def test_speed_is_shown_with_its_load(visitor: Visitor) -> None:
    page = visitor.open("/speed")
    rows = page.locator(f"{card(page, 'Measurements')} tbody tr")
    expect(rows).to_have_count(2)
    assert cells(page, card(page, "Measurements"), "#2")[:8] == [
        f"{SERVED} #2",
        "2.5 per second, 128 in, 64 out",
        "64",
        "1",
        "0.225",
        "0.5",
        "0.027",
        "0.06",
    ]
    page.get_by_role("link", name=f"{SERVED} #1").click()
    page.wait_for_url("**&measurement=1")
    expect(page.locator(".card-title").last).to_have_text(f"{SERVED} #1")
    expect(page.locator(".card-about").last).to_contain_text("4 at once, 128 in, 64 out")
    assert cells(page, card(page, f"{SERVED} #1"), "good share")[-2:] == ["0.772 – 0.935", "64"]
    assert page.evaluate("window.pwned") is None
    visitor.shot("speed")
