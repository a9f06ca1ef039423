"""Personal data that words give away: plates, accounts, addresses, dates of birth and names."""

import pytest

from gristmill.schemas.findings import FindingKind
from tests.helpers.personal import found, rows_of

PLATE, WECHAT, QQ = FindingKind.VEHICLE_PLATE, FindingKind.WECHAT, FindingKind.QQ
ADDRESS, BIRTH, NAME = FindingKind.POSTAL_ADDRESS, FindingKind.BIRTH_DATE, FindingKind.PERSON_NAME


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (PLATE, "车牌京A12345停在", "京A12345"),
        (PLATE, "一辆粤B·D12345驶过", "粤B·D12345"),
        (PLATE, "新能源车沪AF12345", "沪AF12345"),
        (PLATE, "沪Ａ１２３４５", "沪Ａ１２３４５"),
        (PLATE, "车号 浙A 8888警", "浙A 8888警"),
        (WECHAT, "微信号：zhang_san88。", "zhang_san88"),
        (WECHAT, "加微 abc123456 详聊", "abc123456"),
        (WECHAT, "WeChat ID: lily-wong", "lily-wong"),
        (WECHAT, "vx：ａｂｃ１２３４５６", "ａｂｃ１２３４５６"),
        (QQ, "QQ：12345678", "12345678"),
        (QQ, "加qq号 987654321 联系", "987654321"),
        (QQ, "扣扣１２３４５６７８９", "１２３４５６７８９"),
        (ADDRESS, "地址：山西省春梅市黄浦石家庄街Q座。", "山西省春梅市黄浦石家庄街Q座"),
        (ADDRESS, "他住在北京市海淀区中关村大街27号3单元502室，", "北京市海淀区中关村大街27号3单元502室"),
        (ADDRESS, "Address: 26226 Michael Coves, Elk, NM 17518 or", "26226 Michael Coves, Elk, NM 17518"),
        (ADDRESS, "at 10 Downing Street in London", "10 Downing Street"),
        (ADDRESS, "2, rue Thomas, 04352 Saint-Jean", "2, rue Thomas, 04352 Saint-Jean"),
        (ADDRESS, "Hans-Zimmer-Weg 30, 00221 Lemgo.", "Hans-Zimmer-Weg 30, 00221 Lemgo"),
        (BIRTH, "date of birth: 6/24/1991", "6/24/1991"),
        (BIRTH, "He was born on November 24, 1909 in", "November 24, 1909"),
        (BIRTH, "出生日期：1990年3月7日", "1990年3月7日"),
        (BIRTH, "1963年2月24日生于法国", "1963年2月24日"),
        (BIRTH, "生日：１９９０-０３-０７", "１９９０-０３-０７"),
        (NAME, "联系人：谢畅。", "谢畅"),
        (NAME, "经办人张莉签字", "张莉"),
        (NAME, "，欧阳修文先生说", "欧阳修文"),
        (NAME, "Reported by Sarah Dodson.", "Sarah Dodson"),
        (NAME, "Name: Johannes O'Neil\n", "Johannes O'Neil"),
        (NAME, "said Mr. Darcy, and", "Darcy"),
    ],
)  # fmt: skip
def test_found(kind: FindingKind, text: str, value: str) -> None:
    assert found(text, kind) == [value]
    assert found(f"第一行😀\n{text}\n末行", kind) == [value]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (PLATE, "京ABCDEF 京A1234 京I12345 沪A123456789"),
        (PLATE, "云A 股市场 and 晋A"),
        (WECHAT, "微信 Android 版, WeChat official account, 微信支付 wx.request, wx.getUserInfo12"),
        (WECHAT, "wechat: hello@example.com"),
        (QQ, "QQ 2013 版, mail 12345@qq.com, QQ音乐"),
        (ADDRESS, "上海轨道交通18号线, 第3组, 2019年北京奥运会8月8号"),
        (ADDRESS, "In 2010 The Road, 64 bits, chapter 3 Way Out"),
        (ADDRESS, "内存地址 0x7ffe 号, IP地址：10.0.0.1"),
        (BIRTH, "地震发生于2008年6月14日, born in 1909, 1990年3月7日"),
        (BIRTH, "The library was born. Version 1.2.2019"),
        (NAME, "用户名和密码, 客户名单收集, 负责人员"),
        (NAME, "name: Publish Package, Named Entity Recognition, Dear Customer Service"),
        (NAME, "contact us, Contact The Team, 先生们"),
    ],
)
def test_left_alone(kind: FindingKind, text: str) -> None:
    assert found(text, kind) == []


def test_what_words_say_is_never_certain() -> None:
    text = "联系人：谢畅，地址：山西省春梅市黄浦石家庄街Q座，出生日期：1990年3月7日，车牌京A12345，QQ：12345678"
    rows = rows_of(text)
    assert {str(row["kind"]) for row in rows} == {NAME, ADDRESS, BIRTH, PLATE, QQ}
    assert all(0.5 <= float(str(row["score"])) < 1 for row in rows)
