"""Cut lists as real programs write them, read as film time; and what strangers may send."""

from __future__ import annotations

import itertools
import json
import re
import textwrap
import zipfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio  # type: ignore[import-untyped]
import pytest
from scenedetect import FrameTimecode, output

from composer.cut_list import CutList, found, read_cut_list
from composer.errors import MissingToolError, OptionError
from composer.film import Film
from composer.timecode import timecode
from tests.filmmaker import film_of
from tests.films import clip

F2398, F2997 = Fraction(24000, 1001), Fraction(30000, 1001)


def a_film(duration_s: float = 60.0, rate: Fraction = Fraction(25)) -> Film:
    return film_of([], duration_s, [0.0], [0.0], rate)


def read(folder: Path, name: str, content: str | bytes, film: Film | None = None, start_tc: str | None = None) -> CutList:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_cut_list(path, film or a_film(), start_tc)


def refused(folder: Path, name: str, content: str | bytes, film: Film | None = None, start_tc: str | None = None) -> str:
    with pytest.raises(OptionError) as raised:
        read(folder, name, content, film, start_tc)
    assert str(folder) not in raised.value.problem
    return str(raised.value)


def moments(cut_list: CutList) -> list[tuple[float, str, float]]:
    return [(m.time_s, m.label, m.weight) for m in cut_list.markers]


def frames(cut_list: CutList, rate: Fraction) -> list[float]:
    return [float(round(Fraction(time_s) * rate * 2) / 2) for time_s in cut_list.cuts_s]


# --- tables -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        "time,label,weight\n12.48,Door,0.8\n1:02.5,Scream,\n",
        "\ufefftime;label;weight\n12,48;Door;0,8\n1:02,5;Scream;1\n",
        "Time\tLabel\tWeight\n12.48\tDoor\t.8\n0:01:02.5\tScream\n",
        "12.48,Door,0.8\r\n\r\n# later\r\n62.5,Scream\r\n",
        '"12.48","Door","0.8"\n"62.5","Scream","1"\n',
        "weight,time,remark,label\n0.8,12.48,x,Door\n,62.5,y,Scream\n",
        "12,48;Door;0.8\n62,5;Scream\n",
        "01:00:12:12,Door,0.8\n1:02.5,Scream\n",
        "time;label;weight\n01:00:12:12;Door;0.8\n62.5;Scream\n",
    ],
)
def test_tables_in_many_hands(tmp_path: Path, content: str) -> None:
    read_list = read(tmp_path, "hits.csv", content, a_film(70))
    assert moments(read_list) == [(12.48, "Door", 0.8), (62.5, "Scream", 1.0)]
    assert read_list.cuts_s == () and read_list.outside == 0 and read_list.start_tc == "01:00:00:00"
    assert all(m.kind == "marker" for m in read_list.markers)


def test_a_quoted_label_may_hold_anything(tmp_path: Path) -> None:
    read_list = read(tmp_path, "hits.csv", 'time,label\n5,"Boom, ""they"" said\n\x07twice"\n6,' + "long " * 50 + "\n")
    assert read_list.markers[0].label == 'Boom, "they" said twice'
    assert len(read_list.markers[1].label) <= found.LONGEST_LABEL


def test_weight_zero_is_kept_and_means_no_hit(tmp_path: Path) -> None:
    assert moments(read(tmp_path, "hits.csv", "time,weight\n3,0\n4,1\n")) == [(3.0, "", 0.0), (4.0, "", 1.0)]


def test_markers_from_premiere(tmp_path: Path) -> None:
    table = "Marker Name\tDescription\tIn\tOut\tDuration\tMarker Type\nDoor\t\t00:00:05:12\t00:00:05:12\t00:00:00:00\tComment\n"
    read_list = read(tmp_path, "markers.csv", table.encode("utf-16"))
    assert moments(read_list) == [(5.48, "Door", 1.0)] and read_list.start_tc == "00:00:00:00"


def test_markers_from_premiere_in_drop_frame(tmp_path: Path) -> None:
    read_list = read(tmp_path, "m.csv", "Marker Name\tIn\nDoor\t00;01;00;02\n", a_film(70, F2997))
    assert read_list.markers[0].time_s == float(1800 / F2997) and read_list.start_tc == "00:00:00;00"


def test_timecode_counts_from_the_start_that_is_given(tmp_path: Path) -> None:
    assert read(tmp_path, "a.csv", "10:00:05:00\n", start_tc="10:00:00:00").markers[0].time_s == 5.0
    assert read(tmp_path, "a.csv", "00:00:05:00\n").markers[0].time_s == 5.0
    film = a_film(7200, F2997)
    dropped = read(tmp_path, "a.csv", "02:00:00;00,end of reel\n", film, "01:00:00;00")
    assert dropped.markers[0].time_s == float(107892 / F2997) and dropped.start_tc == "01:00:00;00"
    assert read(tmp_path, "a.csv", '02:00:00;00,"x"\n', film, "01:00:00:00").start_tc == "01:00:00;00"


