"""Single takes among the test clips, each looked at picture by picture where its pictures change most: none holds a cut.

Some clips hold several takes: `first` and `last` keep clear of the cuts, dissolves, fades and jumps between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from composer.errors import OptionError

#: the clip whose cuts are known to the picture, and its truth
COUNTED, COUNTED_TRUTH = "film/montage_accelerating_known_cuts.mp4", "cuts/montage_accelerating_known_cuts.truth.json"


@dataclass(frozen=True)
class Take:
    """Pictures `first` to `last` (exclusive) of a clip's stream, filmed in one go."""

    file: str
    first: int
    last: int
    stream: str = "v:0"


_SILENT = "film/nosferatu_silent_48s.mp4"
_HEAP, _TEST, _NASA = "odd/truncated_header60s_data18s.mp4", "film/pyscenedetect_testvideo_24s.mp4", "odd/nasa_multi_stream_13s.mp4"
_RABBIT = "film/bbb_35s_320x180.mp4"
#: for tuning, and for the even seeds of the test
TAKES = {
    "drive": Take("film/drive_car_31s.webm", 0, 900),
    "flower": Take("odd/flower_cc0_5s.mp4", 0, 150),
    "dancer": Take("odd/audio_first_6s.mp4", 0, 185),
    "burrow": Take(_RABBIT, 85, 425),
    "meadow": Take(_RABBIT, 426, 626),
    "giant": Take(_RABBIT, 628, 736),
    "hill": Take(COUNTED, 0, 150),
    "coast": Take(COUNTED, 150, 275),
    "desk": Take(_SILENT, 122, 238),
    "forest": Take(_SILENT, 580, 683),
}
#: never in a montage that anything was tuned on: for the odd seeds of the test
HELD_OUT = {
    "clouds": Take(_HEAP, 56, 284),
    "brook": Take(_HEAP, 286, 377),
    "bird": Take(_HEAP, 379, 465),
    "cheeks": Take(_RABBIT, 738, 810),
    "hangar": Take(_NASA, 182, 239, "v:1"),
    "lift": Take(_NASA, 241, 389, "v:1"),
    "plane": Take("odd/failing_audio_11s.mp4", 0, 185),
    "leaf": Take(_TEST, 32, 178),
    "deer": Take(_TEST, 256, 330),
    "stone": Take(_TEST, 428, 524),
    "wing": Take(_TEST, 572, 660),
    "gate": Take(_SILENT, 692, 778),
    "chase": Take(_SILENT, 1032, 1130),
    "desert": Take("film/sintel_trailer_480x204.mp4", 886, 956),
}


_NEAR = "crop=iw*0.7:ih*0.7"
#: movements of camera and light that a single take may get, as ffmpeg filters: none is a change of shot
MOVES = {
    "as it is": "null",
    "pan": f"{_NEAR}:x='(iw-ow)/2*(1-cos(1.6*t))':y='(ih-oh)/2*(1+sin(t))'",
    "swing": "crop=iw*0.45:ih*0.45:x='(iw-ow)*(clip((t-1)/0.4,0,1)-clip((t-2.6)/0.7,0,1))':y='(ih-oh)*clip((t-2.6)/0.7,0,1)'",
    "zoom": "zoompan=z='1+0.2*on/25':d=1:x='(iw-iw/zoom)/2':y='(ih-ih/zoom)/2':s=480x270:fps=25",
    "shake": f"{_NEAR}:x='(iw-ow)/2+24*(random(1)-0.5)':y='(ih-oh)/2+24*(random(2)-0.5)'",
    "brighter": "eq=contrast='1+0.4*sin(1.8*t)':brightness='0.15*sin(1.8*t)':eval=frame",
    "flash": "eq=brightness='0.65*between(mod(n,50),20,21)':eval=frame",
    "strobe": "eq=brightness='0.7*between(n,30,90)*mod(floor(n/3),2)':eval=frame",
    "flicker": "hue=s=0,eq=brightness='0.14*(random(0)-0.5)':eval=frame,noise=alls=12:allf=t",
    "interlaced": "tinterlace=interleave_top",
}


def check_clips(clips: Path) -> None:
    """Raises OptionError when a clip that a take comes from is missing."""
    wanted = sorted({take.file for take in (*TAKES.values(), *HELD_OUT.values())} | {COUNTED, COUNTED_TRUTH})
    missing = [name for name in wanted if not (clips / name).is_file()]
    if missing:
        raise OptionError(
            f"{clips} lacks {len(missing)} of {len(wanted)} clips, first {missing[0]}", "Give the folder of the test clips with --clips."
        )
