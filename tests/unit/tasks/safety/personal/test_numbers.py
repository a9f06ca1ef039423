"""Numbers that belong to a person: positives, near-misses and evaded forms of each kind, found to the character."""

import pytest

from gristmill.schemas.findings import FindingKind
from tests.helpers.personal import found, scores

PHONE, CARD, IBAN, ID = FindingKind.PHONE, FindingKind.BANK_CARD, FindingKind.IBAN, FindingKind.NATIONAL_ID
ORGANIZATION, PASSPORT = FindingKind.ORGANIZATION_ID, FindingKind.PASSPORT

POSITIVES = [
    (PHONE, "手机号13812345678。", "13812345678"),
    (PHONE, "请拨打 138-1234-5678 咨询", "138-1234-5678"),
    (PHONE, "他的号码是19912345678，别忘了", "19912345678"),
    (PHONE, "联系方式：+86 138 1234 5678", "+86 138 1234 5678"),
    (PHONE, "电话：010-62781234", "010-62781234"),
    (PHONE, "热线400-820-8820，全天", "400-820-8820"),
    (PHONE, "Call +1-703-751-4619 today.", "+1-703-751-4619"),
    (PHONE, "it is 212-736-5000 there", "212-736-5000"),
    (PHONE, "Phone: (555) 554-5803", "(555) 554-5803"),
    (PHONE, "see +49 30 901820 or", "+49 30 901820"),
    (PHONE, "Tél : 01 42 68 53 00", "01 42 68 53 00"),
    (PHONE, "London 020 7946 0018 office", "020 7946 0018"),
    (PHONE, "我住北京, my cell is 212-736-5000。", "212-736-5000"),
    (CARD, "卡号：4242424242424242。", "4242424242424242"),
    (CARD, "paid with 4242 4242 4242 4242 yesterday", "4242 4242 4242 4242"),
    (CARD, "amex 3782-822463-10005", "3782-822463-10005"),
    (CARD, "银行卡6217001234567890122转账", "6217001234567890122"),
    (CARD, "农行 6228 4800 1234 5678 903", "6228 4800 1234 5678 903"),
    (CARD, "card=6225881234567898;", "6225881234567898"),
    (CARD, "my card 3566002020360505 is lost", "3566002020360505"),
    (IBAN, "transfer to DE89370400440532013000.", "DE89370400440532013000"),
    (IBAN, "IBAN GB82 WEST 1234 5698 7654 32, please", "GB82 WEST 1234 5698 7654 32"),
    (IBAN, "汇款至FR1420041010050500013M02606", "FR1420041010050500013M02606"),
    (ID, "身份证110101199003071233", "110101199003071233"),
    (ID, "号码 440305 19851212 3458 如下", "440305 19851212 3458"),
    (ID, "身份证号（旧）：110101900307123", "110101900307123"),
    (ID, "SSN 132-20-6350 on file", "132-20-6350"),
    (ID, "460-89-9847 is my social security number", "460-89-9847"),
    (ID, "National Insurance: AB 12 34 56 C", "AB 12 34 56 C"),
    (ID, "NHS number 943 476 5870", "943 476 5870"),
    (ID, "NIR 1 85 05 78 006 084 91", "1 85 05 78 006 084 91"),
    (ID, "DNI: 12345678Z", "12345678Z"),
    (ID, "NIE X-1234567-L", "X-1234567-L"),
    (ID, "RSSMRA85T10A562S", "RSSMRA85T10A562S"),
    (ID, "Steuer-ID 65 929 970 489", "65 929 970 489"),
    (ID, "BSN 111222333", "111222333"),
    (ID, "inscrito sob 390.533.447-05", "390.533.447-05"),
    (ID, "Aadhaar 2341 2341 2346", "2341 2341 2346"),
    (ID, "PAN card ABCPE1234F", "ABCPE1234F"),
    (ID, "PESEL 44051401359", "44051401359"),
    (ID, "personnummer 880320-0016", "880320-0016"),
    (ID, "주민등록번호 850101-1234566", "850101-1234566"),
    (ID, "Social Insurance Number: 123 456 782", "123 456 782"),
    (ID, "tax file number 123 456 782", "123 456 782"),
    (ID, "HETU 131052-308T", "131052-308T"),
    (ID, "fødselsnummer 151086 95088", "151086 95088"),
    (ID, "CURP BOXW310820HNERXN09", "BOXW310820HNERXN09"),
    (ORGANIZATION, "统一社会信用代码：91110000600037341L", "91110000600037341L"),
    (PASSPORT, "护照号码：E12345678", "E12345678"),
    (PASSPORT, "passport no. 512346789", "512346789"),
]


@pytest.mark.parametrize(("kind", "text", "value"), POSITIVES)
def test_found(kind: FindingKind, text: str, value: str) -> None:
    assert found(text, kind) == [value]
    assert found(f"😀 前 {text} 后", kind) == [value]