def test_seconds_are_kept_and_only_rounding_is_undone(tmp_path: Path) -> None:
    film = a_film(60, F2997)
    times = [m.time_s for m in read(tmp_path, "a.csv", "6.707\n12.5\n", film).markers]
    assert times == [float(201 / F2997), 12.5]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        ("# only a remark\n", "is empty"),
        ("time,label\n", "holds no change of shot and no marker"),
        ("moment,label\nfive,x\n", "no column 'time'"),
        ("time,label\n5,a\nsoon,b\n", "line 3: 'soon' is no time"),
        ("time,label\n-5,a\n", "line 2: '-5' is no time"),
        ("time\n0:75\n", "line 2: '0:75' is no time"),
        ("time\n0:61:00\n", "line 2"),
        ("time\nnan\n", "line 2"),
        ("5x,a\n", "line 1: '5x' is no time"),
        ("time,label,weight\n5,a,1.5\n", "line 2: weight '1.5'"),
        ("time,label,weight\n5,a,nan\n", "line 2: weight 'nan'"),
        ("time,label,weight\n5,a,heavy\n", "line 2: weight 'heavy'"),
        ("01:00:05:25\n", "Frames go to 24"),
        ("01:00:05;10\n", "29.97"),
        ("time;label\n01:00:05;10;Boom\n", "unclear whether 10"),
        ("\x00\x01\x02", "is not text"),
        ('5,"' + "x" * 200_000 + "\n", "field larger"),
    ],
)
def test_tables_that_are_wrong(tmp_path: Path, content: str, words: str) -> None:
    assert words in refused(tmp_path, "hits.csv", content)


NEW_SCENES = """\
Timecode List:,00:00:06.707,00:00:12.746
Scene Number,Start Frame,Start Timecode,Start Time (seconds),End Frame,End Timecode,End Time (seconds),Length (frames)
1,1,00:00:00.000,0.000,201,00:00:06.707,6.707,201
2,202,00:00:06.707,6.707,382,00:00:12.746,12.746,181
3,383,00:00:12.746,12.746,719,00:00:23.991,23.991,337
"""


@pytest.mark.parametrize("content", [NEW_SCENES, NEW_SCENES.split("\n", 1)[1]])
def test_scenes_of_pyscenedetect(tmp_path: Path, content: str) -> None:
    read_list = read(tmp_path, "scenes.csv", content, a_film(24, F2997))
    assert read_list.cuts_s == (float(201 / F2997), float(382 / F2997)) and read_list.markers == ()


def test_scenes_of_an_old_pyscenedetect() -> None:
    read_list = read_cut_list(clip("cuts/testvideo_scenes.csv"), a_film(24, F2997))
    assert read_list.cuts_s == (float(201 / F2997), float(382 / F2997))


def test_scenes_that_are_wrong(tmp_path: Path) -> None:
    assert "line 4: no number" in refused(tmp_path, "s.csv", NEW_SCENES.replace("00:00:06.707,6.707,382", "00:00:06.707,six,382"))
    assert "no change of shot" in refused(tmp_path, "s.csv", "\n".join(NEW_SCENES.split("\n")[:3]))


# --- EDL --------------------------------------------------------------------------------------------------------------

RESOLVE = """\
TITLE: Reel 1 v04
FCM: NON-DROP FRAME

001  AX       V     C        00:00:10:00 00:00:14:00 01:00:00:00 01:00:04:00
* FROM CLIP NAME: A001_C002.mov
* LOC: 01:00:02:12 RED     Door slams

002  A001C003 V     C        14:22:07:29 14:22:11:29 01:00:04:00 01:00:06:00
M2   A001C003       048.0                14:22:07:29
* FROM CLIP NAME: A001_C003.mov

003  AX       V     C        00:00:00:00 00:00:00:00 01:00:06:00 01:00:06:00
003  BX       V     D    024 00:00:20:00 00:00:26:00 01:00:06:00 01:00:12:00
* FROM CLIP NAME: A001_C003.mov
* TO CLIP NAME: B.mov

004  AX       V     C        00:00:01:00 00:00:03:00 01:00:14:00 01:00:16:00
005  AX       A     C        00:00:00:00 00:00:16:00 01:00:00:00 01:00:16:00
006  AX       V2    C        00:00:00:00 00:00:01:00 01:00:05:00 01:00:06:00
"""
PREMIERE = """\
TITLE:   Sequence 01
FCM: NON-DROP FRAME

001  AX       AA/V  C        00:00:00:00 00:00:02:00 00:00:00:00 00:00:02:00
* FROM CLIP NAME:  one.mp4

002  AX       B     C        00:00:05:00 00:00:09:00 00:00:02:00 00:00:04:00
* FROM CLIP NAME:  two (final).mp4
* COMMENT: 2 speeds, 1 of them 00:00:01:00 long

003  long reel name.mp4  V  W001 010  00:00:00:00 00:00:02:00 00:00:04:00 00:00:06:00
"""
MARKERS = """\
TITLE: Timeline 1
FCM: NON-DROP FRAME

001  001      V     C        01:00:18:06 01:00:18:07 01:00:18:06 01:00:18:07  
 |C:ResolveColorBlue |M:Door |D:1

002  001      V     C        01:00:20:20 01:00:20:21 01:00:20:20 01:00:20:21  
2. scream, late |C:ResolveColorYellow |M:Marker 2 |D:1
"""  # noqa: W291


