"""Pages in the shapes that shops send, small enough to be cut everywhere."""

from __future__ import annotations

PAGES: dict[str, bytes] = {
    "plain": b"""<!DOCTYPE html>
<html lang="sv">
<head>
  <meta charset="utf-8">
  <title>Butik &ndash; <b>Stol</b></title>
</head>
<body class="home"><h1>Stolar</h1><p>x</p></body>
</html>
""",
    "conditional comments": b"""<!doctype html>
<!--[if lt IE 7]> <html class="no-js ie6"> <![endif]-->
<!--[if gt IE 8]><!--> <html class="no-js" data-a='x > y'> <!--<![endif]-->
<!-- <head> in a comment --><head itemscope>
<meta http-equiv="X-UA-Compatible" content="IE=edge"><meta http-equiv=Content-Type content="text/html;charset=latin1" />
<script>document.write("<head><meta charset='x'></body>")</script></head>
<body><p>hej</p></body></html><!-- 12 queries in 0.3 s. -->""",
    "xhtml as html": b"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="sv"><head profile="http://gmpg.org/xfn/11">
<title>x</title></head><BODY>y</BODY></HTML>""",
    "optional tags": b"""<!doctype html><meta charset=utf-8><title>Kort</title><link rel=stylesheet href=/a.css><p>Text
<footer><script>if(a</body/.test(b))alert(1)</script></footer>""",
    "broken": b"""

<!-- rubbish -- here -> --><!DOCTYPE HTML>
<HTML><HEAD><TITLE>Old</TITLE><META NAME=GENERATOR CONTENT='x>y'></HEAD><BODY BGCOLOR=white TEXT='<head>'>
</BODY><BODY></BODY></HTML></HTML>
""",
    "fragment": b"<div id=cart><head><b>2 items</b></div>",
    "utf-8 with bom": b"\xef\xbb\xbf<!doctype html><html><head><title>\xc3\xa5</title></head><body></body></html>",
    "late charset": b"<html><head>"
    + b"<link rel=preload href=/a.js as=script>" * 24
    + b"<meta charset=utf-8><title>x</title></head><body>y</body></html>",
}
