"""Names of persons, by rules: a name after a word that introduces one, or with a title.

Chinese: a common surname and one or two characters after 姓名, 联系人, 经办人 ... (.8; .6 after 我叫 and 名叫,
as stories have them), or before 先生, 女士, 教授 ... (.5). English and its neighbours: capitalised words after "Name:",
"Reported by", "Contact:" ... (.7), or after Mr., Mrs., Dr. ... (.5). What introduces nobody is left alone, so recall
on running text is low by design: novels and encyclopedias are full of names.
"""

import re
from collections.abc import Iterator

from gristmill.schemas.findings import FindingKind
from gristmill.tasks.safety.finding import Detector, Finding
from gristmill.tasks.safety.personal.rules import in_bytes

SURNAMES = (
    "萧阎鄢褚蔺裘傅伊计谈茅危昝缪贲郁杭诸钮嵇滑荀惠封芮储汲井富乌巴车侯宓郗仰暴厉戎祖景束幸韶郜蓟薄印宿怀邰鄂索籍赖屠池乔阴胥闻莘党贡劳逄扶堵宰郦雍璩濮扈燕冀浦晏阙竺盖桓"
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林郑谢罗梁宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方"
    "白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤温康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关兰焦俞左柳"
    "甘祝包宁尚符舒阮柯纪梅童凌毕单季裴霍涂成苗谷盛曲翁冉骆蓝路游辛靳欧管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤阳时穆农司卓古吉缪简车项连芦麦褚娄窦戚岑景党宫费"
    "卜冷晏席卫米柏宗瞿桂全佟应臧闵苟邬边卞姬师和仇栾隋商刁沙荣巫寇桑郎甄丛仲虞敖巩明佘池查麻苑迟邝張劉陳楊黃趙吳孫馬鄭謝羅許韓馮鄧葉蘇呂盧鍾譚陸賈鄒龍顧錢嚴"
)
DOUBLE = "欧阳|司马|上官|诸葛|东方|皇甫|尉迟|公孙|令狐|慕容|司徒|夏侯|端木|轩辕|宇文|长孙"
GIVEN = "[\u4e00-\u9fff]"
CHINESE_LABEL = (
    "联系人|姓名|经办人|负责人|收件人|收货人|寄件人|发件人|申请人|法定代表人|法人代表|法人|患者|投保人|被保险人|持卡人|户名|业主|家长|学生姓名|签发人|"
    "签字人|经手人|承办人|当事人|报案人|举报人|我叫|名叫|姓名为|聯絡人|聯繫人|負責人|收件者"
)
NOT_GIVEN = "签字|签名|电话|手机|先生|女士|小姐|联系|已经|负责|提交|办理|身份|地址|邮箱|同志|老师|"
LABELLED_CHINESE = re.compile(
    rf"(?<![用客])(?:{CHINESE_LABEL})[ ]?[:：为是]?[ ]{{0,2}}(?P<name>(?:{DOUBLE}|[{SURNAMES}])[\u4e00-\u9fff]{{1,2}})"
)
ENDS = re.compile(r"(?=[签的在于和与及、，。；：！？,.;:!?（(\s\n先女小老同电手联已负提办身地邮\d]|$)")
TITLES = "先生|女士|小姐|太太|教授|博士|律师|医生|主任|经理|校长|院士|同学"
TITLED_CHINESE = re.compile(
    rf"(?<![\u4e00-\u9fff])(?P<name>(?:{DOUBLE}|[{SURNAMES}])[\u4e00-\u9fff]{{1,2}})(?=(?:{TITLES}))"
)
WORD = r"(?:O['’])?[A-ZÀ-ÖØ-ÞŠŽŁ][a-zß-öø-ÿšžłńćęąěščřžýáíéůőű]+(?:[-'’][A-ZÀ-ÖØ-Þ][a-zß-öø-ÿšžł]+)?"
INITIAL = r"[A-Z](?:\.|(?![\w'’]))"
PARTICLE = r"(?:van|von|de|del|della|der|den|di|da|dos|la|le|bin|al|ter|Mc|Mac)"
NAME = rf"(?:{PARTICLE} )?{WORD}(?:[ ](?:{INITIAL}|{PARTICLE}|{WORD})){{0,3}}"
FULL_NAME = rf"{WORD}(?:[ ](?:{INITIAL}|{PARTICLE})){{0,2}}[ ]{WORD}(?:[ ]{WORD})?"
HONORIFIC = re.compile(
    rf"(?<![A-Za-z])(?:Mr|Mrs|Ms|Miss|Dr|Prof|Professor|Sir|Madam|Herr|Frau|Monsieur|Madame|Mme|Señor"
    rf"|Señora)\.?[ ](?P<name>{NAME})"
)
LABEL = re.compile(
    r"(?<![A-Za-z])(?:(?:(?:[Ff]ull |[Ff]irst |[Ll]ast |[Cc]ustomer |[Pp]atient |[Cc]ontact )[Nn]ame|Name"
    r"|Nom|Nombre|Attn|Cardholder|Account holder|Beneficiary)"
    r"[ ]?:[ ]{0,4}|(?:[Pp]atient|[Cc]ontact(?: person)?|[Aa]ttn|[Aa]ttention|(?:[Rr]eported|[Ss]igned"
    r"|[Ss]ubmitted|[Pp]repared|[Aa]pproved|[Dd]irected) [Bb]y|"
    r"[Ss]igned|[Mm]y name is|named|the name|[Dd]ear|[Ss]incerely|[Rr]egards|Ansprechpartner(?:in)?)"
    r"(?:[ ]?[:,][ ]{0,4}|[ ]|,?\n))"
    rf"(?P<name>(?!Mr|Mrs|Ms|Miss|Dr|Prof){FULL_NAME})"
)
NOBODY = re.compile(
    r"(?:The|This|That|These|Those|All|Your|Our|New|If|In|On|At|Please|Sir|Madam|Team|Support|Customer|Service|Services|Us|Department|Server|File|Field|"
    r"Type|Value|Description|Default|Class|Method|Function|Space|Data|System|User|Group|Number|Address|Email|Phone|Date|Time|States|University|Company|Inc|"
    r"Ltd|Street|Road|Reader|Readers|Friends|Page|Form|Center|Centre|Committee|Office|Entity|Package|Pages|Recognition|Project|Section|Chapter|Figure|Information|List|Table|Resolution|Server|Windows|Linux)"
)
LABELLED_HIT, TITLED_HIT = "rule:name_label", "rule:name_title"