def test_edl_from_resolve(tmp_path: Path) -> None:
    read_list = read(tmp_path, "reel.edl", RESOLVE, a_film(60, Fraction(30)))
    # cut; dissolve's middle (24 frames from 6 s); end of a shot before black; begin of the next
    assert read_list.cuts_s == (4.0, 6.4, 12.0, 14.0)
    assert moments(read_list) == [(2.4, "Door slams", 1.0)]
    assert read_list.start_tc == "01:00:00:00"


def test_edl_from_premiere(tmp_path: Path) -> None:
    read_list = read(tmp_path, "S.EDL", PREMIERE.replace("\n", "\r\n"))
    assert read_list.cuts_s == (2.0, 4.2) and read_list.start_tc == "00:00:00:00"


def test_markers_of_resolve_are_no_cuts(tmp_path: Path) -> None:
    read_list = read(tmp_path, "markers.edl", MARKERS)
    assert read_list.cuts_s == ()
    assert moments(read_list) == [(18.24, "Door", 1.0), (20.8, "2. scream, late", 1.0)]


def test_edl_in_drop_frame(tmp_path: Path) -> None:
    lines = "001 A V C 00:00:00;00 00:01:00;02 01:00:00;00 01:01:00;02\n002 A V C 00:01:00;02 00:10:00;00 01:01:00;02 01:10:00;00\n"
    lines += "003 A V C 00:00:00;00 00:00:05;00 01:10:00;00 01:10:05;00\n"
    film = a_film(700, F2997)
    for text in (lines, "FCM: DROP FRAME\n" + lines.replace(";", ":"), "FCM: DROP FRAME\n" + lines):
        for start in (None, "01:00:00;00", "01:00:00:00"):
            read_list = read(tmp_path, "d.edl", text, film, start)
            assert frames(read_list, F2997) == [1800, 17982] and read_list.start_tc == "01:00:00;00"
    plain = lines.replace(";", ":").replace("01:01:00:02", "01:01:00:00")
    assert frames(read(tmp_path, "n.edl", "FCM: NON-DROP FRAME\n" + plain, film), F2997) == [1800, 18000]
    assert frames(read(tmp_path, "u.edl", lines.replace(";", ":"), film, "01:00:00;00"), F2997) == [1800, 17982]
    assert "drop-frame" in refused(tmp_path, "n.edl", "FCM: NON-DROP FRAME\n" + plain, film, "01:00:00;00")
    assert "29.97" in refused(tmp_path, "d.edl", lines, a_film(700))


def test_edl_whose_tapes_count_otherwise(tmp_path: Path) -> None:
    lines = "FCM: NON-DROP FRAME\n001 A V C 00:00:00;00 00:01:00;00 01:00:00:00 01:01:00:00\n"
    lines += "FCM: DROP FRAME\n002 B V C 00:00:00;00 00:00:05;00 01:01:00:00 01:01:05:00\n"
    assert frames(read(tmp_path, "t.edl", lines, a_film(100, F2997)), F2997) == [1800]


def test_edl_counts_pictures_not_seconds(tmp_path: Path) -> None:
    hour = "001 A V C 00:00:00:00 01:00:00:00 01:00:00:00 02:00:00:00\n002 A V C 00:00:00:00 00:00:05:00 02:00:00:00 02:00:05:00\n"
    assert frames(read(tmp_path, "h.edl", hour, a_film(4000, F2398)), F2398) == [86400]


