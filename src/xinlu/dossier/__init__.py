"""One subject’s file (一户式档案) and the public query; reads lower rooms and owns nothing."""