NEAR_MISSES = [
    (PHONE, "order no. 212-736-5000"),
    (PHONE, "版本 13812345678"),
    (PHONE, "id 13812345678 in the log"),  # eleven digits in English
    (PHONE, "2023-12-16 04:28:01, 1700000000000 and 3.1381234567"),
    (PHONE, "Boston, MA 02110-1301, USA"),
    (PHONE, "00 61 73 6d 01 00 04 60 00 00 60 01"),
    (PHONE, "G 1 073 741 824 bytes, 12 345 678 901"),
    (PHONE, "call 12345678 and tel 11111111111 and phone 2019-10-12"),
    (PHONE, "ISBN 978-6-80-110660-1"),
    (PHONE, "x = a + 10 + 1234567890; 192.168.100.200"),
    (CARD, "卡号：4242424242424241。"),  # check digit
    (CARD, "order no. 4242424242424242"),
    (CARD, "订单号 4242 4242 4242 4242"),
    (CARD, "https://x.org/video/4242424242424242?t=1"),
    (CARD, "id 104de8b1-29eb-1236-ff20-105893066389"),
    (CARD, "    4610244652288570024,\n    4526508363195533871,"),
    (CARD, "4444 4444 4444 4444 1111111111111111 0000000000000000"),
    (CARD, "1 0 0 0 0 0 0 0 4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2"),
    (CARD, "978-4-31-543122-7 and 42424242424242420000000001"),
    (IBAN, "DE89370400440532013001"),  # check digits
    (IBAN, "DE8937040044053201300 and GB82WEST123456987654321"),  # length
    (IBAN, "commit faf2972cc6dfd339176b0e3ec7c0121aec66cd67"),
    (ID, "流水号 110101199003071234"),  # check digit
    (ID, "身份证110101199013071232"),  # month 13
    (ID, "身份证990101199003071233"),  # no such region
    (ID, "110101900307123"),  # fifteen digits without a word
    (ID, "SSN 666-20-6350, 000-12-3456 and 132-20-635"),
    (ID, "call 132-206-3500 or 2132-20-6350"),
    (ID, "PCRE::FullMatch(100 40 0100)"),
    (ID, "National Insurance: QQ 12 34 56 C and BG 12 34 56 C"),
    (ID, "12345678Z, 111222333 and 123456782 alone"),
    (ID, "PESEL 44051401358"),
    (ID, "Aadhaar 2341 2341 2345"),
    (ID, "390.533.447-06 and RSSMRA85T10A562T"),
    (ID, "using 123456782 in a basin of 123 456 782"),
    (ORGANIZATION, "91110000600037342L and 123456789012345678"),
    (PASSPORT, "part E12345678 in the box"),
    (PASSPORT, "passport control, room 12"),
]


@pytest.mark.parametrize(("kind", "text"), NEAR_MISSES)
def test_left_alone(kind: FindingKind, text: str) -> None:
    assert found(text, kind) == []


EVADED = [
    (PHONE, "手机号１３８１２３４５６７８。", "１３８１２３４５６７８"),
    (PHONE, "电话一三八一二三四五六七八", "一三八一二三四五六七八"),
    (PHONE, "手机：138\u200b1234\u200b5678", "138\u200b1234\u200b5678"),
    (PHONE, "加我手机1 3 8 1 2 3 4 5 6 7 8哦", "1 3 8 1 2 3 4 5 6 7 8"),
    (PHONE, "手机1381234\n5678", "1381234\n5678"),
    (PHONE, "手机1️⃣3️⃣8️⃣1️⃣2️⃣3️⃣4️⃣5️⃣6️⃣7️⃣8️⃣好", "1️⃣3️⃣8️⃣1️⃣2️⃣3️⃣4️⃣5️⃣6️⃣7️⃣8"),
    (PHONE, "phone: 212–736–5000", "212–736–5000"),
    (PHONE, "هاتف tel ٢١٢-٧٣٦-٥٠٠٠", "٢١٢-٧٣٦-٥٠٠٠"),
    (CARD, "卡号４２４２４２４２４２４２４２４２", "４２４２４２４２４２４２４２４２"),
    (CARD, "card 4242\u00a04242\u00a04242\u00a04242", "4242\u00a04242\u00a04242\u00a04242"),
    (CARD, "card: 4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2", "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2"),
    (CARD, "card 4242 4242\n4242 4242", "4242 4242\n4242 4242"),
    (CARD, "visa 42\u200b4242424242\u20604242", "42\u200b4242424242\u20604242"),
    (IBAN, "DE89\u200b3704 0044 0532 0130 00", "DE89\u200b3704 0044 0532 0130 00"),
    (IBAN, "ＤＥ８９３７０４００４４０５３２０１３０００", "ＤＥ８９３７０４００４４０５３２０１３０００"),
    (IBAN, "DE89 3704 0044\n0532 0130 00", "DE89 3704 0044\n0532 0130 00"),
    (ID, "身份证１１０１０１１９９００３０７１２３３", "１１０１０１１９９００３０７１２３３"),
    (ID, "证件号110101\u200b19900307\u200b1233", "110101\u200b19900307\u200b1233"),
    (ID, "11010119\n9003071233", "11010119\n9003071233"),
    (ID, "SSN 132‑20‑6350", "132‑20‑6350"),
    (ID, "SSN 132 20 6350", "132 20 6350"),
    (ORGANIZATION, "９１１１００００６０００３７３４１Ｌ", "９１１１００００６０００３７３４１Ｌ"),
    (PASSPORT, "护照Ｅ１２３４５６７８", "Ｅ１２３４５６７８"),
]


@pytest.mark.parametrize(("kind", "text", "value"), EVADED)
def test_evaded_forms_are_found_to_the_character(kind: FindingKind, text: str, value: str) -> None:
    assert found(text, kind) == [value]
    assert found(f"一行\n😀é {text}", kind) == [value]


def test_a_word_raises_the_score() -> None:
    assert scores("SSN 132-20-6350", ID) > scores("132-20-6350 it is", ID)
    assert scores("card 4242424242424242", CARD) > scores("it is 4242424242424242", CARD)
    assert scores("Phone 212-736-5000", PHONE) > scores("it is 212-736-5000", PHONE)


def test_one_number_is_one_finding() -> None:
    text = "身份证110101199003071233，卡号6217001234567890122，手机13812345678"
    assert [found(text, kind) for kind in (ID, CARD, PHONE)] == [
        ["110101199003071233"],
        ["6217001234567890122"],
        ["13812345678"],
    ]