def test_edl_with_a_leader_before_the_film(tmp_path: Path) -> None:
    lines = "001 BARS V C 00:00:00:00 00:00:30:00 00:59:30:00 01:00:00:00\n002 A V C 00:00:00:00 00:00:05:00 01:00:00:00 01:00:05:00\n"
    lines += "003 A V C 00:00:00:00 00:00:05:00 01:00:05:00 01:00:10:00\n* LOC: 00:59:58:00 RED two pop\n"
    read_list = read(tmp_path, "l.edl", lines, start_tc="01:00:00:00")
    assert read_list.cuts_s == (5.0,) and read_list.outside == 1 and read_list.markers == ()
    earlier = read(tmp_path, "l.edl", lines, a_film(90), start_tc="00:59:00:00")
    assert earlier.cuts_s == (30.0, 60.0, 65.0)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "holds no change of shot"),
        ("TITLE: nothing\n", "holds no change of shot"),
        ("{\\rtf1 not an edl}\n", "holds no change of shot"),
        ("001 A V C 00:00:00:00 00:00:01:00 01:00:00:00 01:00:01:00\n", "holds no change of shot"),
        ("001 A V C 00:00:00:00 00:00:01:00 01:00:00:00 01:00:\n", "line 1"),
        ("001 A V Q 00:00:00:00 00:00:01:00 01:00:00:00 01:00:01:00\n", "is no event"),
        ("001 A V C 00:00:00:00 00:00:01:00 01:00:00:25 01:00:01:00\n", "made at another rate"),
        ("001 A V C 00:00:00:00 00:00:01:00 01:61:00:00 01:00:01:00\n", "line 1"),
    ],
)
def test_edls_that_are_wrong(tmp_path: Path, content: str, words: str) -> None:
    assert words in refused(tmp_path, "x.edl", content)


def test_edl_agrees_with_the_adapter_of_opentimelineio(tmp_path: Path) -> None:
    adapter = pytest.importorskip("otio_cmx3600_adapter.cmx_3600")
    lengths, at, lines = [31, 7, 120, 1, 55, 24], 90_000, ["TITLE: plain"]
    for number, length in enumerate(lengths, 1):
        source, record = (" ".join(timecode(f / 25, Fraction(25), "00:00:00:00") for f in (s, s + length)) for s in (250, at))
        lines.append(f"{number:03d}  AX V C {source} {record}")
        at += length + (10 if number == 3 else 0)
    text = "\n".join(lines)
    track = adapter.read_from_string(text, rate=25).tracks[0]
    edges = [track.range_of_child(child).start_time.value for child in track][1:]
    assert frames(read(tmp_path, "p.edl", text), Fraction(25)) == edges


# --- FCPXML -----------------------------------------------------------------------------------------------------------


def fcpxml(storyline: str, tc_start: str = "0s", frame: str = "1/25s", form: str = "NDF", resources: str = "") -> str:
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE fcpxml>
<fcpxml version="1.9">
  <resources>
    <format id="r1" name="FFVideoFormat1080p" frameDuration="{frame}" width="1920" height="1080"/>
    <asset id="r2" name="A" start="0s" duration="4s" hasVideo="1" format="r1"><media-rep kind="original-media" src="file:///A.mov"/></asset>
    {resources}
  </resources>
  <library location="file:///L.fcpbundle/"><event name="E"><project name="Cut 4">
    <sequence format="r1" duration="100s" tcStart="{tc_start}" tcFormat="{form}" audioLayout="stereo" audioRate="48k">
      <spine>{storyline}</spine>
    </sequence>
  </project></event></library>
</fcpxml>
"""


FINAL_CUT = """
<asset-clip ref="r2" offset="0s" name="A" start="10s" duration="4s">
  <marker start="11s" duration="1/25s" value="Door slams"/>
  <chapter-marker start="12s" duration="1/25s" value="Chapter" posterOffset="11/25s"/>
  <marker start="20s" duration="1/25s" value="trimmed away"/>
</asset-clip>
<transition name="Cross Dissolve" offset="175/50s" duration="1s"><filter-video ref="r3"/></transition>
<asset-clip ref="r2" offset="4s" name="B" duration="4s">
  <asset-clip ref="r2" lane="1" offset="1s" name="connected" start="2s" duration="2s">
    <marker start="5/2s" duration="1/25s" value="on the connected clip" completed="0"/>
  </asset-clip>
  <spine lane="2" offset="2s"><title ref="r9" offset="0s" duration="1s"/><title ref="r9" offset="1s" duration="1s" start="3600s">
    <marker start="7201/2s" duration="1/25s" value="" note="noted"/></title></spine>
