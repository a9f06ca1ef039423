"""Licences that a text names."""

import pytest

from gristmill.tasks.safety.rights.licences import licence_of_text


@pytest.mark.parametrize(
    ("text", "spdx"),
    [
        ("# SPDX-License-Identifier: Apache-2.0\nimport os\n", "Apache-2.0"),
        ("/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */", "(GPL-2.0-only OR MIT)"),
        ("// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note\n", "GPL-2.0-only WITH Linux-syscall-note"),
        ("<!-- SPDX-License-Identifier: mit -->", "MIT"),
        ("SPDX-License-Identifier: Not-A-Licence\n", None),
        ("SPDX-License-Identifier: nothing\nx\nSPDX-License-Identifier: 0BSD", "0BSD"),
        ('Licensed under the Apache License, Version 2.0 (the "License");', "Apache-2.0"),
        ("Permission is hereby granted, free of charge, to any person obtaining a copy", "MIT"),
        (
            "This work is licensed under a Creative Commons Attribution-ShareAlike 4.0 International License.",
            "CC-BY-SA-4.0",
        ),
        ("Creative Commons Attribution-NonCommercial-NoDerivatives 4.0", "CC-BY-NC-ND-4.0"),
        ("本作品采用知识共享署名-非商业性使用-相同方式共享 4.0 国际许可协议进行许可。", "CC-BY-NC-SA-4.0"),
        ("本文采用 CC BY-SA 4.0 许可", "CC-BY-SA-4.0"),
        ("CC0 1.0 Universal", "CC0-1.0"),
        ("All rights reserved. 版权所有", None),
        ("We love Creative Commons.", None),
    ],
)
def test_licence(text: str, spdx: str | None) -> None:
    licence = licence_of_text(text)
    assert (licence.spdx if licence else None) == spdx
    if licence:
        assert licence.line
        assert "\n" not in licence.line