def labelled_names(text: str, start: int, end: int) -> Iterator[Finding]:
    """Names after a word that introduces one."""
    for match in LABELLED_CHINESE.finditer(text, start, end):
        first, last = match.span("name")
        while last > first + 1 and (text[last - 1 : last + 1] in NOT_GIVEN.split("|") or text[last - 1] in "签的是在"):
            last -= 1
        if last > first + 1 and ENDS.match(text, last, end):
            told = "叫" in text[match.start() : first]  # as stories do
            yield Finding(first, last, FindingKind.PERSON_NAME, 0.6 if told else 0.8, LABELLED_HIT)
    for match in LABEL.finditer(text, start, end):
        words = match["name"].split(" ")
        while len(words) > 2 and (NOBODY.fullmatch(words[-1]) or text[match.end() : match.end() + 1] == " "):
            words.pop()  # two names in a row, then a sentence that begins without a full stop before it
        if not any(NOBODY.fullmatch(word) for word in words):
            first = match.start("name")
            yield Finding(first, first + len(" ".join(words)), FindingKind.PERSON_NAME, 0.7, LABELLED_HIT)


def titled_names(text: str, start: int, end: int) -> Iterator[Finding]:
    """Names with a title."""
    for match in TITLED_CHINESE.finditer(text, start, end):
        yield Finding(*match.span("name"), FindingKind.PERSON_NAME, 0.5, TITLED_HIT)
    for match in HONORIFIC.finditer(text, start, end):
        yield Finding(*match.span("name"), FindingKind.PERSON_NAME, 0.5, TITLED_HIT)


LABELLED_NAME = Detector(
    LABELLED_HIT,
    1,
    (FindingKind.PERSON_NAME,),
    (
        in_bytes(rf"(?:{CHINESE_LABEL}) ?(?::|：|为|是)? ?[\xe4-\xe9]"),
        r"(?:Name|[a-z] [Nn]ame|[Pp]atient|[Cc]ontact(?: person)?|[Aa]ttn|[Aa]ttention|(?:[Rr]eported"
        r"|[Ss]igned|[Ss]ubmitted|[Pp]repared|[Aa]pproved) by|[Ss]igned|"
        r"holder|[Bb]eneficiary|[Dd]irected [Bb]y|[Mm]y name is|the name|named|[Dd]ear|[Ss]incerely"
        r"|[Rr]egards|[Nn]om|[Nn]ombre|Ansprechpartner)"
        r"(?:[ ]?[:,][ ]{0,4}|[ ]|,?\n)[A-Z\xc3][a-z\x80-\xbf]",
    ),
    labelled_names,
    reach=(48, 64),
)
TITLED_NAME = Detector(
    TITLED_HIT,
    1,
    (FindingKind.PERSON_NAME,),
    (
        in_bytes(f"(?:{TITLES})"),
        r"\b(?:Mr|Mrs|Ms|Miss|Dr|Prof|Professor|Sir|Madam|Herr|Frau|Monsieur|Madame|Mme)\.?[ ][A-Z\xc3][a-z\x80-\xbf]",
    ),
    titled_names,
    reach=(24, 64),
)
DETECTORS = (LABELLED_NAME, TITLED_NAME)