</asset-clip>
<gap name="Gap" offset="8s" start="3600s" duration="2s"><marker start="3601s" duration="1/25s" value="in the dark"/></gap>
<gap name="Gap" offset="10s" start="3600s" duration="1s"/>
<video ref="r4" offset="11s" name="generator" start="3600s" duration="1s"/>
<audition offset="12s"><asset-clip ref="r2" name="picked" start="1s" duration="2s"/><asset-clip ref="r2" duration="3s"/></audition>
<title ref="r9" offset="14s" name="end" start="3600s" duration="5s"/>
"""


def test_fcpxml_from_final_cut(tmp_path: Path) -> None:
    read_list = read(tmp_path, "cut.fcpxml", fcpxml(FINAL_CUT))
    assert read_list.cuts_s == (4.0, 8.0, 11.0, 12.0, 14.0)
    assert moments(read_list) == [
        (1.0, "Door slams", 1.0),
        (2.0, "Chapter", 1.0),
        (5.5, "on the connected clip", 1.0),
        (7.5, "noted", 1.0),
        (9.0, "in the dark", 1.0),
    ]
    assert read_list.start_tc == "00:00:00:00"


def test_fcpxml_from_resolve_with_its_start_in_every_offset(tmp_path: Path) -> None:
    clips = "".join(f'<asset-clip ref="r2" offset="{f}/24000s" duration="240240/24000s"/>' for f in (86486400, 86726640, 86966880))
    film = a_film(60, F2398)
    text = fcpxml(clips, "86486400/24000s", "1001/24000s")
    read_list = read(tmp_path, "r.fcpxml", text, film)
    assert frames(read_list, F2398) == [240, 480] and read_list.start_tc == "01:00:00:00"
    assert frames(read(tmp_path, "r.xml", text, film, "01:00:05:00"), F2398) == [120, 360]
    assert frames(read(tmp_path, "r.xml", text, film, "00:59:59:00"), F2398) == [24, 264, 504]
    # the same film exported as 24: by count of pictures; as 25: by seconds
    at_24 = text.replace("1001/24000s", "1/24s").replace("86486400/24000", "3600/1").replace("240240/24000", "10/1")
    at_24 = at_24.replace("86726640/24000", "3610/1").replace("86966880/24000", "3620/1")
    assert frames(read(tmp_path, "r.fcpxml", at_24, film), F2398) == [240, 480]
    assert read(tmp_path, "r.fcpxml", at_24.replace("1/24s", "1/25s"), film).cuts_s == (10.0, 20.0)


def test_fcpxml_in_drop_frame(tmp_path: Path) -> None:
    clips = "".join(f'<asset-clip ref="r2" offset="{(107892 + f) * 1001}/30000s" duration="300300/30000s"/>' for f in (0, 300))
    text = fcpxml(clips, f"{107892 * 1001}/30000s", "1001/30000s", "DF")
    read_list = read(tmp_path, "d.fcpxml", text, a_film(60, F2997))
    assert frames(read_list, F2997) == [300] and read_list.start_tc == "01:00:00;00"
    assert frames(read(tmp_path, "d.fcpxml", text, a_film(60, F2997), "01:00:02:00"), F2997) == [240]


def test_fcpxml_looks_into_compound_clips(tmp_path: Path) -> None:
    inside = '<asset-clip ref="r2" offset="0s" duration="4s"/><asset-clip ref="r2" offset="4s" duration="4s"/>'
    inside += '<asset-clip ref="r2" offset="8s" duration="4s"/>'
    media = f'<media id="r7" name="Scene"><sequence format="r1" duration="12s"><spine>{inside}</spine></sequence></media>'
    outside = '<asset-clip ref="r2" offset="0s" duration="2s"/><ref-clip ref="r7" offset="2s" start="3s" duration="3s"/>'
    outside += '<asset-clip ref="r2" offset="5s"/><asset-clip ref="r2"/>'
    assert read(tmp_path, "c.fcpxml", fcpxml(outside, resources=media)).cuts_s == (2.0, 3.0, 5.0, 9.0)
    itself = media.replace('<asset-clip ref="r2" offset="4s" duration="4s"/>', '<ref-clip ref="r7" offset="4s" duration="4s"/>')
    assert 2.0 in read(tmp_path, "c.fcpxml", fcpxml(outside, resources=itself)).cuts_s


def test_fcpxml_as_a_bundle(tmp_path: Path) -> None:
    bundle = tmp_path / "cut.fcpxmld"
    bundle.mkdir()
    (bundle / "Info.fcpxml").write_text(fcpxml(FINAL_CUT))
    assert len(read_cut_list(bundle, a_film()).cuts_s) == 5


LAUGHS = "<!DOCTYPE fcpxml [<!ENTITY a 'ha'><!ENTITY b SYSTEM 'file:///etc/hostname'>]><fcpxml>&a;&b;</fcpxml>"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is no XML"),
        ("<fcpxml>", "is no XML"),
        ("<html></html>", "no FCPXML but <html>"),
        ('<xmeml version="4"></xmeml>', "Final Cut Pro 7"),
        ("<fcpxml><resources/></fcpxml>", "holds no project"),
        ("<fcpxml><project><sequence/></project></fcpxml>", "no storyline"),
        ('<fcpxml><project name="a"><sequence/></project><project name="b"><sequence/></project></fcpxml>', "2 projects: 'a', 'b'"),
        (fcpxml(""), "holds no change of shot"),
        (fcpxml('<gap offset="soon" duration="1s"/>'), "'soon' is no time"),
        (fcpxml('<gap offset="0s" duration="1/0s"/>'), "damaged"),
        (fcpxml('<gap offset="1e999s" duration="1s"/>'), "is no time"),
        (LAUGHS, "entities"),
    ],
)
def test_fcpxml_that_is_wrong(tmp_path: Path, content: str, words: str) -> None:
    assert words in refused(tmp_path, "x.fcpxml", content)


# --- OTIO -------------------------------------------------------------------------------------------------------------


def rt(value: float, rate: float = 25.0) -> Any:
    return otio.opentime.RationalTime(value, rate)


def piece(start: float, length: float, rate: float = 25.0) -> Any:
    return otio.opentime.TimeRange(rt(start, rate), rt(length, rate))


def a_clip(start: float, length: float, rate: float = 25.0, **markers: float) -> Any:
    made = otio.schema.Clip("clip", source_range=piece(start, length, rate))
    made.markers.extend(otio.schema.Marker(name=name, marked_range=piece(at, 0, rate)) for name, at in markers.items())
    return made


def timeline(*items: Any, start: Any = None) -> Any:
    made = otio.schema.Timeline("t", global_start_time=start)
    made.tracks.append(otio.schema.Track("titles", kind=otio.schema.TrackKind.Video))
    made.tracks.append(otio.schema.Track("A1", [a_clip(0, 500, here=50)], kind=otio.schema.TrackKind.Audio))
    made.tracks.append(otio.schema.Track("V1", items, kind=otio.schema.TrackKind.Video))
    return made


def dissolve(before: float, after: float) -> Any:
    return otio.schema.Transition("x", "SMPTE_Dissolve", in_offset=rt(before), out_offset=rt(after))


def test_otio_cuts_gaps_dissolves_and_markers(tmp_path: Path) -> None:
    gaps = [otio.schema.Gap(source_range=piece(0, 25)) for _ in range(2)]
    made = timeline(a_clip(100, 100, Door=150, hidden=10), a_clip(0, 100), dissolve(5, 15), a_clip(50, 100), *gaps, a_clip(0, 50))
    made.tracks.markers.append(otio.schema.Marker(name="whole", marked_range=piece(75, 1)))
    made.tracks[2].markers.append(otio.schema.Marker(name="track", marked_range=piece(200, 0)))
    read_list = read(tmp_path, "t.otio", made.to_json_string())
    assert read_list.cuts_s == (4.0, 8.2, 12.0, 14.0)
    assert moments(read_list) == [(2.0, "here", 1.0), (3.0, "whole", 1.0), (8.0, "track", 1.0)]
    assert read_list.start_tc == "01:00:00:00"


def test_otio_start(tmp_path: Path) -> None:
    text = timeline(a_clip(0, 100), a_clip(0, 100), start=rt(90000)).to_json_string()
    assert read(tmp_path, "t.otio", text).cuts_s == (4.0,)
    assert read(tmp_path, "t.otio", text, start_tc="01:00:01:00").cuts_s == (3.0,)
    assert read(tmp_path, "t.otio", timeline(a_clip(0, 100), a_clip(0, 9)).to_json_string(), start_tc="05:00:00:00").cuts_s == (4.0,)


def test_otio_rates(tmp_path: Path) -> None:
    film = a_film(60, F2398)
    for rate in (24.0, 23.976, 23.98, 24000 / 1001):
        text = timeline(a_clip(0, 240, rate), a_clip(0, 240, rate), start=rt(86400, rate)).to_json_string()
        assert frames(read(tmp_path, "t.otio", text, film), F2398) == [240]
    seconds = timeline(a_clip(0, 250), a_clip(0, 250), start=rt(90000)).to_json_string()
    assert read(tmp_path, "t.otio", seconds, film).cuts_s == (10.0,)
    mixed = timeline(a_clip(0, 48, 24.0), a_clip(0, 500, 50.0), a_clip(0, 25), start=rt(90000)).to_json_string()
    assert read(tmp_path, "t.otio", mixed).cuts_s == (2.0, 12.0)


def test_otio_drop_frame_start(tmp_path: Path) -> None:
    rate, film = 30000 / 1001, a_film(60, F2997)
    text = timeline(a_clip(0, 300, rate), a_clip(0, 300, rate), start=rt(107892, rate)).to_json_string()
    assert read(tmp_path, "t.otio", text, film).start_tc == "01:00:00;00"
    for start in (None, "01:00:00;00", "01:00:00:00"):
        assert frames(read(tmp_path, "t.otio", text, film, start), F2997) == [300]


def test_otio_looks_into_nested_timelines_and_collections(tmp_path: Path) -> None:
    nested = timeline(a_clip(0, 100), a_clip(0, 100), a_clip(0, 100)).tracks.clone()
    nested.source_range = piece(75, 75)
    track = otio.schema.Track("inner", [a_clip(0, 50), a_clip(0, 50)], source_range=piece(25, 50), kind=otio.schema.TrackKind.Video)
    made = timeline(a_clip(0, 50), nested, track)
    assert read(tmp_path, "t.otio", made.to_json_string()).cuts_s == (2.0, 3.0, 5.0, 6.0)
    collection = otio.schema.SerializableCollection("c", [made])
    assert len(read(tmp_path, "t.otio", collection.to_json_string()).cuts_s) == 4
    collection.append(timeline())
    assert "2 timelines" in refused(tmp_path, "t.otio", collection.to_json_string())


def test_otio_in_a_zip(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "t.otioz", "w") as archive:
        archive.writestr("content.otio", timeline(a_clip(0, 100), a_clip(0, 100)).to_json_string())
        archive.writestr("../media/evil.mov", b"never touched")
    assert read_cut_list(tmp_path / "t.otioz", a_film()).cuts_s == (4.0,)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.otioz"]


LOOP = {
    "OTIO_SCHEMA": "Timeline.1",
    "tracks": {
        "OTIO_SCHEMA": "Stack.1",
        "OTIO_REF_ID": "S",
        "children": [{"OTIO_SCHEMA": "Track.1", "kind": "Video", "children": [{"OTIO_SCHEMA": "SerializableObjectRef.1", "id": "S"}]}],
    },
}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "damaged"),
        ("{", "damaged"),
        ("[" * 200_000 + "]" * 200_000, "fails on it"),  # crashes the library
        (json.dumps(LOOP), "cannot be read"),
        ("{}", "holds no timelines"),
        ('{"OTIO_SCHEMA": "Timeline.99"}', "damaged"),
        ('{"OTIO_SCHEMA": "Timeline.1", "tracks": 5}', "damaged"),
        ('{"OTIO_SCHEMA": "Clip.2"}', "damaged"),
        (a_clip(0, 5).to_json_string(), "holds no timelines"),
        (b"\xff\xfe\x00", "not text"),
        (timeline(a_clip(0, 100), otio.schema.Clip("no length")).to_json_string(), "damaged"),
        (timeline(a_clip(0, 100, 0.0), a_clip(0, 100, 0.0)).to_json_string(), "damaged"),
        (timeline(a_clip(0, float("inf")), a_clip(0, 1)).to_json_string(), "damaged"),
        (otio.schema.Timeline("empty").to_json_string(), "holds no change of shot"),
    ],
)
def test_otio_that_is_wrong(tmp_path: Path, content: str | bytes, words: str) -> None:
    assert words in refused(tmp_path, "x.otio", content)


def test_without_opentimelineio_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "opentimelineio.py").write_text("raise ImportError")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "x.otio").write_text("{}")
    with pytest.raises(MissingToolError, match="pip install"):
        read_cut_list(tmp_path / "x.otio", a_film())


def test_zips_that_are_wrong(tmp_path: Path) -> None:
    assert "not a zip file" in refused(tmp_path, "x.otioz", b"PK nonsense")
    with zipfile.ZipFile(tmp_path / "z.otioz", "w") as archive:
        archive.writestr("other.otio", "{}")
    assert "content.otio" in refused(tmp_path, "z.otioz", (tmp_path / "z.otioz").read_bytes())
    with zipfile.ZipFile(tmp_path / "y.otioz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("content.otio", b" " * (found.LARGEST_BYTES + 1))
    assert "more than 20 MB" in refused(tmp_path, "y.otioz", (tmp_path / "y.otioz").read_bytes())


@pytest.mark.parametrize("rate", [Fraction(25), F2398, F2997])
def test_all_that_pyscenedetect_writes_is_read_alike(tmp_path: Path, rate: Fraction) -> None:
    edges = [0, 37, 101, 102, 250, 1201]
    times = [FrameTimecode(edge, rate) for edge in edges]
    scenes, video, size = list(itertools.pairwise(times)), "film.mp4", (640, 360)
    with (tmp_path / "s.csv").open("w", newline="") as file:
        output.write_scene_list(file, scenes)
    output.write_scene_list_edl(tmp_path / "s.edl", scenes)
    output.write_scene_list_fcpx(tmp_path / "s.fcpxml", scenes, video, rate, size)
    output.write_scene_list_otio(tmp_path / "s.otio", scenes, video, rate)
    for path in sorted(tmp_path.glob("s.*")):
        assert read_cut_list(path, a_film(float(edges[-1] / rate), rate)).cuts_s == tuple(float(edge / rate) for edge in edges[1:-1])


def test_the_examples_of_the_manual(tmp_path: Path) -> None:
    text = (Path(__file__).parent.parent / "docs" / "cut-lists.md").read_text(encoding="utf-8")
    blocks = [textwrap.dedent(block) for block in re.findall(r"(?:^    .*\n(?:\n(?=    ))?)+", text, re.M)]
    table, edl = blocks[1], blocks[2]
    assert moments(read(tmp_path, "a.csv", table, a_film(100)))[1:] == [
        (62.5, "she turns", 0.6),
        (75.32, "scream", 1.0),
        (95.2, "not this one", 0.0),
    ]
    assert read(tmp_path, "a.edl", edl).cuts_s == (4.48,)


# --- any list, held against the film ----------------------------------------------------------------------------------


def test_moments_outside_are_left_out_and_counted(tmp_path: Path) -> None:
    read_list = read(tmp_path, "a.csv", "5,in\n60,at the very end\n300,out\n")
    assert moments(read_list) == [(5.0, "in", 1.0)] and read_list.outside == 2


def test_all_outside_says_what_was_read(tmp_path: Path) -> None:
    message = refused(tmp_path, "a.csv", "10:00:05:00\n10:00:06:00\n")
    assert "--start-tc" in message and "10:00:05:00 was read as 32405.00 s after" in message and "01:00:00:00" in message
    message = refused(tmp_path, "a.csv", "00:00:05:00\n00:00:06:00\n", start_tc="01:00:00:00")
    assert "00:00:06:00 was read as 3594.00 s before" in message


def test_one_moment_stays_of_those_on_one_picture(tmp_path: Path) -> None:
    read_list = read(tmp_path, "a.csv", "5,soft,0.3\n5.01,,0.9\n5.04,next,0.5\n")
    assert moments(read_list) == [(5.01, "soft", 0.9), (5.04, "next", 0.5)]
    assert read(tmp_path, "s.csv", "scene,time (ms)\n0,0\n1,5000\n2,5015\n3,9000\n").cuts_s == (5.0, 9.0)


def test_a_marker_on_a_cut_leaves_the_cut(tmp_path: Path) -> None:
    read_list = read(tmp_path, "r.edl", RESOLVE.replace("01:00:02:12 RED", "01:00:04:00 RED"), a_film(60, Fraction(30)))
    assert read_list.cuts_s[0] == 4.0 and moments(read_list) == [(4.0, "Door slams", 1.0)]


def test_the_edges_of_the_film_are_no_cuts(tmp_path: Path) -> None:
    table = "scene,time (ms)\n0,0\n1,10\n2,5000\n3,59990\n4,60000\n"
    read_list = read(tmp_path, "s.csv", table)
    assert read_list.cuts_s == (5.0,) and read_list.outside == 0


@pytest.mark.parametrize("name", ["x.aaf", "x", "x.txt", "x.mp4"])
def test_unknown_kinds(tmp_path: Path, name: str) -> None:
    message = refused(tmp_path, name, "5\n")
    assert "no kind of cut list" in message


def test_known_kinds_are_listed(tmp_path: Path) -> None:
    assert all(kind in refused(tmp_path, "x.docx", "") for kind in (".csv", ".edl", ".fcpxml", ".otio"))


@pytest.mark.parametrize("kind", [".csv", ".edl", ".fcpxml", ".otio", ".otioz"])
def test_missing_files_folders_and_giants(tmp_path: Path, kind: str) -> None:
    with pytest.raises(OptionError, match="does not exist"):
        read_cut_list(tmp_path / f"none{kind}", a_film())
    (tmp_path / f"folder{kind}").mkdir()
    with pytest.raises(OptionError, match="cannot be read"):
        read_cut_list(tmp_path / f"folder{kind}", a_film())
    if kind != ".otioz":  # with media inside it may be large
        with (tmp_path / f"giant{kind}").open("wb") as file:
            file.truncate(found.LARGEST_BYTES + 1)
        with pytest.raises(OptionError, match="more than 20 MB"):
            read_cut_list(tmp_path / f"giant{kind}", a_film())


def test_a_start_that_is_wrong_is_said_so(tmp_path: Path) -> None:
    assert "--start-tc" in refused(tmp_path, "a.csv", "5\n", start_tc="one o'clock")
    assert "29.97" in refused(tmp_path, "a.csv", "5\n", start_tc="01:00:00;00")


def test_a_list_read_is_a_list_written_in_timecode(tmp_path: Path) -> None:
    film = replace(a_film(5000, F2997), duration_s=5000.0)
    times = [float(n / F2997) for n in range(0, 149_000, 997)]
    for start in ("01:00:00:00", "23:59:30;00", "00:00:00;00"):
        table = "time,label\n" + "".join(f'"{timecode(t, F2997, start)}",{i}\n' for i, t in enumerate(times))
        assert [m.time_s for m in read(tmp_path, "a.csv", table, film, start).markers] == times
