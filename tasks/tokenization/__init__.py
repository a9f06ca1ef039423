"""Words of English, Chinese and other languages, as the reference implementations split them."""
